"""`talkbench verify`: is a pack what it says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import one_line

EXAMPLES = (
    "Examples:\n\n"
    "talkbench verify pack.zip\n\n"
    "Exit codes: 0 all agrees, 1 something was changed, 2 not a pack, or one that this version cannot check."
)


def verify(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="What `talkbench export` wrote.", show_default=False)],
) -> None:
    """Check every hash of a pack, and compute its clip values and its table again."""
    from ...reports.verification import PackError
    from ...reports.verification import verify as checks

    try:
        for line in checks(pack):
            typer.echo(f"ok  {line}")
    except PackError as error:
        typer.echo(f"talkbench: {one_line(str(error))}", err=True)
        raise typer.Exit(1) from error
    typer.echo("Not checked: that the frames' values are those of the videos; their SHA-256 are in clips.parquet.")
