"""Do objective metrics say what raters say? Correlations of a run's metrics with the ratings of the same videos.

Per clip: over stimuli, a stimulus being one clip of one method; its rating is the mean of its raters', its metric the
run's clip value. The interval is that of the percentiles over draws of clips with replacement, each with all its
methods, as the stimuli of one clip resemble each other. Within methods: the same after each method's own means are
taken off both, so that what remains is which clip of a method is the better one, not which method. Per method: over
methods, of their means; the interval is Fisher's (for Spearman with the error of Bonett & Wright 2000), and there is
none on fewer than 5 methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..baselines.published import method_key
from ..bench.errors import TalkbenchError
from .agreement import Estimate
from .columns import Column, in_order, shown_columns
from .intervals import Floats
from .rated import Rated
from .table import GROUND_TRUTH

if TYPE_CHECKING:
    from ..bench.results import Results

RESAMPLES, SEED, LEVEL = 2000, 0, 0.95
_FEWEST = 5
"""Methods, fewer than which have no interval."""
Over = Literal["clips", "clips within methods", "methods"]


@dataclass(frozen=True)
class Correlation:
    """One metric with one scale; `n` is the number of stimuli or methods. None where nothing varies, or n < 3."""

    scale: str
    column: Column
    over: Over
    n: int
    pearson: Estimate | None
    spearman: Estimate | None


@dataclass(frozen=True)
class Matched:
    """What ratings and run share: clips and methods in the run's names, and scores (C,) and metrics by both."""

    clips: tuple[str, ...]
    methods: tuple[str, ...]
    ratings: dict[str, Floats]
    metrics: dict[str, Floats]


def correlate(scales: Sequence[Rated], results: Results) -> tuple[tuple[Correlation, ...], Matched]:
    """Correlate every scale with every metric that the run shows, over what both have.

    Raises TalkbenchError where they share no clip of no method.
    """
    columns = shown_columns(results.run)
    matched = match(scales, results)
    rng = np.random.default_rng(SEED)
    draws = rng.multinomial(
        len(matched.clips), np.full(len(matched.clips), 1 / len(matched.clips)), size=RESAMPLES
    ).astype(np.float64)
    made = []
    for scale, mos in matched.ratings.items():
        for column in columns:
            values = matched.metrics[column.name]
            made += [
                _over_clips(scale, column, "clips", mos, values, draws),
                _over_clips(scale, column, "clips within methods", _centred(mos), _centred(values), draws),
                _over_methods(scale, column, mos, values),
            ]
    return tuple(made), matched


def match(scales: Sequence[Rated], results: Results) -> Matched:
    """Put mean ratings and metrics side by side, (clips, methods) each, NaN where missing.

    Methods match by name, whatever their case; clips by their id, or by its last part where that is one clip's alone.
    """
    columns = shown_columns(results.run)
    rows = in_order(results.clips, columns)
    clips = {
        name: rated for name in dict.fromkeys(rows["clip"]) if (rated := _named(name, scales[0].clips, rows["clip"]))
    }
    keys = {method_key(name): name for name in scales[0].methods if method_key(name) != method_key(GROUND_TRUTH)}
    methods = {name: keys[method_key(name)] for name in results.run["methods"] if method_key(name) in keys}
    if not clips:
        raise _nothing_shared("clip", scales[0].clips, list(dict.fromkeys(rows["clip"])))
    if not methods:
        raise _nothing_shared("method", scales[0].methods, results.run["methods"])
    mos = {}
    for one in scales:
        count = (~np.isnan(one.scores)).sum(axis=0)
        mean = np.where(count > 0, np.nansum(one.scores, axis=0) / np.maximum(count, 1), np.nan)
        at = np.ix_(
            [one.clips.index(name) for name in clips.values()], [one.methods.index(m) for m in methods.values()]
        )
        mos[one.scale] = mean[at]
    metrics = {
        column.name: rows.pivot(index="clip", columns="method", values=column.name)
        .reindex(index=list(clips), columns=list(methods))
        .to_numpy(np.float64)
        for column in columns
    }
    return Matched(tuple(clips), tuple(methods), mos, metrics)


def _nothing_shared(what: str, rated: Sequence[str], measured: Sequence[str]) -> TalkbenchError:
    names, others = (f"{', '.join(of[:3])}{' …' if len(of) > 3 else ''}" for of in (rated, measured))
    return TalkbenchError(
        f"The ratings and the run share no {what}: rated were {names}, measured {others}. Use the run's names in the "
        f"column {what}."
    )


def _named(clip: str, rated: Sequence[str], measured: Sequence[str]) -> str | None:
    """Return the name that raters' clips have for a clip of the run."""
    if clip in rated:
        return clip
    last = clip.rsplit("/", 1)[-1]
    alone = sum(name.rsplit("/", 1)[-1] == last for name in dict.fromkeys(measured)) == 1
    return last if last in rated and alone else None


def _centred(values: Floats) -> Floats:
    """Take off each method's mean (clips, methods); a method with infinite values has none left."""
    made: Floats = np.where(np.isfinite(values), values, np.nan)
    count = (~np.isnan(made)).sum(axis=0)
    return made - np.where(count > 0, np.nansum(made, axis=0) / np.maximum(count, 1), np.nan)


def _over_clips(scale: str, column: Column, over: Over, mos: Floats, values: Floats, draws: Floats) -> Correlation:
    there = np.isfinite(mos) & np.isfinite(values)
    clip = np.nonzero(there)[0]
    x, y = values[there], mos[there]
    pearson, spearman = (_drawn(*pair, draws[:, clip]) for pair in ((x, y), (_ranks(x), _ranks(y))))
    return Correlation(scale, column, over, len(x), pearson, spearman)


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.round(values, 12)), np.float64)


def _drawn(x: Floats, y: Floats, weights: Floats) -> Estimate | None:
    """Correlation, and its interval from draws that count each stimulus `weights` (draws, n) times."""
    if len(x) < 3 or np.ptp(x) < 1e-12 or np.ptp(y) < 1e-12:
        return None
    r = float(np.corrcoef(x, y)[0, 1])
    x, y = x - x.mean(), y - y.mean()
    total = np.maximum(weights.sum(axis=1), 1)
    mx, my, xx, yy, xy = ((weights @ one) / total for one in (x, y, x * x, y * y, x * y))
    below = (xx - mx**2) * (yy - my**2)
    known = below > 1e-18
    if known.sum() < len(weights) / 2:
        return Estimate(r)
    drawn = (xy - mx * my)[known] / np.sqrt(below[known])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(r, float(f"{low:.12g}"), float(f"{high:.12g}"))


def _over_methods(scale: str, column: Column, mos: Floats, values: Floats) -> Correlation:
    there = np.isfinite(mos) & np.isfinite(values)
    count = there.sum(axis=0)
    chosen = count > 0
    y, x = ((np.where(there, one, 0.0).sum(axis=0) / np.maximum(count, 1))[chosen] for one in (mos, values))
    if len(x) < 3 or np.ptp(x) < 1e-12 or np.ptp(y) < 1e-12:
        return Correlation(scale, column, "methods", len(x), None, None)
    r, rho = (float(np.corrcoef(*pair)[0, 1]) for pair in ((x, y), (_ranks(x), _ranks(y))))
    return Correlation(scale, column, "methods", len(x), _fisher(r, len(x), 1.0), _fisher(rho, len(x), 1 + rho**2 / 2))


def _fisher(r: float, n: int, factor: float) -> Estimate:
    from scipy.stats import norm

    if n < _FEWEST or abs(r) > 1 - 1e-12:
        return Estimate(r)
    reach = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(factor / (n - 3))
    return Estimate(r, math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach))
