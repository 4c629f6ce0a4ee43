"""`talkbench metrics`: what can be measured."""

from __future__ import annotations

import typer

from . import arguments
from .output import as_line

EXAMPLES = "Examples:\n\ntalkbench metrics\n\ntalkbench metrics --json"


def metrics(as_json: arguments.AsJson = False) -> None:
    """List the metrics: unit, direction, definition, source."""
    from ..registry import find, known

    every = [find(name) for name in known()]
    if as_json:
        fields = ("name", "version", "unit", "better", "needs", "sides", "weights", "definition", "source")
        typer.echo(as_line([{field: getattr(metric, field) for field in fields} for metric in every]))
        return
    for metric in every:
        typer.echo(f"{metric.name}  (v{metric.version}, {metric.unit or 'no unit'}, {metric.better} is better)")
        typer.echo(f"    {metric.definition}\n    Source: {metric.source}")
        if metric.weights:
            typer.echo(f"    Needs: --weights {metric.weights}=FILE")
