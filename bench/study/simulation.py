"""Raters made of numbers: ratings with stated means and variances, to try a study out before anyone is asked.

score = the mean of the method on the scale + rater + clip + rater x method + clip x method + rest, every term but the
first drawn from a normal distribution of its own, anew for every scale; then rounded, and clipped to the ends of the
scale. The latent mean is chosen so that the ratings, after rounding and clipping, have the stated mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import TalkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from ...baselines.published import Paper


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the terms, in points of the scale; these are typical of studies of talking heads."""

    rater: float = 0.8
    clip: float = 0.5
    rater_method: float = 0.35
    clip_method: float = 0.35
    rest: float = 1.2

    @property
    def total(self) -> float:
        """Standard deviation of one rating."""
        terms = (self.rater, self.clip, self.rater_method, self.clip_method, self.rest)
        return float(np.sqrt(sum(one**2 for one in terms)))


@dataclass(frozen=True)
class Design:
    """Who rates what. Every rater sees all methods of `per_rater` clips, drawn so that clips are seen equally often.

    `repeats` of these are rated a second time. The last raters do not watch: `random` of them draw scores at random,
    `constant` of them always give the same.
    """

    raters: int = 30
    clips: int = 20
    per_rater: int | None = None
    repeats: int = 0
    random: int = 0
    constant: int = 0

    def __post_init__(self) -> None:
        if self.raters < 1 or self.clips < 1:
            raise TalkbenchError("Expected at least one rater and one clip.")
        if self.per_rater is not None and not 1 <= self.per_rater <= self.clips:
            raise TalkbenchError(f"Expected from 1 to {self.clips} clips per rater, got {self.per_rater}.")
        if min(self.random, self.constant) < 0 or self.random + self.constant > self.raters:
            raise TalkbenchError(f"Expected at most {self.raters} raters who do not watch, as many as there are.")
        if not 0 <= self.repeats <= (self.per_rater or self.clips):
            raise TalkbenchError(f"Expected at most as many repeats as clips per rater, got {self.repeats}.")


def published_means(paper: Paper) -> dict[str, dict[str, float]]:
    """Return method -> scale -> mean rating from the user study of a paper, its table of LS, EE and VPQ.

    Raises TalkbenchError where it has none.
    """
    from ...baselines.published import number

    for table in paper.tables:
        names = [column.name for column in table.columns]
        if {"LS", "EE", "VPQ"} <= set(names):
            found = {
                row.method.split(" [")[0]: {
                    name: value
                    for name, text in zip(names, row.values, strict=True)
                    if (value := number(text)) is not None
                }
                for row in table.rows
            }
            return {method: means for method, means in found.items() if means}
    raise TalkbenchError(f"{paper.id}: has no table of LS, EE and VPQ, the ratings of a user study.")


def simulate(
    means: Mapping[str, Mapping[str, float]],
    *,
    design: Design | None = None,
    spread: Spread | None = None,
    seed: int = 0,
    lowest: int = 1,
    highest: int = 10,
) -> pd.DataFrame:
    """Return ratings (rater, clip, method, scale, score, kind, position) for means by method and scale.

    `position` is the rater's own order of trials, drawn at random, repeats last.
    """
    import pandas as pd

    design, spread = design or Design(), spread or Spread()
    rng = np.random.default_rng(seed)
    methods = list(means)
    scales = list(dict.fromkeys(scale for of in means.values() for scale in of))
    seen = _assigned(design, rng)
    frames = []
    trials = _trials(seen, len(methods), design, rng)
    for scale in scales:
        truth = np.array([_latent(means[name].get(scale), spread.total, lowest, highest) for name in methods])
        steady = truth + _effects(design, len(methods), spread, rng)
        rater, clip, method = (trials[name].to_numpy() for name in ("rater", "clip", "method"))
        score = np.clip(
            np.round(steady[rater, clip, method] + rng.normal(0, spread.rest, len(trials))), lowest, highest
        )
        fixed = rng.integers(lowest, highest + 1, design.raters)
        constant, random = (
            rater >= design.raters - design.constant,
            rater >= design.raters - design.constant - design.random,
        )
        score = np.where(
            constant, fixed[rater], np.where(random, rng.integers(lowest, highest + 1, len(trials)), score)
        )
        frames.append(trials.assign(scale=scale, score=score)[~np.isnan(steady[rater, clip, method])])
    made = pd.concat(frames).sort_values(["rater", "position", "scale"], kind="stable", ignore_index=True)
    digits = len(str(max(design.raters, design.clips)))
    return pd.DataFrame(
        {
            "rater": [f"r{at + 1:0{digits}d}" for at in made["rater"]],
            "clip": [f"c{at + 1:0{digits}d}" for at in made["clip"]],
            "method": [methods[at] for at in made["method"]],
            "scale": made["scale"],
            "score": made["score"].astype(int),
            "kind": made["kind"],
            "position": made["position"],
        }
    )


def _assigned(design: Design, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which rater sees which clip (raters, clips): always one of the clips seen least so far."""
    per = design.per_rater or design.clips
    seen = np.zeros((design.raters, design.clips), bool)
    for row in seen:
        row[np.lexsort((rng.random(design.clips), seen.sum(axis=0)))[:per]] = True
    return seen


def _trials(seen: npt.NDArray[np.bool_], methods: int, design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """One row per video shown: rater, clip, method, kind and position."""
    import pandas as pd

    rows = []
    for rater, own in enumerate(seen):
        shown = [(clip, method) for clip in np.flatnonzero(own) for method in range(methods)]
        order = [shown[at] for at in rng.permutation(len(shown))]
        again = [order[at] for at in rng.choice(len(order), design.repeats, replace=False)]
        trials = [*((*one, "main") for one in order), *((*one, "repeat") for one in again)]
        rows += [(rater, clip, method, kind, at + 1) for at, (clip, method, kind) in enumerate(trials)]
    return pd.DataFrame(rows, columns=["rater", "clip", "method", "kind", "position"])


def _effects(design: Design, methods: int, spread: Spread, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """All that is steady in a rating but the mean (raters, clips, methods)."""
    raters, clips = design.raters, design.clips
    return (
        rng.normal(0, spread.rater, (raters, 1, 1))
        + rng.normal(0, spread.clip, (1, clips, 1))
        + rng.normal(0, spread.rater_method, (raters, 1, methods))
        + rng.normal(0, spread.clip_method, (1, clips, methods))
    )


def _latent(mean: float | None, spread: float, lowest: int, highest: int) -> float:
    """The latent mean whose ratings, rounded and clipped, have the stated mean; NaN for none."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    if mean is None:
        return float("nan")
    if not lowest < mean < highest:
        raise TalkbenchError(f"Expected a mean between {lowest} and {highest}, got {mean:g}.")
    if spread == 0:
        return mean
    edges = np.arange(lowest, highest) + 0.5

    def off(latent: float) -> float:
        return lowest + float(norm.sf(edges, latent, spread).sum()) - mean

    return float(brentq(off, lowest - 20 * spread, highest + 20 * spread))
