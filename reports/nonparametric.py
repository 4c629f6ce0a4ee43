"""Rank tests of methods, which take no rating for more than a place in an order.

Friedman's test ranks the methods within every rater, on the rater's mean per method; its effect size is Kendall's W, 1
where all raters rank the methods alike. Wilcoxon's signed-rank test compares two methods, rater by rater or clip by
clip, without differences of 0 and with the exact distribution, ties included; its effect size is the matched
rank-biserial correlation, the favourable less the unfavourable share of the rank sum (Kerby 2014). Neither sees both
raters and clips as samples: they stand beside the crossed tests, and do not replace them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import Floats
from .significance import holm

_MOST_EXACT = 100


@dataclass(frozen=True)
class Friedman:
    """The test over all methods; `n` raters had a mean for each."""

    chi2: float
    df: int
    p: float
    w: float
    n: int


@dataclass(frozen=True)
class Wilcoxon:
    """One pair of methods, `first` and `second` their places; `effect` is positive where the second is rated higher."""

    first: int
    second: int
    n: int
    p: float | None
    p_holm: float | None
    effect: float | None


def friedman(means: Floats) -> Friedman | None:
    """Test `means` (raters, methods); rows with a gap are left out. None for fewer than 2 rows or 3 methods.

    >>> friedman(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0]])).w
    1.0
    """
    from scipy import stats

    whole = means[~np.isnan(means).any(axis=1)]
    n, k = whole.shape
    if n < 2 or k < 3 or not (np.ptp(whole, axis=1) > 0).any():
        return None
    chi2, p = stats.friedmanchisquare(*whole.T)
    return Friedman(float(chi2), k - 1, float(p), float(chi2) / (n * (k - 1)), n)


def wilcoxon(means: Floats, pairs: Sequence[tuple[int, int]]) -> list[Wilcoxon]:
    """Test the `pairs` of columns of `means` (raters or clips, methods), with Holm's correction over all of them.

    There is no p on fewer than two differences, or where all of them are 0.
    """
    tests = [_one(means[:, second] - means[:, first]) for first, second in pairs]
    known = [p for _, p, _ in tests if p is not None]
    adjusted = iter(holm(known))
    return [
        Wilcoxon(first, second, n, p, None if p is None else next(adjusted), effect)
        for (first, second), (n, p, effect) in zip(pairs, tests, strict=True)
    ]


def _one(differences: Floats) -> tuple[int, float | None, float | None]:
    from scipy import stats

    # Means of the same scores in another order differ in their last bits, and would break ties.
    there = np.round(differences[~np.isnan(differences)], 9)
    moved = there[there != 0]
    if len(there) < 2 or not len(moved):
        return len(there), None, None
    ranks = np.asarray(stats.rankdata(np.abs(moved)), np.float64)
    effect = float(np.sum(ranks * np.sign(moved)) / np.sum(ranks))
    return len(there), _signed_rank_p(ranks, float(np.sum(ranks[moved > 0]))), effect


def _signed_rank_p(ranks: Floats, positive: float) -> float:
    """Two-sided p of the rank sum of positive differences, exact with ties too; normal for more than 100 ranks."""
    from scipy import stats

    if len(ranks) > _MOST_EXACT:
        half = float(ranks.sum()) / 2
        return 2 * float(stats.norm.sf(abs(positive - half) / np.sqrt(np.sum(ranks**2) / 4)))
    doubled = np.round(2 * ranks).astype(int)  # ranks of ties are halves
    chances = np.ones(1)
    for one in doubled:
        chances = (np.append(chances, np.zeros(one)) + np.append(np.zeros(one), chances)) / 2
    at = round(2 * positive)
    return min(1.0, 2 * float(min(chances[: at + 1].sum(), chances[at:].sum())))
