"""Why clips have no value of a metric, as the notes under a table say it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Reasons = tuple[tuple[str, int], ...]
"""Why clips have no value, and how many, the commonest first."""


def reasons(measured: pd.DataFrame, name: str) -> Reasons:
    """Return what was recorded for the clips without a value.

    >>> import pandas as pd
    >>> whys = ["no blink in the take", None, "no blink in the take", "no face in the take"]
    >>> reasons(pd.DataFrame({"blink-rate:reason": whys}), "blink-rate")
    (('no blink in the take', 2), ('no face in the take', 1))
    """
    if f"{name}:reason" not in measured:
        return ()
    counts = measured[f"{name}:reason"].dropna().value_counts()
    found = ((str(why), int(count)) for why, count in counts.items())
    return tuple(sorted(found, key=lambda case: (-case[1], case[0])))


def grouped(cases: Iterable[tuple[str, str, Reasons]]) -> list[str]:
    """Return a line per metric and reason with the rows that it holds for, from (row, metric, its reasons).

    >>> grouped([("A", "blink-duration", (("no blink", 4),)), ("B", "blink-duration", (("no blink", 1),))])
    ['blink-duration, no blink: A 4, B 1']
    """
    lines: dict[str, list[str]] = {}
    for row, metric, found in cases:
        for why, count in found:
            lines.setdefault(f"{metric}, {why}", []).append(f"{row} {count}")
    return [f"{case}: {', '.join(rows)}" for case, rows in lines.items()]
