"""`talkbench table`: Table 1 from result folders, and the tables of published papers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import TalkbenchError

EXAMPLES = (
    "Examples:\n\n"
    "talkbench table run/\n\n"
    "talkbench table run/ other-run/ --format latex > table1.tex\n\n"
    "talkbench table --paper msef-2023\n\n"
    "Several runs need the same signature and the same clips."
)


def table(
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN…", help="Result folders.")] = None,
    output: Annotated[
        Literal["markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
    ] = "markdown",
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Print runs of different signatures one after the other all the same.")
    ] = False,
    paper: Annotated[
        str | None,
        typer.Option("--paper", help="A paper's tables as printed, or beside the runs: reported and measured."),
    ] = None,
) -> None:
    """Print Table 1: the ground truth, a row per method, intervals, coverage and the signature."""
    from ...reports import formats, published
    from ...reports.merge import merge
    from ...reports.table import table as make
    from ..results import Results

    if not runs and paper is None:
        raise TalkbenchError("No result folder given. Expected what -o of `talkbench score` wrote, or --paper ID.")
    loaded = [Results.load(folder, frames=False) for folder in runs or ()]
    if mixed:
        typer.echo("warning: numbers of different signatures are not comparable", err=True)
        for results in loaded:
            typer.echo(formats.FORMATS[output](make(results)))
        return
    measured = make(merge(loaded)) if loaded else None
    if paper is not None:
        from ...baselines.published import PAPERS

        typer.echo(published.FORMATS[output](published.sheets(PAPERS[paper], measured)), nl=False)
    elif measured is not None:
        typer.echo(formats.FORMATS[output](measured), nl=False)
