"""The mean of ratings and its interval where raters and clips are both a sample: other raters, other clips.

Definition (`METHOD`), for S raters x K clips without a gap: with the mean squares of the two-way table, MS_r, MS_c and
MS_e, the variance of the mean is v = (MS_r + MS_c - MS_e) / SK, never less than MS_r / SK or MS_c / SK. The interval is
mean ± t(df)·√v, with Satterthwaite's df = (SK v)² / (MS_r² / (S-1) + MS_c² / (K-1) + MS_e² / ((S-1)(K-1))).
Where a rating is missing the pigeonhole bootstrap takes its place: raters and clips are drawn with replacement, each
rating counts as often as its rater and clip together were drawn, and the interval is that of the percentiles.

Why: with ratings pooled, an interval that says 95 % covers the truth 49 % of the time, since it is blind to the choice
of clips and raters; `tests/reports/test_crossed.py` measures this. References: Owen 2007 (the pigeonhole bootstrap);
Satterthwaite 1946.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .intervals import Floats

METHOD = "crossed-t-1"
"""Name and version of the definition, for the signature; any change that can move a number bumps it."""


@dataclass(frozen=True)
class Crossed:
    """A mean over raters and clips; no interval and no p where there are fewer than two of either.

    `p` is two-sided, for a true mean of 0: of use on differences. `complete` says that no rating was missing.
    """

    mean: float
    n_ratings: int
    n_clips: int
    low: float | None = None
    high: float | None = None
    p: float | None = None
    complete: bool = True


def crossed(ratings: Floats, *, level: float, resamples: int, seed: int) -> Crossed | None:
    """Estimate from `ratings` (raters, clips), NaN where there is none; None where there is none at all.

    >>> crossed(np.array([[7.0, 8.0], [5.0, 6.0]]), level=0.95, resamples=1000, seed=0).mean
    6.5
    """
    there = ~np.isnan(ratings)
    y = ratings[there.any(axis=1)][:, there.any(axis=0)]
    if not y.size:
        return None
    count = int(there.sum())
    mean = math.fsum(ratings[there]) / count
    raters, clips = y.shape
    if min(raters, clips) < 2:
        return Crossed(mean, count, clips, complete=count == y.size)
    if count == y.size:
        low, high, p = _closed_form(y, mean, level)
        return Crossed(mean, count, clips, low, high, p)
    low, high, p = pigeonhole(y, level, resamples, seed)
    return Crossed(mean, count, clips, low, high, p, complete=False)


def _closed_form(y: Floats, mean: float, level: float) -> tuple[float, float, float]:
    from scipy import stats

    s, k = y.shape
    of_rater, of_clip = y.mean(axis=1), y.mean(axis=0)
    rest = y - of_rater[:, np.newaxis] - of_clip + mean
    ms_r = k * float(np.sum((of_rater - mean) ** 2)) / (s - 1)
    ms_c = s * float(np.sum((of_clip - mean) ** 2)) / (k - 1)
    ms_e = float(np.sum(rest**2)) / ((s - 1) * (k - 1))
    total = max(ms_r + ms_c - ms_e, ms_r, ms_c)
    if total < 1e-12:  # all ratings are the same, up to rounding
        return mean, mean, float(abs(mean) < 1e-12)
    df = total**2 / (ms_r**2 / (s - 1) + ms_c**2 / (k - 1) + ms_e**2 / ((s - 1) * (k - 1)))
    error = math.sqrt(total / (s * k))
    reach = float(stats.t.ppf((1 + level) / 2, df)) * error
    return mean - reach, mean + reach, 2 * float(stats.t.sf(abs(mean) / error, df))


def pigeonhole(y: Floats, level: float, resamples: int, seed: int) -> tuple[float, float, float]:
    """Ends of the interval and p by the pigeonhole bootstrap, for `y` (raters, clips), NaN where missing."""
    rng = np.random.default_rng(seed)
    s, k = y.shape
    raters = rng.multinomial(s, np.full(s, 1 / s), size=resamples).astype(np.float64)
    clips = rng.multinomial(k, np.full(k, 1 / k), size=resamples).astype(np.float64)
    there = ~np.isnan(y)
    counts = ((raters @ there) * clips).sum(axis=1)
    sums = ((raters @ np.where(there, y, 0.0)) * clips).sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    beyond = min(int((means <= 0).sum()), int((means >= 0).sum()))
    # Matrix products differ in the last bits between processors: 12 digits keep the printed bytes the same.
    return float(f"{low:.12g}"), float(f"{high:.12g}"), min(1.0, 2 * (beyond + 1) / (len(means) + 1))
