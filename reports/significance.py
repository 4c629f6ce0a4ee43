"""Paired tests of two methods on the same clips: the sign-flip test, Holm's correction, and effect sizes.

Definition. On every clip i that both methods have, d_i = other - baseline. D_k = Σ w_i d_i over the clips of unit k,
its speaker or the clip itself (`columns.units`); w_i is 1, or the smaller of the two numbers of scored frames where a
metric is averaged over frames. Under the hypothesis that the two methods are exchangeable within each unit, every D_k
has either sign with equal chance. p is the share of sign choices whose |Σ ±D_k| is at least the observed one: of all
2^K where half of them (the other half mirrors it) are no more than the number of draws, else (b + 1) / (B + 1) with B
seeded draws. Hence with K units no p is below 2 / 2^K, whatever the difference. On very many units
(`intervals.settled`) b is its expectation under the normal distribution that Σ ±D_k then has, of variance Σ D_k².

The interval of the mean difference (`comparison.py`) is that of `intervals.py` on the d_i. The standardised effect is
mean(d) / sd(d) over clips, Cohen's d_z. References: Fisher 1935, chapter 21; Phipson & Smyth 2010 for the + 1; Holm
1979; Cohen 1988.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .intervals import Floats, mean_over_clips, settled

_SIGNS_AT_ONCE = 4_000_000
"""Signs held in memory at a time: 36 MB with their float copy, whatever the number of clips."""
_TIE = 1e-9
"""Sums this close, as a share of Σ|D_k|, are equal: their last bits depend on the order of summing."""


@dataclass(frozen=True)
class Test:
    """What the test found. `difference` is other - baseline, `standardised` that over its spread (None without any).

    `smallest_p` is the smallest p that so few units can reach; `exact` says whether all sign choices were counted.
    """

    difference: float
    standardised: float | None
    p: float
    smallest_p: float
    exact: bool


@dataclass(frozen=True)
class Paired:
    """Two methods on one metric, over the clips that both have, and the units that these belong to.

    `baseline` and `other` are their means there; `higher_on` and `lower_on` count the clips where the other is the
    higher or the lower one. There is no `test` on fewer than two units, nor where a value is infinite.
    """

    n_clips: int
    n_units: int
    baseline: float | None
    other: float | None
    higher_on: int
    lower_on: int
    test: Test | None = None

    @property
    def difference(self) -> float | None:
        """The other's mean less the baseline's; None where there is none, or it is not finite."""
        if self.baseline is None or self.other is None or not math.isfinite(self.other - self.baseline):
            return None
        return self.other - self.baseline


def paired(
    baseline: Floats, other: Floats, units: Sequence[str], *, weights: Floats, resamples: int, seed: int
) -> Paired:
    """Compare two methods' clip values (n,), NaN where missing; `units` names each clip's speaker or the clip.

    `weights` (n,) is how much each clip counts in the means.
    """
    both = np.flatnonzero(~np.isnan(baseline) & ~np.isnan(other))
    a, b, w = baseline[both], other[both], weights[both]
    names, codes = np.unique(np.asarray(units, dtype=object)[both], return_inverse=True)
    higher, lower = int((b > a).sum()), int((b < a).sum())
    made = Paired(len(both), len(names), mean_over_clips(a, w), mean_over_clips(b, w), higher, lower)
    if made.n_units < 2 or np.isinf(a).any() or np.isinf(b).any():
        return made
    d = b - a
    sums = np.zeros(len(names))
    np.add.at(sums, codes, w * d)
    p, exact = sign_flip(sums, resamples=resamples, seed=seed)
    spread = float(np.std(d, ddof=1))
    standardised = float(np.mean(d)) / spread if spread > _TIE * float(np.abs(d).max()) else None
    difference = mean_over_clips(d, w) or 0.0
    return replace(made, test=Test(difference, standardised, p, smallest_p(len(names), resamples), exact))


def sign_flip(sums: Floats, *, resamples: int, seed: int) -> tuple[float, bool]:
    """Two-sided p that Σ `sums` (K,) is as far from 0 as it is by chance of signs alone; and whether it is exact.

    >>> sign_flip(np.array([1.0, 2.0, 3.0]), resamples=100, seed=0)
    (0.25, True)
    """
    reach = abs(float(sums.sum())) - _TIE * float(np.abs(sums).sum())
    if _exact(len(sums), resamples):
        totals = sums[:1]
        for one in sums[1:]:
            totals = np.concatenate([totals + one, totals - one])
        return float(np.mean(np.abs(totals) >= reach)), True
    if settled(sums[:, np.newaxis])[0]:
        share = math.erfc(reach / math.sqrt(2.0 * float((sums**2).sum()))) if reach > 0.0 else 1.0
        return (resamples * share + 1.0) / (resamples + 1.0), False
    rng = np.random.default_rng(seed)
    step = max(1, _SIGNS_AT_ONCE // len(sums))
    as_far = 0
    for start in range(0, resamples, step):
        signs = rng.integers(0, 2, size=(min(step, resamples - start), len(sums)), dtype=np.int8)
        as_far += int((np.abs((2.0 * signs - 1.0) @ sums) >= reach).sum())
    return (as_far + 1) / (resamples + 1), False


def smallest_p(n_units: int, resamples: int) -> float:
    """Return the smallest p that `sign_flip` can give on so many units.

    >>> smallest_p(5, 10_000)
    0.0625
    """
    return 0.5 ** (n_units - 1) if _exact(n_units, resamples) else 1.0 / (resamples + 1)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust the p-values of one family, in their own order: below 5 % with a chance of 5 % for any false one at all.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p)
    reached = 0.0
    for rank, at in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        reached = max(reached, min(1.0, (len(p) - rank) * p[at]))
        adjusted[at] = reached
    return adjusted


def _exact(n_units: int, resamples: int) -> bool:
    return n_units <= 60 and 2 ** (n_units - 1) <= resamples
