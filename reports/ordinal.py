"""A check that takes ratings for ordered categories: proportional odds, with errors robust to raters and clips.

P(score <= j) = logistic(cut_j - effect of the method). The coefficients are those of maximum likelihood with all
ratings taken as independent; their covariance is not: it adds what raters and what clips have in common (the two-way
sandwich of Cameron, Gelbach & Miller 2011, each part with its factor G / (G - 1)). Tests are t tests with the smaller
number of raters or clips less one as degrees of freedom. With few clips this is optimistic: it serves to see whether
the mixed model's findings hang on scores being numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import Floats

MOST_SCORES = 20
"""More different scores than this are no ordered categories, but numbers."""
_ROUNDS = 100


@dataclass(frozen=True)
class Ordinal:
    """Log odds of a higher score by method (M,), the first one's 0, with their covariance (M, M)."""

    effects: Floats
    covariance: Floats
    df: int

    def contrast(self, first: int, second: int) -> tuple[float, float]:
        """Return the log odds ratio of the second method to the first, and its two-sided p."""
        from scipy import stats

        weights = np.zeros(len(self.effects))
        weights[[first, second]] = -1.0, 1.0
        log_odds = float(weights @ self.effects)
        error = float(np.sqrt(weights @ self.covariance @ weights))
        return log_odds, 2 * float(stats.t.sf(abs(log_odds) / error, self.df))


def ordinal(scores: Floats) -> Ordinal | None:
    """Fit to `scores` (raters, clips, methods), NaN where missing.

    None with more than 20 different scores or only one, with fewer than two raters, clips or methods, or where a
    method has only the lowest or only the highest score, so that no finite odds fit.
    """
    at = np.nonzero(~np.isnan(scores))
    values, category = np.unique(scores[at], return_inverse=True)
    methods = scores.shape[2]
    if not 2 <= len(values) <= MOST_SCORES or min(len(set(one.tolist())) for one in at) < 2:
        return None
    rater, clip, method = at
    table = np.zeros((methods, len(values)))
    np.add.at(table, (method, category), 1)
    if (table.sum(axis=1) == 0).any() or (table[:, [0, -1]] == table.sum(axis=1, keepdims=True)).any():
        return None
    parameters = _maximum(table)
    hessian = _hessian(parameters, table)
    if parameters is None or hessian is None:
        return None
    each = _slopes(parameters, methods, len(values))[method, category]
    bread = np.linalg.inv(hessian)
    both = rater * scores.shape[1] + clip
    meat = [_clustered(each, codes) for codes in (rater, clip, both)]
    covariance = bread @ (meat[0] + meat[1] - meat[2]) @ bread
    one_way = [bread @ one @ bread for one in meat[:2]]
    cuts = len(values) - 1
    if (np.diag(covariance)[cuts:] <= 0).any():  # the difference of the three parts may be no covariance
        covariance = max(one_way, key=lambda one: float(np.trace(one[cuts:, cuts:])))
    effects, full = np.zeros(methods), np.zeros((methods, methods))
    effects[1:], full[1:, 1:] = parameters[cuts:], covariance[cuts:, cuts:]
    return Ordinal(effects, full, min(len(set(rater.tolist())), len(set(clip.tolist()))) - 1)


def _shares(parameters: Floats, methods: int, values: int) -> tuple[Floats, Floats]:
    """P(score <= j) (methods, values + 1), from 0 to 1, and its derivative by its argument."""
    cuts, effects = parameters[: values - 1], np.append(0.0, parameters[values - 1 :])
    upto = 1 / (1 + np.exp(-np.clip(cuts - effects[:, np.newaxis], -500, 500)))
    edges = np.hstack([np.zeros((methods, 1)), upto, np.ones((methods, 1))])
    return edges, edges * (1 - edges)


def _likelihood(parameters: Floats, table: Floats) -> float:
    chances = np.diff(_shares(parameters, *table.shape)[0], axis=1)
    if (chances[table > 0] <= 0).any():
        return -np.inf
    return float(np.sum(table * np.log(np.where(table > 0, chances, 1.0))))


def _slopes(parameters: Floats, methods: int, values: int) -> Floats:
    """Derivative of the log chance of every category by the parameters (methods, values, parameters)."""
    edges, steep = _shares(parameters, methods, values)
    chances = np.maximum(np.diff(edges, axis=1), 1e-300)
    made = np.zeros((methods, values, len(parameters)))
    for j in range(values):
        if j < values - 1:
            made[:, j, j] += steep[:, j + 1] / chances[:, j]
        if j > 0:
            made[:, j, j - 1] -= steep[:, j] / chances[:, j]
    for m in range(1, methods):
        made[m, :, values - 2 + m] = -np.diff(steep[m]) / chances[m]
    return made


def _gradient(parameters: Floats, table: Floats) -> Floats:
    gradient: Floats = np.einsum("mj,mjp->p", table, _slopes(parameters, *table.shape))
    return gradient


def _hessian(parameters: Floats | None, table: Floats) -> Floats | None:
    """Minus the second derivative of the log likelihood; None where it is singular."""
    if parameters is None:
        return None
    step = 1e-5
    columns = [
        (_gradient(parameters - side, table) - _gradient(parameters + side, table)) / (2 * step)
        for side in np.eye(len(parameters)) * step
    ]
    slopes = np.array(columns)
    made: Floats = (slopes + slopes.T) / 2
    return made if np.linalg.cond(made) < 1e12 else None


def _maximum(table: Floats) -> Floats | None:
    """Newton's method, each step halved until it climbs: the log likelihood is concave (Pratt 1981)."""
    upto = np.cumsum(table.sum(axis=0))[:-1] / table.sum()
    parameters: Floats = np.append(np.log(upto / (1 - upto)), np.zeros(len(table) - 1))
    reached = _likelihood(parameters, table)
    for _ in range(_ROUNDS):
        hessian = _hessian(parameters, table)
        if hessian is None:
            return None
        step = np.linalg.solve(hessian, _gradient(parameters, table))
        while np.abs(step).max() > 1e-12 and _likelihood(parameters + step, table) < reached:
            step = step / 2
        parameters = parameters + step
        reached = _likelihood(parameters, table)
        if np.abs(step).max() < 1e-8:
            return parameters
    return None


def _clustered(each: Floats, codes: npt.NDArray[np.intp]) -> Floats:
    """Σ over clusters of the outer product of their summed slopes, times G / (G - 1)."""
    names, at = np.unique(codes, return_inverse=True)
    sums = np.zeros((len(names), each.shape[1]))
    np.add.at(sums, at, each)
    made: Floats = sums.T @ sums * (len(names) / max(1, len(names) - 1))
    return made
