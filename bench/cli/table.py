"""`talkbench table`: Table 1 from result folders, and the tables of published papers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import TalkbenchError

if TYPE_CHECKING:
    from ..results import Results

EXAMPLES = (
    "Examples:\n\n"
    "talkbench table run/\n\n"
    "talkbench table run/ other-run/ --format latex > table1.tex\n\n"
    "talkbench table run/ --by emotion\n\n"
    "talkbench table --paper msef-2023\n\n"
    "Several runs need the same signature and the same clips."
)


def table(
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN…", help="Result folders.")] = None,
    output: Annotated[
        Literal["markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
    ] = "markdown",
    by: Annotated[
        Literal["emotion", "level", "speaker"] | None,
        typer.Option("--by", help="Print a block of rows per emotion, level or speaker."),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option("--order", metavar="PAPER", help="Put methods in a paper's order, others after them."),
    ] = None,
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
    if paper is not None and (by is not None or order is not None):
        raise TalkbenchError("--paper prints a paper's rows in its own order: leave out --by and --order.")
    loaded = [Results.load(folder, frames=False) for folder in runs or ()]
    if mixed:
        typer.echo("warning: numbers of different signatures are not comparable", err=True)
        for results in loaded:
            typer.echo(formats.FORMATS[output](make(_ordered(results, order), by=by)))
        return
    measured = make(_ordered(merge(loaded), order), by=by) if loaded else None
    if paper is not None:
        from ...baselines.published import PAPERS

        typer.echo(published.FORMATS[output](published.sheets(PAPERS[paper], measured)), nl=False)
    elif measured is not None:
        typer.echo(formats.FORMATS[output](measured), nl=False)


def _ordered(results: Results, order: str | None) -> Results:
    from ...baselines.published import PAPERS
    from ...reports.merge import in_order_of

    return results if order is None else in_order_of(PAPERS[order], results)
