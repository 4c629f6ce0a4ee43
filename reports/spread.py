"""The same videos under every protocol: one row per protocol and method, with its own units and rules.

The values of one column carry one name and are not one quantity; that is what the page shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import escape
from .formats import cell_json
from .printed import number
from .table import Table

_METRICS = ("F-LMD", "M-LMD", "SSIM", "PSNR")
_DECIMALS = {"F-LMD": 2, "M-LMD": 2, "SSIM": 3, "PSNR": 2}
_WARNING = "One name, many numbers: values of different protocols are not comparable."


def to_markdown(tables: Mapping[str, Table | str]) -> str:
    """Print the protocols' tables as one; a protocol that refused the videos has its reason in place of a table."""
    lines = ["| Protocol | Method | F-LMD | M-LMD | SSIM | PSNR (dB) |", "| :-- | :-- | --: | --: | --: | --: |"]
    notes = [_WARNING]
    for protocol, table in tables.items():
        if isinstance(table, str):
            notes.append(f"{protocol} does not apply: {escape.markdown(table)}")
            continue
        for method, values in _rows(table):
            cells = [number(values.get(name), _DECIMALS[name]) for name in _METRICS]
            lines.append(f"| {protocol} | {escape.markdown(method)} | {' | '.join(cells)} |")
    for name in _METRICS[:2]:
        low, high = _range(tables, name)
        if low is not None and high is not None and low > 0:
            notes.append(f"{name} of one and the same video spreads by a factor of up to {high / low:.1f}.")
    signatures = [
        f"{protocol}: {escape.markdown_code(table.signature)}"
        for protocol, table in tables.items()
        if not isinstance(table, str)
    ]
    return "\n".join([*lines, "", *_paragraphs(notes), *_paragraphs(signatures)]).rstrip() + "\n"


def to_json(tables: Mapping[str, Table | str]) -> str:
    """Print the protocols' tables as strict JSON, by protocol."""
    data: dict[str, Any] = {}
    for protocol, table in tables.items():
        if isinstance(table, str):
            data[protocol] = {"refused": table}
            continue
        rows = [
            {"method": row.method}
            | {column.name: cell_json(cell) for column, cell in zip(table.metrics, row.cells, strict=True)}
            for row in table.rows
        ]
        data[protocol] = {"signature": table.signature, "rows": rows}
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(table: Table) -> list[tuple[str, dict[str, float | None]]]:
    names = [column.name for column in table.metrics]
    return [
        (row.method, dict(zip(names, (cell.value for cell in row.cells), strict=True)))
        for row in table.rows
        if not row.reference
    ]


def _range(tables: Mapping[str, Table | str], name: str) -> tuple[float | None, float | None]:
    """Return the lowest and highest value that the method with the widest spread gets for one metric."""
    by_method: dict[str, list[float]] = {}
    for table in tables.values():
        for method, values in [] if isinstance(table, str) else _rows(table):
            value = values.get(name)
            if value is not None:
                by_method.setdefault(method, []).append(value)
    spreads = [(min(values), max(values)) for values in by_method.values() if min(values) > 0]
    return max(spreads, key=lambda pair: pair[1] / pair[0], default=(None, None))


def _paragraphs(texts: list[str]) -> list[str]:
    return [line for text in texts for line in (text, "")]
