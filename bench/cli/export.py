"""`talkbench export`: a run in one file, without the videos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\n"
    "talkbench export run/ -o pack.zip\n\n"
    "The pack holds every number, the signature, hashes and versions; no video, and no path above the scored folders. "
    "The same run gives the same bytes. Unzipped it is a result folder; `talkbench verify pack.zip` checks it."
)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A result folder.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="The zip file to write.")],
) -> None:
    """Pack a run to publish it: numbers, signature and hashes, without the videos."""
    from ...reports.pack import write_pack

    digest = write_pack(run, out)
    typer.echo(f"{digest}  {out}")
    typer.echo(f"Publish the SHA-256 with it; anybody can run: talkbench verify {out.name}", err=True)
