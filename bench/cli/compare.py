"""`talkbench compare`: every method against a baseline, with tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = (
    "Examples:\n\n"
    "talkbench compare run/ --baseline EVP\n\n"
    "talkbench compare run/ other-run/ --baseline Baseline --format latex > comparison.tex\n\n"
    "Several runs need the same signature and the same clips. What the numbers mean: docs/statistics.md"
)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Result folders.", show_default=False)],
    baseline: Annotated[str, typer.Option("--baseline", help="The method that the others are compared with.")],
    output: Annotated[
        Literal["rich", "markdown", "latex", "csv", "json"], typer.Option("--format", help="What to print.")
    ] = "rich",
) -> None:
    """Test every method against a baseline on the clips that both have."""
    from ...reports.comparison import compare as compared
    from ...reports.comparison_formats import FORMATS, to_rich
    from ...reports.merge import merge
    from ..results import Results
    from .output import print_rich

    made = compared(merge([Results.load(folder, frames=False) for folder in runs]), baseline)
    if output != "rich":
        typer.echo(FORMATS[output](made), nl=False)
        return
    print_rich(to_rich(made), made.signature)
