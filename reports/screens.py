"""Which raters did not do the task, by rules whose thresholds are written down before any rating comes in.

Every rule looks at one rater's ratings and gives a number; the rater is left out where it lies beyond the threshold:

`others`       Pearson correlation with the mean of all the others, mean over scales: under the threshold
`spread`       smallest standard deviation of the ratings over the scales: under the threshold (a straight line)
`same`         share of stimuli with the same score on all scales: over the threshold
`pace`         median of seconds / duration of the trials: under the threshold
`checks`       share of gold and trap scores further from `expected` than `tolerance`: over the threshold
`retest`       mean difference between the two scores of a repeated stimulus: over the threshold
`missing`      share of the rater's main ratings without a score: over the threshold
`bt500`        1 where ITU-R BT.500 rejects the rater, on any scale: over the threshold

BT.500: per stimulus, P counts the scores at least 2σ over the mean, Q those as far under it (√20 σ where the kurtosis
is not between 2 and 4); reject where (P + Q) / n > 0.05 and |P - Q| / (P + Q) < 0.3; once, not repeated; σ over n. It
does not see who always gives the same score, and not everyone who scores at random: hence the others.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
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
    """Thresholds; None leaves a rule out. What it takes is in the module's text."""

    others: float | None = 0.2
    spread: float | None = 0.5
    same: float | None = 0.9
    pace: float | None = 1.0
    checks: float | None = 0.5
    retest: float | None = 2.5
    missing: float | None = 0.2
    bt500: float | None = 0.5

    @property
    def signature(self) -> str:
        """The thresholds in use, for the signature."""
        return ",".join(f"{name}:{value:g}" for name, value in asdict(self).items() if value is not None)


_UNDER = ("others", "spread", "pace")
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
    """Read the table `screens` of a TOML file: thresholds by rule, `false` for a rule that is not to be used.

    Raises TalkbenchError where it has none, or one that is no rule.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("screens")
    except (OSError, ValueError) as error:
        raise TalkbenchError(f"{file}: cannot be read as TOML ({error}).") from error
    if not isinstance(found, dict):
        raise TalkbenchError(f"{file}: has no table [screens]. Expected one, with a threshold per rule.")
    try:
        return rules_of(found)
    except TalkbenchError as error:
        raise TalkbenchError(f"{file}: {error}") from error


def rules_of(thresholds: Mapping[str, Any]) -> Rules:
    """Return rules from thresholds by name; those not named keep their default. Raises TalkbenchError for no rule."""
    known = [one.name for one in fields(Rules)]
    for name, value in thresholds.items():
        if name not in known:
            raise TalkbenchError(f"screens: {name} is no rule. Expected {', '.join(known)}.")
        if value is True or not isinstance(value, int | float) or not math.isfinite(value):
            raise TalkbenchError(f"screens: {name} = {value!r}: expected a number, or false to leave the rule out.")
    return Rules(**{name: None if value is False else float(value) for name, value in thresholds.items()})


def screen(ratings: pd.DataFrame, rules: Rules | None = None, *, lowest: float = 1, highest: float = 10) -> Screened:
    """Apply the rules to a long table; optional columns are kind, expected, tolerance, seconds and duration."""
    rules = rules or Rules()
    scales = rated(ratings, lowest=lowest, highest=highest)
    raters = scales[0].raters
    long = ratings.astype({name: str for name in ("rater", "clip", "method", "scale")})
    measured = {
        "others": _mean([against_the_others(one.by_stimulus) for one in scales]),
        "spread": _least([_spread(one) for one in scales]),
        "same": _same(scales),
        "pace": _pace(long, raters),
        "checks": _checks(long, raters),
        "retest": _retest(long, raters),
        "missing": _missing(long, raters),
        "bt500": np.any([bt500(one.by_stimulus) for one in scales], axis=0).astype(np.float64),
    }
    thresholds = {name: value for name, value in asdict(rules).items() if value is not None}
    values = {name: measured[name] for name in thresholds}
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


def _mean(columns: Sequence[Floats]) -> Floats:
    """Mean over scales of what is not NaN."""
    stacked = np.array(columns)
    count = (~np.isnan(stacked)).sum(axis=0)
    return np.where(count > 0, np.nansum(stacked, axis=0) / np.maximum(count, 1), np.nan)


def _least(columns: Sequence[Floats]) -> Floats:
    stacked = np.array(columns)
    least = np.where(np.isnan(stacked), np.inf, stacked).min(axis=0)
    return np.where(np.isinf(least), np.nan, least)


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


def _main(long: pd.DataFrame) -> pd.DataFrame:
    return long[long["kind"] == "main"] if "kind" in long.columns else long


def _pace(long: pd.DataFrame, raters: Sequence[str]) -> Floats:
    if not {"seconds", "duration"} <= set(long.columns):
        return np.full(len(raters), np.nan)
    main = _main(long)
    return _by_rater((main["seconds"] / main["duration"]).groupby(main["rater"]).median(), raters)


def _checks(long: pd.DataFrame, raters: Sequence[str]) -> Floats:
    if not {"kind", "expected"} <= set(long.columns):
        return np.full(len(raters), np.nan)
    asked = long[long["kind"].isin(["gold", "trap"]) & long["expected"].notna()]
    tolerance = asked["tolerance"].fillna(0) if "tolerance" in asked.columns else 0
    wrong = ~((asked["score"].astype(float) - asked["expected"].astype(float)).abs() <= tolerance)
    return _by_rater(wrong.groupby(asked["rater"]).mean(), raters)


def _retest(long: pd.DataFrame, raters: Sequence[str]) -> Floats:
    if "kind" not in long.columns:
        return np.full(len(raters), np.nan)
    pairs = retest(long)
    return _by_rater((pairs["score"] - pairs["score_again"]).abs().groupby(pairs["rater"]).mean(), raters)


def retest(long: pd.DataFrame) -> pd.DataFrame:
    """Return the first and the repeated score of every repeated stimulus: columns `score` and `score_again`."""
    keys = ["rater", "clip", "method", "scale"]
    again = long[long["kind"] == "repeat"][[*keys, "score"]]
    pairs = _main(long)[[*keys, "score"]].merge(again, on=keys, suffixes=("", "_again"))
    return pairs.astype({"score": float, "score_again": float}).dropna()


def _missing(long: pd.DataFrame, raters: Sequence[str]) -> Floats:
    main = _main(long)
    return _by_rater(main["score"].isna().groupby(main["rater"]).mean(), raters)
