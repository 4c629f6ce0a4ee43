"""An ablation trained several times: Table 1 measured beside reported, its spread over seeds, and what differs.

Every seed is a run of its own on the same clips. A clip's value is its mean over the seeds; tables, intervals and tests
are those of any run on these values (`table.py`, `comparison.py`). They say what would change with other clips, for the
networks that were trained. What would change with other networks, the seeds say: for every difference stand its value
in each seed, and Student's interval of their mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..baselines.published import PAPERS
from ..bench.errors import TalkbenchError
from .columns import Column, shown_columns
from .comparison import Comparison, compare
from .intervals import mean_over_clips
from .merge import in_order_of
from .published import Sheet, side_by_side
from .table import table

if TYPE_CHECKING:
    import pandas as pd

    from ..bench.results import Results

PAPER = "msef-2023"


@dataclass(frozen=True)
class Question:
    """What one row less another tells: `method` − `baseline`, on the metrics that it can change."""

    name: str
    method: str
    baseline: str
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """One difference: over clips, in every seed, and Student's interval over the seeds (None with a single one)."""

    question: Question
    comparison: Comparison
    by_seed: tuple[float, ...]
    seed_low: float | None
    seed_high: float | None


@dataclass(frozen=True)
class Spread:
    """A row's mean in every seed, metric by metric in the order of the columns; NaN where nothing was measured."""

    method: str
    by_seed: tuple[tuple[float, ...], ...]

    def mean(self, at: int) -> float:
        """Return the mean over the seeds."""
        return float(np.mean(self.by_seed[at]))

    def deviation(self, at: int) -> float | None:
        """Return the standard deviation over the seeds; None with a single one."""
        return float(np.std(self.by_seed[at], ddof=1)) if len(self.by_seed[at]) > 1 else None


@dataclass(frozen=True)
class Heard:
    """What a classifier heard in the test clips, in one seed: confusion matrices of clips and of frames."""

    seed: int
    labels: tuple[str, ...]
    clips: tuple[tuple[int, ...], ...]
    frames: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reproduction:
    """All of it, ready to be printed: see `reproduction_formats.py`. `about` says how the numbers came about."""

    sheet: Sheet
    columns: tuple[Column, ...]
    seeds: tuple[int, ...]
    spreads: tuple[Spread, ...]
    answers: tuple[Answer, ...]
    heard: tuple[Heard, ...]
    about: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    signature: str
    level: float

    def heard_frames(self) -> list[list[int]]:
        """Return the confusion matrix of frames, added up over the seeds."""
        added: list[list[int]] = np.sum([one.frames for one in self.heard], axis=0).tolist()
        return added


def reproduction(
    runs: Sequence[Results],
    seeds: Sequence[int],
    questions: Sequence[Question],
    heard: Sequence[Heard],
    about: Sequence[tuple[str, str]],
    notes: Sequence[str],
) -> Reproduction:
    """Put one run per seed together. Raises TalkbenchError where they are not of the same rows, clips and protocol."""
    paper = PAPERS[PAPER]
    mean = in_order_of(paper, pooled(runs))
    columns = shown_columns(mean.run)
    methods: list[str] = mean.run["methods"]
    spreads = tuple(
        Spread(method, tuple(tuple(_mean(run, method, column) for run in runs) for column in columns))
        for method in methods
    )
    asked = [one for one in questions if one.method in methods and one.baseline in methods]
    answers = tuple(answer for question in asked for answer in _answers(mean, runs, question))
    return Reproduction(
        side_by_side(paper.table("Table 1"), table(mean)),
        columns,
        tuple(seeds),
        spreads,
        answers,
        tuple(heard),
        tuple(about),
        tuple(notes),
        mean.run["signature"],
        mean.run["ci"]["level"],
    )


def pooled(runs: Sequence[Results]) -> Results:
    """Return one run whose every clip has the mean of its values over the seeds; NaN where any seed has none.

    Raises TalkbenchError where the runs differ in methods, clips or signature.
    """
    first = runs[0]
    keys = ["method", "clip"]
    frames = [run.clips.sort_values(keys, ignore_index=True) for run in runs]
    for place, (run, clips) in enumerate(zip(runs, frames, strict=True)):
        if run.run["signature"] != first.run["signature"] or not clips[keys].equals(frames[0][keys]):
            raise TalkbenchError(
                f"Run {place + 1} of {len(runs)} is not on the same rows and clips, or not measured like the first. "
                "Score all seeds alike."
            )
    columns = [name for metric in first.run["metrics"] for name in (metric["name"], f"{metric['name']}:frames")]
    return replace(first, clips=frames[0].assign(**{name: _mean_of(frames, name) for name in columns}))


def _mean_of(frames: Sequence[pd.DataFrame], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    mean: np.ndarray[tuple[int], np.dtype[np.float64]] = np.mean(
        [clips[name].to_numpy(np.float64) for clips in frames], axis=0
    )
    return mean


def _mean(run: Results, method: str, column: Column) -> float:
    clips = run.clips[run.clips["method"] == method].sort_values("clip")
    value = mean_over_clips(clips[column.name].to_numpy(np.float64), column.weights(clips))
    return math.nan if value is None else value


def _answers(mean: Results, runs: Sequence[Results], question: Question) -> list[Answer]:
    """Compare two rows, and nothing else, so that no other row takes part in the correction."""
    both = [_only(run, question) for run in (mean, *runs)]
    level = mean.run["ci"]["level"]
    over_clips, *by_seed = [compare(run, question.baseline) for run in both]
    made = []
    for at, comparison in enumerate(over_clips.comparisons):
        if comparison.column.name not in question.metrics:
            continue
        values = tuple(_difference(one.comparisons[at]) for one in by_seed)
        made.append(Answer(question, comparison, values, *_student(values, level)))
    return made


def _only(run: Results, question: Question) -> Results:
    names = [question.baseline, question.method]
    return replace(run, run={**run.run, "methods": names}, clips=run.clips[run.clips["method"].isin(names)])


def _difference(one: Comparison) -> float:
    return math.nan if one.test is None else one.test.difference


def _student(values: Sequence[float], level: float) -> tuple[float | None, float | None]:
    from scipy.special import stdtrit

    if len(values) < 2 or any(math.isnan(value) for value in values):
        return None, None
    reach = float(stdtrit(len(values) - 1, (1 + level) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(np.mean(values)) - reach, float(np.mean(values)) + reach
