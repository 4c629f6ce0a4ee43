"""`talkbench systems`: whose output layouts are understood."""

from __future__ import annotations

import typer

from . import arguments
from .output import as_line

EXAMPLES = "Examples:\n\ntalkbench systems\n\ntalkbench score --gt real/ --gen EVP=results/ --adapter EVP=evp -o run/"


def systems(as_json: arguments.AsJson = False) -> None:
    """List the systems whose output folders are understood as they are."""
    from ...baselines.systems import ADAPTERS

    if as_json:
        fields = ("name", "system", "layout")
        typer.echo(as_line([{field: getattr(adapter, field) for field in fields} for adapter in ADAPTERS.values()]))
        return
    for adapter in ADAPTERS.values():
        typer.echo(f"{adapter.name}  {adapter.system}\n    {adapter.layout}")
