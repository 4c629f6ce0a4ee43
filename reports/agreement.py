"""How far raters agree: intraclass correlation, Krippendorff's alpha, and each rater against all the others.

ICC(A,1) and ICC(A,k): two-way random effects, absolute agreement, of one rating and of the mean of all k raters
(McGraw & Wong 1996, with their intervals; ICC(2,1) and ICC(2,k) of Shrout & Fleiss 1979). With gaps the same shares of
variance come from restricted likelihood (`mixed.py`), k being the mean number of ratings of a stimulus; no interval.

Alpha: 1 - D_observed / D_expected from the coincidences of scores within stimuli, with the ordinal difference
(Σ_{g=c..k} n_g - (n_c + n_k) / 2)², n the number of pairable scores of each value (Krippendorff 2011). Its interval is
that of the percentiles over draws of raters with replacement; a rater drawn twice is never paired with themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .intervals import Floats
from .mixed import TERMS, mixed


@dataclass(frozen=True)
class Estimate:
    """A number and the ends of its interval; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


def icc(ratings: Floats, *, level: float = 0.95) -> tuple[Estimate, Estimate] | None:
    """ICC(A,1) and ICC(A,k) of `ratings` (raters, stimuli), NaN where missing; None with fewer than two of either.

    >>> shrout_fleiss = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7.0]])
    >>> one, mean = icc(shrout_fleiss)
    >>> round(one.value, 2), round(mean.value, 2)
    (0.29, 0.62)
    """
    from scipy import stats

    k, n = ratings.shape
    if min(k, n) < 2:
        return None
    if np.isnan(ratings).any():
        return _icc_with_gaps(ratings)
    grand, of_rater, of_stimulus = ratings.mean(), ratings.mean(axis=1), ratings.mean(axis=0)
    msr = k * float(np.sum((of_stimulus - grand) ** 2)) / (n - 1)
    msc = n * float(np.sum((of_rater - grand) ** 2)) / (k - 1)
    rest = ratings - of_rater[:, np.newaxis] - of_stimulus + grand
    mse = float(np.sum(rest**2)) / ((n - 1) * (k - 1))
    below = msr + (k - 1) * mse + k * (msc - mse) / n
    if below < 1e-12 or mse < 1e-12:  # no spread at all, or none that stimuli and raters leave over
        return None
    r = (msr - mse) / below
    a, b = k * r / (n * (1 - r)), 1 + k * r * (n - 1) / (n * (1 - r))
    df = (a * msc + b * mse) ** 2 / ((a * msc) ** 2 / (k - 1) + (b * mse) ** 2 / ((n - 1) * (k - 1)))
    upper = float(stats.f.ppf((1 + level) / 2, n - 1, df))
    lower = float(stats.f.ppf((1 + level) / 2, df, n - 1))
    spread = k * msc + (k * n - k - n) * mse
    low = n * (msr - upper * mse) / (upper * spread + n * msr)
    high = n * (lower * msr - mse) / (spread + n * lower * msr)
    mean = (msr - mse) / (msr + (msc - mse) / n)
    return Estimate(r, low, high), Estimate(mean, _of_mean(low, k), _of_mean(high, k))


def alpha(ratings: Floats, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Estimate | None:
    """Ordinal alpha of `ratings` (raters, stimuli), NaN where missing; None where there is nothing to disagree on.

    >>> alpha(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), resamples=0).value
    1.0
    """
    values = np.unique(ratings[~np.isnan(ratings)])
    chosen = (ratings[:, :, np.newaxis] == values).astype(np.float64)
    found = _alpha(chosen, np.ones(len(ratings)))
    if found is None:
        return None
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(ratings), np.full(len(ratings), 1 / len(ratings)), size=resamples)
    drawn = [one for of in weights if (one := _alpha(chosen, of.astype(np.float64))) is not None]
    if len(ratings) < 3 or not drawn:
        return Estimate(found)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    # Sums differ in the last bits between processors: 12 digits keep the printed bytes the same.
    return Estimate(found, float(f"{low:.12g}"), float(f"{high:.12g}"))


def against_the_others(ratings: Floats) -> Floats:
    """Return each rater's Pearson correlation with the mean of all the others over stimuli (raters,).

    NaN where a rater shares fewer than three stimuli with others, or has no spread to correlate.
    """
    there = ~np.isnan(ratings)
    total, count = np.where(there, ratings, 0.0).sum(axis=0), there.sum(axis=0)
    made = np.full(len(ratings), np.nan)
    for at, own in enumerate(ratings):
        shared = there[at] & (count > 1)
        if shared.sum() >= 3:
            others = (total[shared] - own[shared]) / (count[shared] - 1)
            if np.ptp(own[shared]) > 0 and np.ptp(others) > 0:
                made[at] = np.corrcoef(own[shared], others)[0, 1]
    return made


def _icc_with_gaps(ratings: Floats) -> tuple[Estimate, Estimate] | None:
    fit = mixed(ratings[:, :, np.newaxis])
    if fit is None:
        return None
    of_rater, of_stimulus, more_rater, more_stimulus = (fit.variances[name] for name in TERMS)
    stimulus = of_stimulus + more_stimulus
    r = stimulus / (stimulus + of_rater + more_rater + fit.variances["rest"])
    k = float(np.mean((~np.isnan(ratings)).sum(axis=0)))
    return Estimate(r), Estimate(_of_mean(r, k))


def _of_mean(r: float, k: float) -> float:
    """Spearman-Brown: what the mean of k raters reaches where one has `r`."""
    return k * r / (1 + (k - 1) * r)


def _alpha(chosen: Floats, weights: Floats) -> float | None:
    """Alpha from `chosen` (raters, stimuli, values), 1 at the score given, each rater counting `weights` times."""
    counts = np.tensordot(weights, chosen, axes=1)
    same = np.tensordot(weights**2, chosen, axes=1)
    size = counts.sum(axis=1)
    pairs = size**2 - same.sum(axis=1)
    paired = pairs > 0
    if not paired.any():
        return None
    scale = size[paired] / pairs[paired]
    observed = (counts[paired] * scale[:, np.newaxis]).T @ counts[paired]
    observed[np.diag_indices_from(observed)] -= scale @ same[paired]
    marginal = observed.sum(axis=1)
    upto = np.cumsum(marginal) - marginal / 2
    difference = (upto[:, np.newaxis] - upto) ** 2
    total = marginal.sum()
    expected = np.outer(marginal, marginal) / (total - 1)  # its diagonal does not matter: no difference there
    disagreement = float(np.sum(expected * difference))
    return 1 - float(np.sum(observed * difference)) / disagreement if disagreement > 0 else None
