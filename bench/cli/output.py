"""What verbs print beside their result: progress, strict JSON, and names that stay on one line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..run import Progress

_WORDS = {
    "make": "Making videos",
    "inspect": "Looking at videos",
    "measure": "Measuring pairs",
    "prepare": "Preparing clips",
    "train": "Training",
    "speak": "Making takes",
}
_UNITS = {"train": "steps"}
"""What is counted where it is not clips."""
_PAUSE = 10
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""


def one_line(text: str) -> str:
    r"""Return a text with its line breaks and other control characters escaped.

    >>> one_line("two\nlines")
    'two\\nlines'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def as_line(data: object) -> str:
    """Return strict JSON for stdout."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def print_rich(shown: RenderableType, signature: str) -> None:
    """Print tables on the terminal, or 110 columns wide into a file, and the signature unwrapped under them."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(shown)
    console.print(f"Signature: {signature}", soft_wrap=True, highlight=False)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show a bar with clips/s and the time left on stderr; a line now and then where that is no terminal."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        tasks: dict[str, TaskID] = {}

        def report(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(_WORDS[phase], total=total, completed=done, rate="")
                return
            task = bar.tasks[tasks[phase]]
            speed = task.speed or task.finished_speed
            bar.update(
                tasks[phase], completed=done, rate=f"{speed:.2f} {_UNITS.get(phase, 'clips')}/s" if speed else ""
            )

        yield report


def _lines() -> Progress:
    begun: dict[str, tuple[float, int]] = {}
    last = time.monotonic()

    def report(phase: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        start, before = begun.setdefault(phase, (now, done))
        if done > before and (done == total or now - last >= _PAUSE):
            speed = (done - before) / max(now - start, 1e-3)
            left = f", {(total - done) / speed:.0f} s left" if done < total else ""
            unit = _UNITS.get(phase, "clips")
            typer.echo(f"{_WORDS[phase]}: {done} of {total}, {speed:.2f} {unit}/s{left}", err=True)
            last = now

    return report
