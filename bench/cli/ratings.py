"""`talkbench ratings`: Table 2 from the ratings of a user study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import TalkbenchError

EXAMPLES = (
    "Examples:\n\n"
    "talkbench ratings ratings.csv\n\n"
    "talkbench ratings ratings.parquet --order msef-2023 --format latex > table2.tex\n\n"
    "The file has the columns rater, clip, method, scale and score, one row per rating; the paper's scales "
    "are LS, EE and VPQ."
)


def ratings(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet file.", show_default=False)],
    output: Annotated[
        Literal["markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
    ] = "markdown",
    lowest: Annotated[float, typer.Option("--lowest", help="The worst score.")] = 1,
    highest: Annotated[float, typer.Option("--highest", help="The best score.")] = 10,
    order: Annotated[
        str | None,
        typer.Option("--order", metavar="PAPER", help="Put methods in a paper's order, others after them."),
    ] = None,
) -> None:
    """Print Table 2: the mean rating of every method on every scale, with intervals over raters and clips."""
    from ...baselines.published import PAPERS
    from ...reports.formats import FORMATS
    from ...reports.ratings import ratings_table, read_ratings

    table = read_ratings(file)
    paper = None if order is None else PAPERS[order]
    try:
        made = ratings_table(table, lowest=lowest, highest=highest, order=paper)
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error
    typer.echo(FORMATS[output](made), nl=False)
