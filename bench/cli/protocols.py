"""`talkbench protocols`: the named definitions that a run can follow."""

from __future__ import annotations

from typing import Annotated

import typer

from . import arguments
from .output import as_line

EXAMPLES = "Examples:\n\ntalkbench protocols\n\ntalkbench protocols talkbench-1"


def protocols(
    name: Annotated[str | None, typer.Argument(help="Show every field of this protocol.", show_default=False)] = None,
    as_json: arguments.AsJson = False,
) -> None:
    """List the protocols, or show every choice that one makes and its signature."""
    from ..protocol import PROTOCOLS
    from ..signature import signature

    chosen = list(PROTOCOLS.values()) if name is None else [PROTOCOLS[name]]
    if as_json:
        typer.echo(
            as_line([protocol.model_dump(mode="json") | {"signature": signature(protocol)} for protocol in chosen])
        )
        return
    for protocol in chosen:
        typer.echo(f"{protocol.name}  {protocol.title}\n    {protocol.summary}\n    Source: {protocol.source}")
        if name is not None:
            for section, fields in protocol.model_dump(mode="json").items():
                if isinstance(fields, dict):
                    typer.echo(f"  [{section}]")
                    for field, value in fields.items():
                        typer.echo(f"    {field} = {value}")
            typer.echo(f"  Signature here: {signature(protocol)}")
