"""How many raters and clips a study needs: what it would see, computed from the variances of ratings.

For S raters who each rate K clips of every method, the difference of two methods has the variance
2 (rater_method² / S + clip_method² / K + rest² / SK), rest² with 1/12 for the rounding to whole points. The test is the
one of Table 2, so its degrees of freedom are those that `reports/crossed.py` would find in the expected mean squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import TalkbenchError
from .simulation import Spread

_DRAWS = 2000


@dataclass(frozen=True)
class Plan:
    """A study of so many raters and clips per method, as it is expected to turn out.

    `half_width` is that of a method's 95 % interval, `difference` that of the difference of two methods; `detectable`
    is the smallest true difference found with a chance of `power`.
    """

    raters: int
    clips: int
    half_width: float
    difference: float
    error: float
    detectable: float


def plan(
    raters: int,
    clips: int,
    spread: Spread | None = None,
    *,
    comparisons: int = 1,
    power: float = 0.8,
    level: float = 0.95,
) -> Plan:
    """Foresee a study; `comparisons` is how many differences Holm's correction covers, the first step of which counts.

    >>> round(plan(30, 20).detectable, 2)
    0.46
    """
    if min(raters, clips) < 2:
        raise TalkbenchError(f"Expected at least 2 raters and 2 clips, got {raters} and {clips}.")
    if not 0.1 <= power <= 0.999 or comparisons < 1:
        raise TalkbenchError(f"Expected a power between 0.1 and 0.999 and a comparison or more, got {power:g}.")
    spread = spread or Spread()
    rest = spread.rest**2 + 1 / 12
    one = _Squares.of(
        raters, clips, spread.rater**2 + spread.rater_method**2, spread.clip**2 + spread.clip_method**2, rest
    )
    two = _Squares.of(raters, clips, 2 * spread.rater_method**2, 2 * spread.clip_method**2, 2 * rest)
    return Plan(
        raters,
        clips,
        one.reach(level),
        two.reach(level),
        two.error,
        two.detectable(power, 1 - (1 - level) / comparisons),
    )


@dataclass(frozen=True)
class _Squares:
    """Standard error and degrees of freedom from expected mean squares."""

    error: float
    df: float

    @classmethod
    def of(cls, raters: int, clips: int, by_rater: float, by_clip: float, rest: float) -> _Squares:
        """From the variances of raters, clips and the rest."""
        ms_r, ms_c = clips * by_rater + rest, raters * by_clip + rest
        total = ms_r + ms_c - rest
        spread = ms_r**2 / (raters - 1) + ms_c**2 / (clips - 1) + rest**2 / ((raters - 1) * (clips - 1))
        return cls(math.sqrt(total / (raters * clips)), total**2 / spread)

    def reach(self, level: float) -> float:
        """Half the width of an interval."""
        from scipy import stats

        return float(stats.t.ppf((1 + level) / 2, self.df)) * self.error

    def detectable(self, power: float, level: float) -> float:
        """Return the smallest difference that the two-sided t test finds with this chance."""
        from scipy import stats
        from scipy.optimize import brentq

        # Averaged over what the standard error may turn out as: scipy's noncentral t is NaN in places.
        shares = (np.arange(_DRAWS) + 0.5) / _DRAWS
        limit = float(stats.t.ppf((1 + level) / 2, self.df)) * np.sqrt(stats.chi2.ppf(shares, self.df) / self.df)

        def short(shift: float) -> float:
            return float(np.mean(stats.norm.sf(limit - shift) + stats.norm.cdf(-limit - shift))) - power

        return float(brentq(short, 0, 10 * float(limit.max()))) * self.error
