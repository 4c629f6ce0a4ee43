"""Columns of a table that belong to a method and not to its clips: FID and its like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .columns import Column

if TYPE_CHECKING:
    from .table import Table


def with_sets(table: Table, run: Mapping[str, Any]) -> Table:
    """Return the table with the run's values of whole sets as its last columns, and with what they rest on.

    They have no interval and are never bold: there is one value per method, and nothing to draw again.
    """
    from .table import Cell

    for one in run.get("sets", []):
        if not one["shown"]:
            continue
        column = Column(
            one["name"], one["better"], one["unit"], one["decimals"], one["perfect"], "set", whole_clip=True
        )
        rows = []
        for row in table.rows:
            value = one["perfect"] if row.reference else one["methods"][row.method]["value"]
            rows.append(replace(row, cells=(*row.cells, Cell(value, None, None, 1.0, row.measured))))
        table = replace(table, metrics=(*table.metrics, column), rows=tuple(rows), notes=(*table.notes, _note(one)))
    return table


def _note(one: Mapping[str, Any]) -> str:
    """Say how many vectors each method's value is made from, or why there is none."""
    words = [f"{name}: {found['reason'] or found['n']}" for name, found in one["methods"].items()]
    return (
        f"{one['name']}: of all clips together, and no mean over them, hence without an interval. The fewer vectors, "
        f"the higher it is for that alone; here {', '.join(words)}."
    )
