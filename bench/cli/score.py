"""`talkbench score`: measure, resume, and print Table 1."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import arguments

if TYPE_CHECKING:
    from ..results import Results
    from ..run import Progress

EXAMPLES = (
    "Examples:\n\n"
    "talkbench score --gt real/ --gen Ours=ours/ --gen EVP=evp/ -o run/\n\n"
    "talkbench score --gt real.mp4 --gen Ours=ours.mp4 --align truncate -o run/\n\n"
    "talkbench score --manifest pairs.csv --crop aligned --json -o run/\n\n"
    "Exit codes: 0 done, 1 some clips failed (see failures.jsonl), 2 bad input. The same command goes on where a "
    "killed one stopped."
)


def score(
    out: Annotated[Path, typer.Option("-o", "--out", help="Result folder: new, or of the same run unfinished.")],
    gt: arguments.Gt = None,
    gen: arguments.Gen = None,
    adapter: arguments.Adapters = None,
    manifest: arguments.Manifest = None,
    protocol: arguments.ProtocolName = "talkbench-1",
    align: arguments.Align = None,
    crop: arguments.Crop = None,
    key: arguments.KeyOption = "path",
    allow_missing: arguments.AllowMissing = False,
    frame_fps: arguments.FrameFps = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes that measure.  [default: one per core]")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Where landmarks are kept.  [default: the user's cache folder]")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no landmarks.")] = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Score a folder of generated videos per method against the real ones."""
    from ..cache import default_folder
    from ..results import Results
    from ..run import run

    options = arguments.options(
        gt=gt,
        gen=gen,
        adapter=adapter,
        manifest=manifest,
        protocol=protocol,
        align=align,
        crop=crop,
        key=key,
        allow_missing=allow_missing,
        frame_fps=frame_fps,
        workers=workers or len(os.sched_getaffinity(0)),
        cache=None if no_cache else cache or default_folder(),
    )
    with progress_bar() as progress:
        run(options, out, progress=progress)
    results = Results.load(out, frames=False)
    show(results, out, as_json=as_json)
    if results.failures:
        raise typer.Exit(1)


def show(results: Results, out: Path, *, as_json: bool) -> None:
    """Print the summary table on stdout, and on stderr what else a user must know."""
    from rich.console import Console

    from ...reports.formats import FORMATS, to_rich
    from ...reports.table import table

    summary = table(results)
    if as_json:
        typer.echo(FORMATS["json"](summary), nl=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else 110)
        console.print(to_rich(summary))
        console.print(f"Signature: {summary.signature}", soft_wrap=True, highlight=False)
    for warning in (*results.run["warnings"], *several_faces(results)):
        typer.echo(f"warning: {warning}", err=True)
    for failure in results.failures:
        typer.echo(f"failed: {failure['method']}, clip {failure['clip']}: {failure['reason']}", err=True)
    count = len(results.failures)
    if count:
        typer.echo(
            f"{count} pair{'s' if count > 1 else ''} could not be measured: see {out / 'failures.jsonl'}", err=True
        )
    typer.echo(f"Results: {out}  (talkbench table {out} --format latex)", err=True)


def several_faces(results: Results) -> list[str]:
    """Say which videos show more than one face: the protocol measures one of them."""
    notes = []
    for side, name in (("gt", "the real video"), ("gen", "the generated video")):
        for row in results.clips.drop_duplicates([f"{side}_video"]).to_dict("records"):
            if row[f"{side}_several"]:
                notes.append(
                    f"clip {row['clip']}: {name} ({row[f'{side}_video']}) shows several faces in "
                    f"{row[f'{side}_several']} frames; the largest is measured"
                )
    return notes


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show a bar with clips/s and the time left on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    words = {"make": "Making videos", "inspect": "Looking at videos", "measure": "Measuring pairs"}
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        tasks: dict[str, TaskID] = {}

        def report(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(words[phase], total=total, completed=done, rate="")
                return
            task = bar.tasks[tasks[phase]]
            speed = task.speed or task.finished_speed
            bar.update(tasks[phase], completed=done, rate=f"{speed:.2f} clips/s" if speed else "")

        yield report


def as_line(data: object) -> str:
    """Return strict JSON for stdout."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
