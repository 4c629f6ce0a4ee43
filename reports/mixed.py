"""A linear mixed model of ratings: a mean for every method, and raters, clips and their tastes for methods as samples.

score = method + rater + clip + rater x method + clip x method + rest, everything but the method a random effect with
a variance of its own. The variances maximise the restricted likelihood, profiled over the means and the rest's variance
as in Bates et al. 2015, equations 32 to 42. Tests of differences are t tests with Satterthwaite's degrees of freedom;
the test of all methods at once is F with those of Fai & Cornelius 1996.

Without the last two terms the standard error of a difference of methods is about half of what it should be: methods
would differ by what these raters and these clips happen to prefer. Gaps need no care: what is missing is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .intervals import Floats

TERMS = ("rater", "clip", "rater × method", "clip × method")
_ZERO = 1e-6
"""A variance, as a share of the rest's, below which a term is taken to be absent."""


@dataclass(frozen=True)
class Contrast:
    """A difference of means with its test; `p` is two-sided."""

    difference: float
    error: float
    df: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Omnibus:
    """The F test that all methods have the same mean."""

    f: float
    df1: int
    df2: float
    p: float


@dataclass(frozen=True)
class Mixed:
    """A fitted model. `means` (M,) and their `covariance` (M, M); `variances` by term, with `rest`."""

    means: Floats
    covariance: Floats
    variances: dict[str, float]
    _df: Callable[[Floats], float]

    def contrast(self, weights: Floats, *, level: float = 0.95) -> Contrast:
        """Test the sum of `weights` (M,) times the means against 0."""
        from scipy import stats

        difference = float(weights @ self.means)
        error = math.sqrt(float(weights @ self.covariance @ weights))
        df = self._df(weights)
        reach = float(stats.t.ppf((1 + level) / 2, df)) * error
        p = 2 * float(stats.t.sf(abs(difference) / error, df))
        return Contrast(difference, error, df, difference - reach, difference + reach, p)

    def omnibus(self) -> Omnibus:
        """Test that all means are the same."""
        from scipy import stats

        count = len(self.means) - 1
        contrasts = np.hstack([-np.ones((count, 1)), np.eye(count)])
        values, vectors = np.linalg.eigh(contrasts @ self.covariance @ contrasts.T)
        each = vectors.T @ contrasts
        f = float(np.sum((each @ self.means) ** 2 / values)) / count
        dfs = [self._df(one) for one in each]
        expected = sum(df / (df - 2) for df in dfs if df > 2)
        df2 = 2 * expected / (expected - count) if expected > count else min(dfs)
        return Omnibus(f, count, df2, float(stats.f.sf(f, count, df2)))


def mixed(scores: Floats) -> Mixed | None:
    """Fit the model to `scores` (raters, clips, methods), NaN where missing.

    With one method alone, a term and its product with the method are one: only their sum means anything. None with
    fewer than two raters or clips, with no rating of a method, or where nothing is left to vary.
    """
    from scipy.optimize import minimize

    there = ~np.isnan(scores)
    count, methods = int(there.sum()), scores.shape[2]
    if min(np.count_nonzero(there.any(axis=(1, 2))), np.count_nonzero(there.any(axis=(0, 2)))) < 2:
        return None
    if not there.any(axis=(0, 1)).all() or count <= methods:
        return None
    model = _Model.of(scores)
    if model.solve(np.zeros(len(TERMS)))[2] < 1e-9:
        return None
    # Over variances, not standard deviations: by those the slope at 0 is 0, and the search would stop there.
    best = minimize(
        lambda ratios: model.deviance(np.sqrt(ratios)),
        np.full(len(TERMS), 0.2),
        method="L-BFGS-B",
        bounds=[(0, 1e4)] * len(TERMS),
        options={"ftol": 1e-11, "gtol": 1e-7},
    )
    theta = np.where(best.x < _ZERO, 0.0, np.sqrt(best.x))
    centred, unscaled, rss, _ = model.solve(theta)
    means = centred + np.nanmean(scores)
    rest = rss / (count - methods)
    variances = {name: float(rest * one**2) for name, one in zip(TERMS, theta, strict=True)}
    return Mixed(means, rest * unscaled, {**variances, "rest": float(rest)}, _satterthwaite(model, theta, rest))


@dataclass(frozen=True)
class _Model:
    """Cross products of the design, so that a fit costs the same for any number of ratings.

    Each rater has 1 + M random effects, a general one and one per method, which no other rater shares: they are
    eliminated rater by rater. `own` (S, 1+M, 1+M) are their products with each other, `across` (S, 1+M, Q) those with
    everything else: the clips' effects, K (1+M) of them, the M means and the scores; `rest` (Q, Q) is what those have
    among themselves.
    """

    n: int
    methods: int
    own: Floats
    across: Floats
    rest: Floats

    @classmethod
    def of(cls, scores: Floats) -> _Model:
        """Set up from scores (raters, clips, methods), NaN where missing."""
        raters, clips, methods = scores.shape
        there = (~np.isnan(scores)).astype(np.float64)
        # Centring does not change the fit, and keeps the sum of squares from losing digits.
        y = np.where(there > 0, scores - np.nanmean(scores), 0.0)
        effects, means = np.hstack([np.ones((methods, 1)), np.eye(methods)]), np.eye(methods)
        width = clips * (1 + methods)
        own = np.einsum("skm,ma,mb->sab", there, effects, effects)
        across = np.concatenate(
            [
                np.einsum("skm,ma,mb->sakb", there, effects, effects).reshape(raters, 1 + methods, width),
                np.einsum("skm,ma,mx->sax", there, effects, means),
                np.einsum("skm,ma->sa", y, effects)[:, :, np.newaxis],
            ],
            axis=2,
        )
        rest = np.zeros((width + methods + 1, width + methods + 1))
        for k in range(clips):
            at = slice(k * (1 + methods), (k + 1) * (1 + methods))
            seen = there[:, k].sum(axis=0)
            rest[at, at] = (effects.T * seen) @ effects
            rest[width:-1, at] = seen[:, np.newaxis] * effects
            rest[-1, at] = y[:, k].sum(axis=0) @ effects
        rest[width:-1, width:-1] = np.diag(there.sum(axis=(0, 1)))
        rest[-1, width:-1] = y.sum(axis=(0, 1))
        rest[-1, -1] = float((y**2).sum())
        return cls(int(there.sum()), methods, own, across, np.tril(rest) + np.tril(rest, -1).T)

    def solve(self, theta: Floats) -> tuple[Floats, Floats, float, float]:
        """Centred means, their covariance for a rest of variance 1, residual sum of squares, and log determinants."""
        m, width = self.methods, len(self.rest) - self.methods - 1
        rater = np.array([theta[0], *[theta[2]] * m])
        other = np.ones(len(self.rest))
        other[:width] = np.tile([theta[1], *[theta[3]] * m], width // (1 + m))
        lower = np.linalg.cholesky(rater[:, np.newaxis] * self.own * rater + np.eye(1 + m))
        half = np.linalg.solve(lower, rater[:, np.newaxis] * self.across * other)
        flat = half.reshape(-1, len(self.rest))
        left = other[:, np.newaxis] * self.rest * other - flat.T @ flat
        left[np.arange(width), np.arange(width)] += 1
        # One factor holds all: the clips' effects, then the means given these, then what is left of the scores.
        factor = np.linalg.cholesky(left + np.diag([0.0] * (len(left) - 1) + [1e-10]))
        inverse = np.linalg.inv(factor[width:-1, width:-1])
        means = inverse.T @ factor[-1, width:-1]
        logs = 2 * float(np.log(np.diagonal(lower, axis1=1, axis2=2)).sum() + np.log(np.diag(factor)[:-1]).sum())
        return means, inverse.T @ inverse, float(factor[-1, -1] ** 2), logs

    def deviance(self, theta: Floats) -> float:
        """-2 log restricted likelihood, up to a constant, at the best variance of the rest."""
        _, _, rss, logs = self.solve(theta)
        return logs + (self.n - self.methods) * math.log(rss)

    def at_variances(self, theta: Floats, rest: float) -> float:
        """-2 log restricted likelihood, up to a constant, at a stated variance of the rest."""
        _, _, rss, logs = self.solve(theta)
        return logs + (self.n - self.methods) * math.log(rest) + rss / rest


def _satterthwaite(model: _Model, theta: Floats, rest: float) -> Callable[[Floats], float]:
    """Degrees of freedom of a contrast, from how well the variances that are not 0 are known."""
    free = np.flatnonzero(theta > 0)
    best = np.append(rest * theta[free] ** 2, rest)

    def unpacked(variances: Floats) -> tuple[Floats, float]:
        full = np.zeros(len(theta))
        full[free] = np.sqrt(np.maximum(variances[:-1], 0) / variances[-1])
        return full, float(variances[-1])

    def deviance(variances: Floats) -> float:
        return model.at_variances(*unpacked(variances))

    def covariance(variances: Floats) -> Floats:
        full, of_rest = unpacked(variances)
        return of_rest * model.solve(full)[1]

    steps = 0.01 * best
    size = len(best)
    hessian, slopes = np.empty((size, size)), []
    for i in range(size):
        up = np.eye(size)[i] * steps
        slopes.append((covariance(best + up) - covariance(best - up)) / (2 * steps[i]))
        for j in range(i + 1):
            side = np.eye(size)[j] * steps
            bent = deviance(best + up + side) - deviance(best + up - side)
            bent -= deviance(best - up + side) - deviance(best - up - side)
            hessian[i, j] = hessian[j, i] = bent / (4 * steps[i] * steps[j])
    known = 2 * np.linalg.pinv(hessian)
    centre = covariance(best)

    def df(weights: Floats) -> float:
        slope = np.array([weights @ one @ weights for one in slopes])
        spread = float(slope @ known @ slope)
        return max(1.0, 2 * float(weights @ centre @ weights) ** 2 / spread) if spread > 0 else float(model.n)

    return df
