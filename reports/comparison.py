"""Every method against a baseline, clip by clip: how large the difference is, and whether chance explains it.

The test, the correction and the effect size are defined in `significance.py`, the interval in `intervals.py`. The
family that Holm's correction covers is, for each metric, all comparisons with the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..bench.errors import TalkbenchError
from .best import versus
from .columns import Column, Units, Values, clip_values, in_order, shown_columns, units
from .intervals import Floats, draws_in_words, intervals
from .significance import Paired, Test, holm
from .table import GROUND_TRUTH

if TYPE_CHECKING:
    from ..bench.results import Results

Verdict = Literal["better", "worse", "not distinguishable", "too few to tell", "not tested"]
"""`too few to tell`: on so few speakers or clips no difference can reach the limit after the correction."""


@dataclass(frozen=True)
class Comparison:
    """One method against the baseline on one metric; `p_holm` is p after Holm's correction."""

    method: str
    column: Column
    paired: Paired
    ci_low: float | None
    ci_high: float | None
    p_holm: float | None
    verdict: Verdict

    @property
    def test(self) -> Test | None:
        """What the test found, where there was one."""
        return self.paired.test

    @property
    def better_on(self) -> int:
        """Number of the shared clips on which the method is better than the baseline."""
        return self.paired.lower_on if self.column.better == "lower" else self.paired.higher_on


@dataclass(frozen=True)
class Comparisons:
    """All comparisons with one baseline, metric by metric, ready to be printed: see `comparison_formats.py`."""

    protocol: str
    signature: str
    baseline: str
    comparisons: tuple[Comparison, ...]
    unit: Literal["speaker", "clip"]
    level: float
    resamples: int
    seed: int
    notes: tuple[str, ...]


def compare(results: Results, baseline: str) -> Comparisons:
    """Compare every other method of a run with `baseline`. Raises TalkbenchError where there is no such method."""
    run = results.run
    others = [name for name in run["methods"] if name != baseline]
    if len(others) == len(run["methods"]):
        near = [] if baseline == GROUND_TRUTH else get_close_matches(baseline, others, n=1, cutoff=0.4)
        raise TalkbenchError(
            f"--baseline {baseline}: is not a method of the run.{f' Did you mean {near[0]}?' if near else ''} "
            f"There are: {', '.join(others)}."
        )
    if not others:
        raise TalkbenchError(f"The run has no method but {baseline}: nothing to compare. Give a second run as well.")
    columns = shown_columns(run)
    clips = in_order(results.clips, columns)
    of = units(clips, run["ci"]["min_speakers"])
    methods = [clips[clips["method"] == name] for name in (baseline, *others)]
    values = clip_values(methods, of, columns)
    bounds = _bounds(values, run["ci"])
    made = [
        one
        for at, column in enumerate(columns)
        for one in _family(values, at, column, others, bounds[:, at], run["ci"])
    ]
    return Comparisons(
        run["protocol"],
        run["signature"],
        baseline,
        tuple(made),
        "speaker" if of.clustered else "clip",
        run["ci"]["level"],
        run["ci"]["resamples"],
        run["ci"]["seed"],
        tuple(_notes(made, of, clips["clip"].nunique(), run["ci"])),
    )


def _bounds(of: Values, ci: dict[str, Any]) -> Floats:
    """(M, C, 2) intervals of the differences between the first method and the others."""
    with np.errstate(invalid="ignore"):
        differences = of.values[:, 1:] - of.values[:, :1]
    infinite = np.isinf(of.values[:, 1:]) | np.isinf(of.values[:, :1])
    differences[infinite] = np.inf
    weights = np.minimum(of.weights[:, 1:], of.weights[:, :1])
    count, methods, metrics = differences.shape
    flat = intervals(
        differences.reshape(count, methods * metrics),
        of.units,
        resamples=ci["resamples"],
        seed=ci["seed"],
        level=ci["level"],
        weights=weights.reshape(count, methods * metrics),
    )
    return flat.reshape(methods, metrics, 2)


def _family(
    of: Values, at: int, column: Column, others: Sequence[str], bounds: Floats, ci: dict[str, Any]
) -> list[Comparison]:
    """All comparisons on one metric: they are corrected together."""
    pairs = [versus(of, at, 0, place, ci) for place in range(1, len(others) + 1)]
    tests = {place: pair.test for place, pair in enumerate(pairs) if pair.test is not None}
    adjusted = dict(zip(tests, holm([test.p for test in tests.values()]), strict=True))
    lowest = dict(zip(tests, holm([test.smallest_p for test in tests.values()]), strict=True))
    limit = round(1.0 - ci["level"], 9)
    made = []
    for place, (name, pair) in enumerate(zip(others, pairs, strict=True)):
        low, high = (None if np.isnan(end) else float(end) for end in bounds[place])
        verdict: Verdict = "too few to tell" if pair.n_units == 1 and pair.difference is not None else "not tested"
        if pair.test is not None:
            verdict = "not distinguishable" if lowest[place] <= limit else "too few to tell"
            if adjusted[place] <= limit:
                verdict = "better" if (pair.test.difference < 0) == (column.better == "lower") else "worse"
        made.append(Comparison(name, column, pair, low, high, adjusted.get(place), verdict))
    return made


def _notes(made: Sequence[Comparison], of: Units, n_clips: int, ci: dict[str, Any]) -> list[str]:
    limit = f"{(1 - ci['level']) * 100:.2g} %"
    unit = "speaker" if of.clustered else "clip"
    family = len(dict.fromkeys(one.method for one in made))
    notes = [
        "Difference: the method's mean less the baseline's over the clips that both have, and its "
        f"{ci['level'] * 100:g} % interval "
        f"(studentised bootstrap by {unit}). d: its size in standard deviations of the clips' differences. "
        f"p: two-sided sign-flip test by {unit}. Holm: p corrected for the {family} comparison{'s' * (family != 1)} "
        f"on that metric. Above {limit}: not distinguishable, which does not mean equal. "
        f"{of.words(of.count)}; {draws_in_words(of.count, resamples=ci['resamples'], seed=ci['seed'])}."
    ]
    few: dict[str, list[str]] = {}
    for one in made:
        if one.verdict == "too few to tell":
            smallest = 1.0 if one.test is None else one.test.smallest_p
            why = f"{of.words(one.paired.n_units)} give no p below {smallest:.2g} before the correction"
            few.setdefault(why, []).append(f"{one.method}, {one.column.name}")
    remarks = {
        f"Too few to tell: no difference, however large, can reach {limit} after the correction": [
            why if len(names) == len(made) else f"{', '.join(names)}: {why}" for why, names in few.items()
        ],
        f"Compared on fewer than all {n_clips} clips, on those that both have": [
            f"{one.method}, {one.column.name}: {one.paired.n_clips}" for one in made if one.paired.n_clips < n_clips
        ],
        "Not tested, for no clip in common or an infinite value": [
            f"{one.method}, {one.column.name}" for one in made if one.verdict == "not tested"
        ],
    }
    return notes + [f"{text} ({'; '.join(cases)})." for text, cases in remarks.items() if cases]
