"""Cells of CSV files as spreadsheets take them: a text that begins as a formula would be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""The last four are the wide forms, which some spreadsheets read alike."""


def no_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run; numbers are no texts, and stay numbers.

    >>> no_formula("=1+1"), no_formula("Ours")
    ("'=1+1", 'Ours')
    """
    return f"'{text}" if text.startswith(_STARTS) else text


def safe_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts are `no_formula`."""
    texts = table.select_dtypes(include=["object", "string"]).columns
    return table.assign(
        **{name: table[name].map(lambda cell: no_formula(cell) if isinstance(cell, str) else cell) for name in texts}
    )
