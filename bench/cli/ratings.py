"""`talkbench ratings`: Table 2 from a table of ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import TalkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from ...reports.screens import Rules

EXAMPLES = (
    "Examples:\n\n"
    "talkbench ratings ratings.csv\n\n"
    "talkbench ratings ratings.parquet --order msef-2023 --format latex > table2.tex\n\n"
    "The file has the columns rater, clip, method, scale and score, one row per rating; the paper's scales "
    "are LS, EE and VPQ."
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet file of ratings.", show_default=False)]
Lowest = Annotated[float, typer.Option("--lowest", help="The worst score.")]
Highest = Annotated[float, typer.Option("--highest", help="The best score.")]
Order = Annotated[
    str | None, typer.Option("--order", metavar="PAPER", help="Put methods in a paper's order, others after them.")
]
Screens = Annotated[
    Path | None,
    typer.Option(
        "--screens",
        help="study.toml or codebook.json with thresholds.  [default: FILE's codebook, or the usual]",
    ),
]
Screened = Annotated[bool, typer.Option("--screened", help="Leave out the raters who fail a screen.")]


def ratings(
    file: File,
    output: Annotated[
        Literal["rich", "markdown", "latex", "csv", "html", "json"], typer.Option("--format", help="What to print.")
    ] = "markdown",
    lowest: Lowest = 1,
    highest: Highest = 10,
    order: Order = None,
    screened: Screened = False,
    screens: Screens = None,
) -> None:
    """Print Table 2: the mean rating of every method on every scale, with intervals over raters and clips."""
    from dataclasses import replace

    from ...baselines.published import PAPERS
    from ...reports.formats import FORMATS, to_rich
    from ...reports.ratings import ratings_table, read_ratings
    from .output import print_rich

    if screens is not None and not screened:
        raise TalkbenchError("--screens says who is left out by --screened: give both, or neither.")
    table = read_ratings(file)
    paper = None if order is None else PAPERS[order]
    note = None
    try:
        if screened:
            table, note = passed(table, rules_for(file, screens), lowest, highest)
        made = ratings_table(table, lowest=lowest, highest=highest, order=paper)
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error
    if note is not None:
        made = replace(made, notes=(*made.notes, note[0]), signature=f"{made.signature}|screens:{note[1]}")
    if output == "rich":
        print_rich(to_rich(made), made.signature)
    else:
        typer.echo(FORMATS[output](made), nl=False)


def rules_for(file: Path, screens: Path | None) -> Rules:
    """Return the rules named, else those in the codebook that an export wrote beside `file`, else the usual ones."""
    from ...reports.screens import Rules, read_rules

    codebook = file.with_suffix(".codebook.json")
    if screens is None and not codebook.is_file():
        return Rules()
    return read_rules(screens or codebook)


def passed(table: pd.DataFrame, rules: Rules, lowest: float, highest: float) -> tuple[pd.DataFrame, tuple[str, str]]:
    """Return the ratings of those who pass every screen, a note that says so, and the rules for the signature."""
    from ...reports.screens import screen

    found = screen(table, rules, lowest=lowest, highest=highest)
    if not found.kept:
        raise TalkbenchError("Every rater fails a screen: `talkbench study analyze` shows which.")
    out = {name: len([1 for failed in found.failed.values() if name in failed]) for name in rules.thresholds}
    why = ", ".join(f"{name} {count}" for name, count in out.items() if count)
    left = len(found.raters) - len(found.kept)
    note = f"Left out: {left} of {len(found.raters)} raters, who failed a screen{f' ({why})' if why else ''}."
    return table[table["rater"].astype(str).isin(found.kept)], (note, rules.signature)
