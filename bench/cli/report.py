"""`talkbench report`: a page with the table, the clips and a player, from a result folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import TalkbenchError
from .output import one_line, progress_bar

if TYPE_CHECKING:
    from ..results import Results

EXAMPLES = (
    "Examples:\n\n"
    "talkbench report run/ -o report/\n\n"
    "talkbench report run/ -o report/ --clips all\n\n"
    "The folder opens from disk, without a server and without a network. The same command goes on where a killed one "
    "stopped, and makes no video twice."
)

_WARNINGS = 5
"""Lines on stderr, at most: the page has them all."""


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Result folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the report: new, or an earlier report.")],
    clips: Annotated[
        str | None,
        typer.Option(
            "--clips",
            metavar="N|all",
            help="Clips with a player.  [default: the ten worst of every metric, and others up to 24]",
        ),
    ] = None,
    videos: Annotated[bool, typer.Option("--videos/--no-videos", help="Make the player's videos.")] = True,
) -> None:
    """Write a report that opens in a browser: Table 1, every clip, the worst ones, and a synchronised player."""
    from ...reports.html.page import write_report

    results = _without_landmarks(run)
    with progress_bar() as progress:
        made = write_report(
            results,
            out,
            videos=videos,
            clips=_count(clips),
            progress=lambda done, total: progress("make", done, total),
        )
    for warning in made.warnings[:_WARNINGS]:
        typer.echo(f"warning: {one_line(warning)}", err=True)
    if len(made.warnings) > _WARNINGS:
        typer.echo(f"warning: and {len(made.warnings) - _WARNINGS} more like these, all on the page", err=True)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    typer.echo(f"Report: {made.index}  ({made.players} of {made.clips} clips with a player, {size:.1f} MB)")


def _without_landmarks(run: Path) -> Results:
    """Read a result folder but for the landmarks, which are most of it and not on the page."""
    import pandas as pd
    import pyarrow.parquet as pq

    from ..results import Results

    results = Results.load(run, frames=False)
    file = run / "frames.parquet"
    columns = [name for name in pq.read_schema(file).names if not name.endswith("_landmarks")]
    return replace(results, frames=pd.read_parquet(file, columns=columns))


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "all":
        return sys.maxsize
    if not text.isdecimal():
        raise TalkbenchError(f"--clips {text}: expected a number or all.")
    return int(text)
