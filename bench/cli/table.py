"""`talkbench table`: Table 1 from result folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = (
    "Examples:\n\n"
    "talkbench table run/\n\n"
    "talkbench table run/ other-run/ --format latex > table1.tex\n\n"
    "Several runs need the same signature and the same clips."
)


def table(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Result folders.", show_default=False)],
    output: Annotated[
        Literal["markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
    ] = "markdown",
) -> None:
    """Print Table 1: the ground truth, a row per method, intervals, coverage and the signature."""
    from ...reports.formats import FORMATS
    from ...reports.merge import merge
    from ...reports.table import table as make
    from ..results import Results

    results = merge([Results.load(folder, frames=False) for folder in runs])
    typer.echo(FORMATS[output](make(results)), nl=False)
