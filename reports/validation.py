"""What each metric makes of known distortions: does it rise with them, from what strength on, and what does it miss.

A metric's response to a take is how much worse than perfect it calls it: (value − perfect) for a metric where lower is
better, (perfect − value) for the others. A metric that measures one side alone is compared with its own value for the
ground truth instead. PSNR, which is infinite for the clip itself, responds by its mean squared error, 10^(−PSNR/10).
The effect of a level is the mean response over clips.

The noise floor is the mean size of the response to the clip encoded once more at H.264 crf 18, which nobody can tell
from the clip. Sensitivity is the effect in floors. Monotonicity is the rank correlation (Spearman, Kendall's τ-b) of
level and response, the clip itself counted as level 0, per clip, then the mean over clips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..bench.validation.distortions import DISTORTIONS, FLOOR, FLOOR_CRF, Distortion
from .columns import Column, in_order, shown_columns
from .intervals import Floats

if TYPE_CHECKING:
    import pandas as pd

    from ..bench.results import Results

Verdict = Literal["sees", "unsteady", "rewards", "blind", "not measured"]
STEADY = 0.9
"""The least Spearman correlation at which a metric is said to see a distortion."""


@dataclass(frozen=True)
class Response:
    """One metric's response to one distortion, level by level; NaN where no clip could be measured.

    `values` are means of the metric over clips, `effects` means of the response, in floors (±∞ where the floor is 0).
    `seen_from` is the lowest level from which on every effect is above the floor, None where there is none. The
    verdict: "blind" where no effect leaves the floor; "rewards" where the strongest level is called better by more than
    a floor; "sees" where it is called worse by more, and Spearman is at least 0.9; "unsteady" else. `clips` is the
    number of clips measured at every level.
    """

    distortion: Distortion
    values: tuple[float, ...]
    effects: tuple[float, ...]
    spearman: float
    kendall: float
    seen_from: float | None
    clips: int
    verdict: Verdict
    reason: str | None = None


@dataclass(frozen=True)
class Profile:
    """A metric's noise floor, its value where that was taken, and its response to every distortion.

    `floor` is in the unit of the response, `at_floor` the metric's own mean value (for a metric of one side, its mean
    difference from the ground truth's).
    """

    metric: Column
    floor: float
    at_floor: float
    responses: tuple[Response, ...]

    def named(self, verdict: Verdict) -> list[str]:
        """Return the distortions with this verdict."""
        return [one.distortion.name for one in self.responses if one.verdict == verdict]


@dataclass(frozen=True)
class Validation:
    """Every metric's profile, what was left out and why, and what the numbers rest on."""

    profiles: tuple[Profile, ...]
    distortions: tuple[Distortion, ...]
    left_out: Mapping[str, str]
    clips: int
    frames: int
    corpus: str
    signature: str

    @property
    def about(self) -> str:
        """Say what was distorted."""
        whose = "of talkbench's demo corpus" if self.corpus == "demo" else "of real footage"
        return (
            f"{self.clips} clip{'' if self.clips == 1 else 's'} {whose}, {self.frames} frames. Effects are in noise "
            f"floors: the response to the clip re-encoded at H.264 crf {FLOOR_CRF}."
        )


def validation(results: Results, left_out: Mapping[str, str], corpus: str) -> Validation:
    """Read the responses of every shown metric from a run over distorted takes."""
    columns = shown_columns(results.run)
    clips = in_order(results.clips, columns)
    distortions = tuple(one for one in DISTORTIONS.values() if one.name not in left_out)
    floors = clips[clips["method"] == FLOOR]
    return Validation(
        profiles=tuple(_profile(column, clips, floors, distortions) for column in columns),
        distortions=distortions,
        left_out=left_out,
        clips=clips["clip"].nunique(),
        frames=int(floors["compared"].sum()),
        corpus=corpus,
        signature=str(results.run["signature"]),
    )


def _profile(column: Column, clips: pd.DataFrame, floors: pd.DataFrame, distortions: tuple[Distortion, ...]) -> Profile:
    at_floor = _responses(column, floors)
    floor = float(np.nanmean(np.abs(at_floor))) if np.isfinite(at_floor).any() else math.nan
    if column.perfect is None:
        shown = _mean((floors[column.name] - floors[f"{column.name}:gt"]).to_numpy(np.float64))
    else:
        shown = _mean(floors[column.name].to_numpy(np.float64))
    responses = tuple(_response(column, clips, one, floor) for one in distortions)
    return Profile(column, floor, shown, responses)


def _response(column: Column, clips: pd.DataFrame, distortion: Distortion, floor: float) -> Response:
    names = sorted(set(clips["clip"]))
    values = np.full((len(names), len(distortion.levels)), np.nan)
    responses = values.copy()
    for at, level in enumerate(distortion.levels):
        rows = clips[clips["method"] == distortion.method(level)]
        places = [names.index(clip) for clip in rows["clip"]]
        values[places, at] = rows[column.name].to_numpy(np.float64)
        responses[places, at] = _responses(column, rows)
    raw = np.array([_mean(column_of) for column_of in responses.T])
    effects = _in_floors(raw, floor)
    spearman, kendall = _monotonicity(distortion.levels, responses)
    verdict = _verdict(effects, spearman)
    return Response(
        distortion=distortion,
        values=tuple(_mean(column_of) for column_of in values.T),
        effects=tuple(effects.tolist()),
        spearman=spearman,
        kendall=kendall,
        seen_from=_seen_from(distortion.levels, effects),
        clips=int(np.isfinite(responses).all(axis=1).sum()),
        verdict=verdict,
        reason=_reason(column, clips, distortion) if verdict == "not measured" else None,
    )


def _responses(column: Column, rows: pd.DataFrame) -> Floats:
    """Return how much worse than perfect each clip is called."""
    values = rows[column.name].to_numpy(np.float64)
    if column.perfect is None:
        reference = rows[f"{column.name}:gt"].to_numpy(np.float64)
    elif math.isinf(column.perfect):
        return np.asarray(10.0 ** (-values / 10), np.float64)
    else:
        reference = np.full(len(values), column.perfect)
    return np.asarray(values - reference if column.better == "lower" else reference - values, np.float64)


def _mean(values: Floats) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else math.nan


def _in_floors(effects: Floats, floor: float) -> Floats:
    if floor > 0 or math.isnan(floor):
        return effects / floor
    return np.where(effects == 0, 0.0, np.copysign(np.inf, effects)) + 0 * effects


def _monotonicity(levels: tuple[float, ...], responses: Floats) -> tuple[float, float]:
    """Return the mean over clips of Spearman's and Kendall's correlation; NaN where no clip responds at all."""
    from scipy.stats import kendalltau, spearmanr

    with_zero = (0.0, *levels)
    found = []
    for clip in responses:
        response = np.concatenate([[0.0], clip])
        there = np.isfinite(response)
        if there.sum() > 2 and np.ptp(response[there]) > 0:
            at = np.array(with_zero)[there]
            found.append((spearmanr(at, response[there]).statistic, kendalltau(at, response[there]).statistic))
    if not found:
        return math.nan, math.nan
    spearman, kendall = np.mean(found, axis=0)
    return float(spearman), float(kendall)


def _seen_from(levels: tuple[float, ...], effects: Floats) -> float | None:
    seen = None
    for level, effect in zip(reversed(levels), effects[::-1], strict=True):
        if abs(effect) <= 1:
            break
        seen = seen if math.isnan(effect) else level
    return seen


def _verdict(effects: Floats, spearman: float) -> Verdict:
    there = effects[~np.isnan(effects)]
    if not len(there):
        return "not measured"
    if np.abs(there).max() <= 1:
        return "blind"
    if there[-1] < -1:
        return "rewards"
    return "sees" if there[-1] > 1 and spearman >= STEADY else "unsteady"


def _reason(column: Column, clips: pd.DataFrame, distortion: Distortion) -> str:
    name = f"{column.name}:reason"
    methods = [distortion.method(level) for level in distortion.levels]
    given = clips[clips["method"].isin(methods)][name].dropna().tolist() if name in clips else []
    return str(given[0]) if given else "no frame could be measured"
