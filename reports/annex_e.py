"""Scores of stimuli that allow for biased and careless raters: ITU-T P.910 (07/2022) Annex E, P.913 clause 12.6.

score of rater i on stimulus j = quality_j + bias_i + inconsistency_i · noise. Qualities, biases and inconsistencies are
estimated in turn until no quality moves by more than 1e-8: a quality is the mean of its scores less their raters'
biases, each weighted by 1 / inconsistency²; the biases have mean 0. After Li, Bampis, Krasula, Janowski & Katsavounidis
2020. No rater is left out: who rates at random ends up with little weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import Floats

_FLOOR = 1e-3
"""Least inconsistency, in points: a rater of very few stimuli may fit perfectly, and would have infinite weight."""
_ROUNDS = 10_000


@dataclass(frozen=True)
class Recovered:
    """`quality` (stimuli,) with its standard `error`; `bias` and `inconsistency` (raters,). NaN for what is unrated."""

    quality: Floats
    error: Floats
    bias: Floats
    inconsistency: Floats


def recover(ratings: Floats) -> Recovered | None:
    """Estimate from `ratings` (raters, stimuli), NaN where missing; None with fewer than two raters or stimuli.

    >>> made = recover(np.array([[2.0, 4.0, 7.0], [4.0, 6.0, 9.0], [3.0, 5.0, 8.0]]))
    >>> made.quality.round(6).tolist(), made.bias.round(6).tolist()
    ([3.0, 5.0, 8.0], [-1.0, 1.0, 0.0])
    """
    there = ~np.isnan(ratings)
    rated, watched = np.asarray(there.any(axis=1)), np.asarray(there.any(axis=0))
    u, seen = ratings[rated][:, watched], there[rated][:, watched]
    if min(u.shape) < 2:
        return None
    y = np.where(seen, u, 0.0)
    per_stimulus, per_rater = seen.sum(axis=0), seen.sum(axis=1)
    quality = y.sum(axis=0) / per_stimulus
    bias = np.zeros(len(u))
    weight = np.ones(len(u))
    for _ in range(_ROUNDS):
        before = quality
        bias = np.where(seen, u - quality, 0.0).sum(axis=1) / per_rater
        bias -= bias.mean()
        left = np.where(seen, u - quality - bias[:, np.newaxis], 0.0)
        inconsistency = np.maximum(np.sqrt((left**2).sum(axis=1) / per_rater), _FLOOR)
        weight = inconsistency**-2
        total = weight @ seen
        quality = weight @ np.where(seen, u - bias[:, np.newaxis], 0.0) / total
        if np.abs(quality - before).max() < 1e-8:
            break
    return Recovered(_at(watched, quality), _at(watched, total**-0.5), _at(rated, bias), _at(rated, weight**-0.5))


def _at(places: npt.NDArray[np.bool_], values: Floats) -> Floats:
    """Put the values at their places, NaN elsewhere."""
    made = np.full(len(places), np.nan)
    made[places] = values
    return made
