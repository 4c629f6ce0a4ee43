"""Which raters did not do the task, by rules whose thresholds are written down before any rating comes in.

Every rule looks at one rater's ratings and gives a number; the rater fails where it lies beyond the threshold:

`attention_failures`  attention checks with another score than `expected` on any scale: more than this
`technical_failures`  share of main ratings that have no score: more than this
`leave_one_out_r`     Pearson correlation with the mean of all the others, mean over scales: less than this
`straight_line_sd`    standard deviation of the ratings, largest of the scales: less than this
`same_on_all_scales`  share of stimuli with one and the same score on all scales: more than this
`repeat_difference`   mean difference between the two scores of a repeated stimulus: more than this
`pace`                median of seconds / duration over the rater's trials: less than this
`bt500`               whether ITU-R BT.500 rejects the rater on any scale

BT.500: per stimulus, P counts the scores at least 2σ over the mean, Q those as far under it (√20 σ where the kurtosis
is not between 2 and 4); reject where (P + Q) / n > 0.05 and |P - Q| / (P + Q) < 0.3; once, not repeated; σ over n. It
does not see who always gives the same score, and not everyone who scores at random: hence the others.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..bench.errors import TalkbenchError
from .agreement import against_the_others
from .intervals import Floats
from .rated import Rated, rated

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rules:
    """Thresholds, as a study's file names them; None leaves a rule out. What each takes is in the module's text.

    The default of `leave_one_out_r` is low: who watches closely but has a taste of their own reaches 0.2 to 0.7.
    """

    attention_failures: float | None = 1
    technical_failures: float | None = 0.2
    leave_one_out_r: float | None = 0.2
    straight_line_sd: float | None = 0.5
    same_on_all_scales: float | None = 0.9
    repeat_difference: float | None = 3.0
    pace: float | None = 1.0
    bt500: bool = True

    @property
    def signature(self) -> str:
        """The rules in use, for the signature."""
        return ",".join(name if name == "bt500" else f"{name}:{value:g}" for name, value in self.thresholds.items())

    @property
    def thresholds(self) -> dict[str, float]:
        """The threshold of every rule in use; that of `bt500` lies between 0, kept, and 1, rejected."""
        found = {name: value for name, value in asdict(self).items() if value is not None and name != "bt500"}
        return {**found, "bt500": 0.5} if self.bt500 else found


_UNDER = ("leave_one_out_r", "straight_line_sd", "pace")
"""Rules that a rater fails under the threshold; the others are failed over it."""


@dataclass(frozen=True)
class Screened:
    """Every rater's number by rule, NaN where a rule has nothing to look at, and the rules that the rater failed."""

    raters: tuple[str, ...]
    values: dict[str, Floats]
    failed: dict[str, tuple[str, ...]]

    @property
    def kept(self) -> tuple[str, ...]:
        """The raters who failed no rule."""
        return tuple(name for name in self.raters if not self.failed[name])


def read_rules(file: Path) -> Rules:
    """Read `screens` of a study.toml, or of the codebook.json that an export writes.

    `false` leaves a rule out. Raises TalkbenchError where there is no such table, or one that is no rule.
    """
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise TalkbenchError(f"{file}: cannot be read as a study.toml or a codebook.json ({error}).") from error
    screens = found.get("screens") if isinstance(found, dict) else None
    if not isinstance(screens, dict):
        raise TalkbenchError(f"{file}: has no table [screens]. Expected one, with a threshold per rule.")
    try:
        return rules_of(screens)
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error


def rules_of(thresholds: Mapping[str, Any]) -> Rules:
    """Return rules from thresholds by name; those not named keep their default. Raises TalkbenchError for no rule."""
    known = [one.name for one in fields(Rules)]
    chosen: dict[str, Any] = {}
    for name, value in thresholds.items():
        if name not in known:
            raise TalkbenchError(f"screens: {name} is no rule. Expected {', '.join(known)}.")
        if name == "bt500" or value is False:
            fits, expected = isinstance(value, bool), "true or false"
        else:
            fits, expected = _is_number(value), "a number, or false to leave the rule out"
        if not fits:
            raise TalkbenchError(f"screens: {name} = {value!r}: expected {expected}.")
        chosen[name] = value if name == "bt500" else None if value is False else float(value)
    return Rules(**chosen)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def screen(ratings: pd.DataFrame, rules: Rules | None = None, *, lowest: float = 1, highest: float = 10) -> Screened:
    """Apply the rules to a long table; optional columns are kind, expected, seconds and duration.

    Raises TalkbenchError as `reports.ratings.checked` does.
    """
    thresholds = (rules or Rules()).thresholds
    scales = rated(ratings, lowest=lowest, highest=highest)
    raters = scales[0].raters
    long = ratings.astype(dict.fromkeys(("rater", "clip", "method", "scale"), str))
    main = long[long["kind"] == "main"] if "kind" in long.columns else long
    measured: dict[str, Callable[[], Floats]] = {
        "attention_failures": lambda: _attention(long, raters),
        "technical_failures": lambda: _by_rater(main["score"].isna().groupby(main["rater"]).mean(), raters),
        "leave_one_out_r": lambda: _over_scales([against_the_others(one.by_stimulus) for one in scales], np.nanmean),
        "straight_line_sd": lambda: _over_scales([_spread(one) for one in scales], np.nanmax),
        "same_on_all_scales": lambda: _same(scales),
        "repeat_difference": lambda: _repeated(long, raters),
        "pace": lambda: _pace(main, raters),
        "bt500": lambda: np.any([bt500(one.by_stimulus) for one in scales], axis=0).astype(np.float64),
    }
    values = {name: measured[name]() for name in thresholds}
    failed = {
        rater: tuple(
            name
            for name, limit in thresholds.items()
            if (values[name][at] < limit if name in _UNDER else values[name][at] > limit)
        )
        for at, rater in enumerate(raters)
    }
    return Screened(raters, values, failed)


def bt500(ratings: Floats) -> npt.NDArray[np.bool_]:
    """Whether BT.500 rejects each rater of `ratings` (raters, stimuli), NaN where missing."""
    there = ~np.isnan(ratings)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, ratings, 0.0).sum(axis=0) / count
    off = np.where(there, ratings - mean, 0.0)
    second, fourth = (off**2).sum(axis=0) / count, (off**4).sum(axis=0) / count
    varies = second > 1e-12  # where all agree nobody is far off
    kurtosis = fourth / np.where(varies, second, 1.0) ** 2
    reach = np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, math.sqrt(20)) * np.sqrt(second)
    over, under = ((sign * off >= reach) & there & varies for sign in (1, -1))
    p, q = over.sum(axis=1), under.sum(axis=1)
    share = (p + q) / np.maximum(there.sum(axis=1), 1)
    lean = np.abs(p - q) / np.maximum(p + q, 1)
    rejected: npt.NDArray[np.bool_] = (share > 0.05) & (lean < 0.3)
    return rejected


def _over_scales(columns: Sequence[Floats], reduce: Callable[[Floats], float]) -> Floats:
    """Reduce each rater's numbers over scales; NaN where no scale has one."""
    return np.array([reduce(own) if (~np.isnan(own)).any() else math.nan for own in np.array(columns).T])


def _spread(one: Rated) -> Floats:
    """Standard deviation of each rater's scores; NaN on fewer than three."""
    flat = one.by_stimulus
    made = [float(np.nanstd(own, ddof=1)) if (~np.isnan(own)).sum() >= 3 else math.nan for own in flat]
    return np.array(made)


def _same(scales: Sequence[Rated]) -> Floats:
    if len(scales) < 2:
        return np.full(len(scales[0].raters), np.nan)
    scores = np.stack([one.scores.reshape(len(one.raters), -1) for one in scales])
    whole = ~np.isnan(scores).any(axis=0)
    same = whole & (scores == scores[0]).all(axis=0)
    count = whole.sum(axis=1)
    return np.where(count > 0, same.sum(axis=1) / np.maximum(count, 1), np.nan)


def _by_rater(of: pd.Series, raters: Sequence[str]) -> Floats:
    made: Floats = of.reindex(list(raters)).to_numpy(np.float64)
    return made


def _pace(main: pd.DataFrame, raters: Sequence[str]) -> Floats:
    if not {"seconds", "duration"} <= set(main.columns):
        return np.full(len(raters), np.nan)
    return _by_rater((main["seconds"] / main["duration"]).groupby(main["rater"]).median(), raters)


def _attention(long: pd.DataFrame, raters: Sequence[str]) -> Floats:
    if not {"kind", "expected"} <= set(long.columns):
        return np.full(len(raters), np.nan)
    asked = long[(long["kind"] == "attention") & long["expected"].notna() & long["score"].notna()]
    wrong = asked["score"].astype(float) != asked["expected"].astype(float)
    missed = wrong.groupby([asked["rater"], asked["clip"]]).any()
    return _by_rater(missed.groupby(level=0).sum(), raters)


def _repeated(long: pd.DataFrame, raters: Sequence[str]) -> Floats:
    pairs = retest(long)
    return _by_rater((pairs["score"] - pairs["score_again"]).abs().groupby(pairs["rater"]).mean(), raters)


def retest(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the first and the repeated score of every repeated stimulus: columns `score` and `score_again`."""
    keys = ["rater", "clip", "method", "scale"]
    kinds = ratings["kind"].to_numpy() if "kind" in ratings.columns else np.full(len(ratings), "main")
    first, again = (ratings.loc[kinds == name, [*keys, "score"]] for name in ("main", "repeat"))
    pairs = first.merge(again, on=keys, suffixes=("", "_again"))
    return pairs.astype({"score": float, "score_again": float}).dropna()
