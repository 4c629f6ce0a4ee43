"""Confidence intervals of a mean over clips: the studentised bootstrap, clustered where clips share a speaker.

Definition (`METHOD`). The unit of resampling is the speaker, or the clip where speakers are not used.
With K units, S_k the sum and N_k the number (or weight) of unit k's clip values, the mean is m = ΣS_k / ΣN_k and its
standard error s = sqrt(K / (K - 1) · Σ(S_k - m N_k)²) / ΣN_k. K units are drawn with replacement; every draw gives m*
and s* in the same way and t* = (m* - m) / s*. The interval is [m - s·q_hi, m - s·q_lo] with q the quantiles of t*, each
limited to twice Student's quantile with K - 1 degrees of freedom, and it never leaves the metric's possible values.

On very many units (`settled`) the quantiles of t* are not drawn but those of its expansion: with z Student's quantile
and S_k centred on m, q = z - ΣS_k³ / (ΣS_k²)^1.5 · (2z² + 1) / 6 + ΣS_k N_k / (√ΣS_k² · ΣN_k) · z². What it leaves out
is of the order of 1 / K, about 0.01 standard errors at most; ends from 10,000 draws scatter by 0.03.

Why not the percentile interval: on 5 units it covers 84 % instead of 95 %, on 10 units 90 %; `tests/reports/
test_intervals.py` measures both. Why the limit: on 2 to 5 units a draw may repeat one unit only, so that s* is 0.
References: Efron & Tibshirani 1993, chapter 12.5; Davison & Hinkley 1997, chapters 2.4 and 3.8; Hall 1992, chapter 3
(the expansion; its last term is what a ratio adds to a mean).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

METHOD = "bootstrap-t-1"
"""Name and version of the definition, for the signature; any change that can move a number bumps it."""

Floats = npt.NDArray[np.float64]

MANY = 5_000
"""From so many units on, where they are `settled`, what draws tend to takes their place in intervals and tests."""
_EVEN = 200
"""How often Σx⁴ must go into (Σx²)²: as often as it does for so many equal units, the others being 0."""
_WEIGHTS_AT_ONCE = 2_000_000
"""Entries of the resampling weights held in memory at a time: 16 MB, whatever the number of clips."""


def mean_over_clips(values: Floats, weights: Floats | None = None) -> float | None:
    """Mean of the values that are not NaN, the same for any order of clips; None where there is none.

    With `weights` (a clip's number of frames) each clip counts as often.

    >>> mean_over_clips(np.array([1.0, float("nan"), 2.0]))
    1.5
    >>> mean_over_clips(np.array([1.0, 2.0]), np.array([3.0, 1.0]))
    1.25
    """
    there = ~np.isnan(values)
    present = values[there]
    if present.size == 0:
        return None
    if np.isinf(present).any():
        return float(present.sum())
    counts = np.ones(present.size) if weights is None else weights[there]
    return math.fsum(present * counts) / math.fsum(counts)


def intervals(
    values: Floats,
    units: Sequence[str],
    *,
    resamples: int,
    seed: int,
    level: float,
    limits: Floats | None = None,
    weights: Floats | None = None,
) -> Floats:
    """(C, 2) bounds for the columns of `values` (n, C); NaN where a column allows none.

    `units` names the speaker or the clip of every row. The draws depend on `seed` and on the number of units alone, so
    columns measured on the same units get the same resamples, and no column's interval depends on another column.
    There is none where fewer than two clips or two units have a value, or where a value is infinite. `limits` (C, 2)
    holds each column's lowest and highest possible value, `weights` (n, C) how much each value counts in its mean.
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones_like(values) if weights is None else weights
    bounds = np.full((values.shape[1], 2), np.nan)
    finite = np.flatnonzero(~np.isinf(values).any(axis=0) & ~np.isnan(values).all(axis=0))
    means = np.array([mean_over_clips(values[:, column], weights[:, column]) for column in finite], dtype=np.float64)
    sums, counts = _by_unit(values[:, finite] - means, weights[:, finite], units)
    sizes = (counts > 0).sum(axis=0)
    for size in np.unique(sizes[sizes > 1]):
        chosen = np.flatnonzero(sizes == size)
        filled = [counts[:, column] > 0 for column in chosen]
        unit_sums = np.stack([sums[rows, column] for rows, column in zip(filled, chosen, strict=True)], axis=1)
        unit_counts = np.stack([counts[rows, column] for rows, column in zip(filled, chosen, strict=True)], axis=1)
        reach = _reach(unit_sums, unit_counts, resamples=resamples, seed=seed, level=level)
        bounds[finite[chosen]] = means[chosen, np.newaxis] + reach
    return bounds if limits is None else np.clip(bounds, limits[:, :1], limits[:, 1:])


def settled(units: Floats) -> npt.NDArray[np.bool_]:
    """Whether each column of unit sums (K, C) has so many units, and no few that rule it, that none need be drawn.

    >>> settled(np.ones((5_000, 1))), settled(np.eye(5_000, 1))
    (array([ True]), array([False]))
    """
    even: npt.NDArray[np.bool_] = _EVEN * (units**4).sum(axis=0) <= (units**2).sum(axis=0) ** 2
    return even & (len(units) >= MANY)


def draws_in_words(n_units: int, *, resamples: int, seed: int) -> str:
    """Say what intervals and tests on so many units were made with.

    >>> draws_in_words(12, resamples=10_000, seed=0)
    '10,000 resamples, seed 0'
    """
    drawn = f"{resamples:,} resamples, seed {seed}"
    return drawn if n_units < MANY else f"{drawn}, or what they tend to from {MANY:,} units on"


def _by_unit(centred: Floats, weights: Floats, units: Sequence[str]) -> tuple[Floats, Floats]:
    """Weighted sum and total weight of the values of every unit (U, C)."""
    names, codes = np.unique(np.asarray(units, dtype=object), return_inverse=True)
    missing = np.isnan(centred)
    sums = np.zeros((len(names), centred.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, codes, np.where(missing, 0.0, centred * weights))
    np.add.at(counts, codes, np.where(missing, 0.0, weights))
    return sums, counts


def _reach(sums: Floats, counts: Floats, *, resamples: int, seed: int, level: float) -> Floats:
    """How far each interval reaches from its mean (C, 2), from centred sums and counts per unit (K, C)."""
    from scipy.special import stdtrit

    size, columns = sums.shape
    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    limit = 2.0 * float(stdtrit(size - 1, tails[1]))
    quantiles = np.empty((2, columns))
    computed = settled(sums) & settled(counts)
    if computed.any():
        student = stdtrit(size - 1, tails)
        quantiles[:, computed] = np.clip(_expanded(sums[:, computed], counts[:, computed], student), -limit, limit)
    if not computed.all():
        studentised = _drawn(sums[:, ~computed], counts[:, ~computed], resamples, seed, limit)
        quantiles[:, ~computed] = np.quantile(studentised, tails, axis=0)
    spread = _standard_error(np.zeros(columns), counts.sum(axis=0), (sums**2).sum(axis=0), 0.0, 0.0, size)
    low, high = quantiles
    # Matrix products differ in the last bits between processors: 12 digits keep the printed bytes the same.
    return np.array(
        [[float(f"{reach:.12g}") for reach in pair] for pair in zip(-high * spread, -low * spread, strict=True)]
    )


def _expanded(sums: Floats, counts: Floats, student: Floats) -> Floats:
    """Quantiles of the studentised mean (Q, C) at Student's quantiles (Q,), to the order of 1 / √K."""
    length = np.sqrt((sums**2).sum(axis=0))
    shares = sums / np.where(length == 0.0, 1.0, length)
    skew = (shares**3).sum(axis=0)
    tilt = (shares * counts).sum(axis=0) / counts.sum(axis=0)
    z = student[:, np.newaxis]
    quantiles: Floats = z - skew * (2.0 * z**2 + 1.0) / 6.0 + tilt * z**2
    return quantiles


def _drawn(sums: Floats, counts: Floats, resamples: int, seed: int, limit: float) -> Floats:
    """The studentised means of all draws (resamples, C)."""
    size, columns = sums.shape
    # Every statistic of a draw is linear in how often each unit was drawn, so that a matrix product does it.
    moments = np.concatenate([sums, counts, sums**2, sums * counts, counts**2], axis=1)
    studentised = np.empty((resamples, columns))
    done = 0
    for weights in _draws(size, resamples, seed):
        total, number, squares, products, square_counts = np.split(weights @ moments, 5, axis=1)
        mean = total / number
        error = _standard_error(mean, number, squares, products, square_counts, size)
        studentised[done : done + len(weights)] = _ratio(mean, error, limit)
        done += len(weights)
    return studentised


def _standard_error(
    mean: Floats, number: Floats, squares: Floats, products: Floats | float, square_counts: Floats | float, size: int
) -> Floats:
    """Linearised standard error of the ratio ΣS / ΣN, with Σ(S - m N)² written out in its moments."""
    residual = np.maximum(squares - 2.0 * mean * products + mean**2 * square_counts, 0.0)
    error: Floats = np.sqrt(residual * (size / (size - 1))) / number
    return error


def _ratio(mean: Floats, error: Floats, limit: float) -> Floats:
    """Mean / error within ± limit; a draw without spread counts as infinitely far, or as 0 where it hits the mean."""
    flat = error == 0.0
    ratio: Floats = np.clip(mean / np.where(flat, 1.0, error), -limit, limit)
    return np.where(flat, np.sign(mean) * limit, ratio)


def _draws(size: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each of `size` units was drawn, (rows, size) at a time, until there are `resamples` rows."""
    rng = np.random.default_rng(seed)
    step = max(1, _WEIGHTS_AT_ONCE // size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, size, size=(rows, size))
        drawn += np.arange(rows)[:, np.newaxis] * size
        yield np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64)
