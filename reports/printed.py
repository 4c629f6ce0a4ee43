"""How every format prints a value and a share."""

from __future__ import annotations

import math

_EDGE = 1e-9
"""0.95 reached to this precision is 95 %: sums of shares are off by rounding."""


def number(value: float | None, decimals: int) -> str:
    """Print a value as every format shows it.

    >>> number(2.345, 1), number(-0.0001, 2), number(float("inf"), 2), number(None, 2)
    ('2.3', '0.00', '∞', '–')
    """
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def percent(share: float) -> str:
    """Print a share rounded down, so that 100 % means all and no more.

    >>> percent(0.9999), percent(19 / 20), percent(1.0)
    ('99 %', '95 %', '100 %')
    """
    return f"{int(share * 100 + _EDGE)} %"
