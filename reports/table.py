"""Table 1: one row per method, one column per metric, from what a result folder holds.

A method's value is the mean over its clips of the clip values that could be measured (NaN is left out, +∞ makes the
mean ∞). Coverage of a method's metric = Σ over measured clips of (frames scored / frames) / planned pairs: a pair that
failed counts as nothing scored. Ground Truth comes first: every metric's value for a take identical to its ground
truth, and as coverage the share of ground-truth frames with a face. Intervals are defined in `intervals.py`, bold print
in `best.py`. By emotion, level or speaker, each group is a table of its own over the clips with that label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .best import Best, best
from .columns import Column, Units, Values, clip_values, in_order, shown_columns, units
from .groups import Group, Label, groups
from .intervals import Floats, intervals, mean_over_clips

if TYPE_CHECKING:
    import pandas as pd

    from ..bench.results import Results

GROUND_TRUTH = "Ground Truth"
_EDGE = 1e-9
"""Sums of shares of frames are off by rounding; 0.95 reached to this precision is 0.95."""


@dataclass(frozen=True)
class Cell:
    """One method's value of one metric; None where there is none.

    `partial`: scored on too few of the frames. `applies`: False where the method has no such output to measure, which
    is no gap in its coverage.
    """

    value: float | None
    ci_low: float | None
    ci_high: float | None
    coverage: float
    n_clips: int
    best: bool = False
    partial: bool = False
    applies: bool = True


@dataclass(frozen=True)
class Row:
    """A method: its cells in the order of the columns, and how many of its planned pairs were measured."""

    method: str
    cells: tuple[Cell, ...]
    measured: int
    planned: int
    reference: bool = False
    group: Label | None = None

    @property
    def name(self) -> str:
        """Method, and group where there is one, as the notes call it."""
        return self.method if self.group is None else f"{self.method}, {self.group.title}"

    @property
    def coverage(self) -> float:
        """Lowest coverage of the metrics that apply to the method."""
        return min((cell.coverage for cell in self.cells if cell.applies), default=0.0)


@dataclass(frozen=True)
class Table:
    """Table 1, ready to be printed: see `formats.py`. `by` names the label that its rows are grouped by."""

    protocol: str
    signature: str
    metrics: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    by: str | None = None
    title: str = "Quantitative results"
    label: str = "talkbench"


@dataclass(frozen=True)
class _Block:
    """The rows of one group, with what the notes below the table are made of."""

    rows: tuple[Row, ...]
    units: Units
    best: tuple[Best | None, ...]
    identical: tuple[str, ...]


def table(results: Results, *, by: Literal["emotion", "level", "speaker"] | None = None) -> Table:
    """Make Table 1 of a run, or a block of its rows per emotion, level or speaker, without the Ground Truth.

    Raises TalkbenchError where no clip has the label that the rows are to be grouped by.
    """
    run = results.run
    columns = shown_columns(run)
    clips = in_order(results.clips, columns)
    if by is None:
        blocks = [_block(Group(None, clips, run["planned"]), columns, run)]
        rows = (_ground_truth(clips, columns), *blocks[0].rows)
    else:
        blocks = [_block(group, columns, run) for group in groups(replace(results, clips=clips), by)]
        rows = tuple(row for block in blocks for row in block.rows)
    rows = tuple(_partial(row, run["coverage_threshold"]) for row in rows)
    identical = [case for block in blocks for case in block.identical]
    notes = [
        _legend(rows, blocks, columns, run["ci"], by),
        *_untested(blocks, columns, run),
        *_remarks(rows, identical, columns, run["coverage_threshold"]),
    ]
    return Table(run["protocol"], run["signature"], columns, rows, tuple(notes), by)


def number(value: float | None, decimals: int) -> str:
    """Print a value as every format shows it.

    >>> number(2.345, 1), number(-0.0001, 2), number(float("inf"), 2), number(None, 2)
    ('2.3', '0.00', '∞', '–')
    """
    if value is None:
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def percent(share: float) -> str:
    """Print a share rounded down, so that 100 % means all and no more.

    >>> percent(0.9999), percent(19 / 20), percent(1.0)
    ('99 %', '95 %', '100 %')
    """
    return f"{int(share * 100 + _EDGE)} %"


def _block(group: Group, columns: Sequence[Column], run: dict[str, Any]) -> _Block:
    methods = [group.clips[group.clips["method"] == name] for name in run["methods"]]
    of = units(group.clips, run["ci"]["min_speakers"])
    values = clip_values(methods, of, columns)
    bounds = _bounds(values, columns, run["ci"])
    cells = [
        [
            _cell(measured, column, int(group.planned[name]), pair, run)
            for column, pair in zip(columns, ends, strict=True)
        ]
        for name, measured, ends in zip(run["methods"], methods, bounds, strict=True)
    ]
    found = tuple(
        best([row[at].value for row in cells], values, at, column, run["ci"]) for at, column in enumerate(columns)
    )
    rows = []
    for place, (name, measured) in enumerate(zip(run["methods"], methods, strict=True)):
        marked = (
            replace(cell, best=one is not None and place in one.bold)
            for cell, one in zip(cells[place], found, strict=True)
        )
        rows.append(Row(name, tuple(marked), len(measured), int(group.planned[name]), group=group.label))
    return _Block(tuple(rows), of, found, tuple(_identical(rows, values, columns)))


def _identical(rows: Sequence[Row], of: Values, columns: Sequence[Column]) -> list[str]:
    """Name the means that single clips identical to their ground truth make infinite."""
    same = np.isposinf(of.values).sum(axis=0)
    return [
        f"{row.name}, {column.name}: {same[place, at]} of {row.cells[at].n_clips} clips"
        for place, row in enumerate(rows)
        for at, column in enumerate(columns)
        if 0 < same[place, at] < row.cells[at].n_clips
    ]


def _bounds(of: Values, columns: Sequence[Column], ci: dict[str, Any]) -> Floats:
    """(M, C, 2) ends of the intervals; NaN where there is none."""
    count, methods, metrics = of.values.shape
    bounds = intervals(
        of.values.reshape(count, methods * metrics),
        of.units,
        resamples=ci["resamples"],
        seed=ci["seed"],
        level=ci["level"],
        limits=np.array([column.limits for column in columns] * methods, dtype=np.float64).reshape(-1, 2),
        weights=of.weights.reshape(count, methods * metrics),
    )
    return bounds.reshape(methods, metrics, 2)


def _cell(measured: pd.DataFrame, column: Column, planned: int, bounds: Floats, run: dict[str, Any]) -> Cell:
    values = measured[column.name].to_numpy(np.float64)
    scored = measured[f"{column.name}:frames"].to_numpy(np.float64) / measured["n_frames"].to_numpy(np.float64)
    low, high = (None if np.isnan(end) else float(end) for end in bounds)
    coverage = float(np.sum(scored)) / planned if planned else 0.0
    value = mean_over_clips(values, column.weights(measured))
    applies = value is not None or _applies(measured, column, run)
    return Cell(value, low, high, coverage, int(np.sum(~np.isnan(values))), applies=applies)


def _applies(measured: pd.DataFrame, column: Column, run: dict[str, Any]) -> bool:
    """Whether a metric without any value could have had one: not where there is no such output, or no such rule."""
    if measured.empty:
        return True
    if column.name.endswith("-pred"):
        return bool(measured["gen_landmarks"].notna().any())
    if measured["gen_video"].isna().all():
        return False
    protocol = run.get("config", {}).get("ingredients", {}).get("protocol", {})
    left_out = column.needs in ("landmarks", "facts") and protocol.get("head_motion") == "no-landmarks"
    return not (left_out and bool(((measured["gt_faces"] > 0) & (measured["gen_faces"] > 0)).any()))


def _ground_truth(clips: pd.DataFrame, columns: Sequence[Column]) -> Row:
    """The row of a take identical to its ground truth; the metrics' property tests guarantee its values.

    What measures one side alone was measured on the ground truth itself.
    """
    faces = (clips["gt_faces"] / clips["n_frames"]).groupby(clips["clip"]).mean()
    count = len(faces)
    if not count:
        return Row(GROUND_TRUTH, tuple(Cell(None, None, None, 0.0, 0) for _ in columns), 0, 0, reference=True)
    share = float(faces.mean())
    cells = []
    for column in columns:
        if column.perfect is None:
            cells.append(_measured_ground_truth(clips, column))
        else:
            covered = 1.0 if column.needs in ("frames", "steps") else share
            cells.append(Cell(column.perfect if covered else None, None, None, covered, count))
    return Row(GROUND_TRUTH, tuple(cells), count, count, reference=True)


def _measured_ground_truth(clips: pd.DataFrame, column: Column) -> Cell:
    """The mean over the clips of the real videos' own values; the methods' rows of a clip all hold the same."""
    real = clips.sort_values(f"{column.name}:gt:frames", ascending=False, kind="stable").drop_duplicates("clip")
    values = real[f"{column.name}:gt"].to_numpy(np.float64)
    scored = real[f"{column.name}:gt:frames"].to_numpy(np.float64) / real["n_frames"].to_numpy(np.float64)
    value = mean_over_clips(values, np.ones(len(values)))
    return Cell(value, None, None, float(np.mean(scored)), int(np.sum(~np.isnan(values))))


def _partial(row: Row, threshold: float) -> Row:
    """Mark what rests on too few frames."""
    cells = (replace(cell, partial=cell.n_clips > 0 and cell.coverage < threshold - _EDGE) for cell in row.cells)
    return replace(row, cells=tuple(cells))


def _legend(
    rows: Sequence[Row], blocks: Sequence[_Block], columns: Sequence[Column], ci: dict[str, Any], by: str | None
) -> str:
    pooled = [column.name for column in columns if column.over == "frames"]
    kind = f"Mean over clips ({', '.join(pooled)}: over all frames)" if pooled else "Mean over clips"
    parts = [f"{kind}."]
    drawn, unit = _units_in_words(blocks, ci)
    if any(cell.ci_low is not None for row in rows for cell in row.cells):
        parts = [
            f"{kind} and its {ci['level'] * 100:g} % confidence interval (studentised bootstrap over {drawn}; "
            f"{ci['resamples']:,} resamples, seed {ci['seed']})."
        ]
    if any(cell.best for row in rows for cell in row.cells):
        parts.append(
            f"Bold: the best mean{' of the group' if by else ''} and all that are not distinguishable from it "
            f"(p > {1 - ci['level']:.2g}: sign-flip test on the differences by {unit}, Holm over the comparisons with "
            "the best)."
        )
    parts.append("Coverage: share of the planned frames that were scored, lowest over the row's metrics.")
    return " ".join(parts)


def _units_in_words(blocks: Sequence[_Block], ci: dict[str, Any]) -> tuple[str, str]:
    """What was drawn, and what was flipped."""
    clustered = {block.units.clustered for block in blocks}
    if clustered == {True, False}:
        few = f"speakers, or clips in groups with fewer than {ci['min_speakers']} speakers"
        return few, "speaker or clip"
    if clustered == {True}:
        count = f"{blocks[0].units.count} " if len(blocks) == 1 else ""
        return f"{count}speakers, each with all its clips", "speaker"
    return "clips", "clip"


def _untested(blocks: Sequence[_Block], columns: Sequence[Column], run: dict[str, Any]) -> list[str]:
    """Say where bold print is missing, and why."""
    where: dict[str, list[str]] = {}
    left = []
    for block in blocks:
        group = block.rows[0].group.title if block.rows[0].group else None
        names = [f"{group}, {column.name}" if group else column.name for column in columns]
        whys = [_why_nothing(one, block.units) for one in block.best]
        for name, one, why in zip(names, block.best, whys, strict=True):
            if why is not None and len(set(whys)) > 1:
                where.setdefault(why, []).append(name)
            left += [f"{run['methods'][method]}, {name}" for method in (one.untested if one else ())]
        if len(set(whys)) == 1 and whys[0] is not None:
            where.setdefault(whys[0], []).append(group or "all metrics")
    cases = [f"{', '.join(names)}: {why}" for why, names in where.items()]
    limit = f"{(1 - run['ci']['level']) * 100:.2g} %"
    remarks = {
        f"Nothing is bold where no difference can reach {limit} after Holm's correction": cases,
        "Not bold for want of clips in common with the best, on which to test them": left,
    }
    return [f"{text} ({'; '.join(cases)})." for text, cases in remarks.items() if cases]


def _why_nothing(one: Best | None, of: Units) -> str | None:
    if one is None or one.bold:
        return None
    if one.smallest_p is not None:
        return f"{of.words(one.n_units)}, smallest p {one.smallest_p:.2g}"
    return of.words(one.n_units) if one.n_units < 2 else "the best is infinite"


def _remarks(rows: Sequence[Row], identical: Sequence[str], columns: Sequence[Column], threshold: float) -> list[str]:
    """What a reader must know about single cells, in words."""
    partial: list[str] = []
    missing: list[str] = []
    other: list[str] = []
    failed: list[str] = []
    for row in rows:
        name = row.name
        for cell, column in zip(row.cells, columns, strict=True):
            if cell.partial:
                partial.append(f"{name}, {column.name}: {percent(cell.coverage)}")
            if cell.value is None:
                (missing if cell.applies else other).append(f"{name}, {column.name}")
        if row.measured < row.planned:
            failed.append(f"{name}: {row.planned - row.measured} of {row.planned}")
    remarks = {
        f"† Scored on less than {percent(threshold)} of the planned frames": partial,
        "∞ Identical to the ground truth, which makes the mean infinite": identical,
        "– Could not be measured on any clip": missing,
        "– Does not apply: the method has no such output, or the protocol does not score it": other,
        "Planned pairs that were not measured and lower the coverage": failed,
    }
    return [f"{text} ({'; '.join(cases)})." for text, cases in remarks.items() if cases]
