"""Table 1: one row per method, one column per metric, from what a result folder holds.

A method's value is the mean over its clips of the clip values that could be measured (NaN is left out, +∞ makes the
mean ∞). Coverage of a method's metric = Σ over measured clips of (frames scored / frames) / planned pairs: a pair that
failed counts as nothing scored. Ground Truth comes first: every metric's value for a take identical to its ground
truth, and as coverage the share of ground-truth frames with a face. Intervals are defined in `intervals.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .intervals import Floats, intervals, mean_over_clips

if TYPE_CHECKING:
    import pandas as pd

    from ..bench.results import Results

GROUND_TRUTH = "Ground Truth"
_EDGE = 1e-9
"""Sums of shares of frames are off by rounding; 0.95 reached to this precision is 0.95."""


@dataclass(frozen=True)
class Column:
    """A metric as the table shows it; `perfect` is the value of a take identical to its ground truth."""

    name: str
    better: Literal["lower", "higher"]
    unit: str
    decimals: int
    perfect: float
    needs: Literal["frames", "landmarks"]
    over: Literal["clips", "frames"] = "clips"

    def weights(self, measured: pd.DataFrame) -> Floats:
        """How much each clip counts in the mean: once, or by its number of scored frames."""
        if self.over == "clips":
            return np.ones(len(measured))
        frames: Floats = measured[f"{self.name}:frames"].to_numpy(np.float64)
        return frames

    @property
    def title(self) -> str:
        """Name and direction: `F-LMD ↓`."""
        return f"{self.name} {'↓' if self.better == 'lower' else '↑'}"

    @property
    def heading(self) -> str:
        """Title, and the unit where there is one: `F-LMD ↓ (px)`."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest possible value: nothing is better than identical."""
        return (self.perfect, np.inf) if self.better == "lower" else (-np.inf, self.perfect)


@dataclass(frozen=True)
class Cell:
    """One method's value of one metric; None where there is none. `partial`: scored on too few of the frames."""

    value: float | None
    ci_low: float | None
    ci_high: float | None
    coverage: float
    n_clips: int
    best: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Row:
    """A method: its cells in the order of the columns, and how many of its planned pairs were measured."""

    method: str
    cells: tuple[Cell, ...]
    measured: int
    planned: int
    reference: bool = False

    @property
    def coverage(self) -> float:
        """Lowest coverage of the metrics that have a value; 0 where none has."""
        return min((cell.coverage for cell in self.cells if cell.value is not None), default=0.0)


@dataclass(frozen=True)
class Table:
    """Table 1, ready to be printed: see `formats.py`."""

    protocol: str
    signature: str
    metrics: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def table(results: Results) -> Table:
    """Make Table 1 of a run."""
    run = results.run
    columns = tuple(_column(metric) for metric in run["metrics"] if metric["shown"])
    clips = _in_order(results.clips, columns)
    units, clustered = _units(clips, run["ci"]["min_speakers"])
    methods = [clips[clips["method"] == name] for name in run["methods"]]
    bounds = _bounds(methods, units, columns, run["ci"])
    rows = [_ground_truth(clips, columns)]
    for name, measured, method_bounds in zip(run["methods"], methods, bounds, strict=True):
        planned = int(run["planned"][name])
        cells = (_cell(measured, column, planned, pair) for column, pair in zip(columns, method_bounds, strict=True))
        rows.append(Row(name, tuple(cells), len(measured), planned))
    rows = _mark(rows, columns, run["coverage_threshold"])
    speakers = len(set(units.values())) if clustered else None
    notes = [_legend(rows, columns, run["ci"], speakers), *_remarks(rows, methods, columns, run["coverage_threshold"])]
    return Table(run["protocol"], run["signature"], columns, tuple(rows), tuple(notes))


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


def _column(metric: dict[str, Any]) -> Column:
    return Column(
        metric["name"],
        metric["better"],
        metric["unit"],
        int(metric["decimals"]),
        float(metric["perfect"]),
        metric["needs"],
        metric["over"],
    )


def _in_order(clips: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The rows by clip and method: sums come out the same for any order of the rows."""
    if clips.empty:
        scored = [name for column in columns for name in (column.name, f"{column.name}:frames")]
        clips = clips.reindex(columns=["clip", "method", "speaker", "n_frames", "gt_faces", *scored])
    return clips.sort_values(["clip", "method"], ignore_index=True)


def _units(clips: pd.DataFrame, min_speakers: int) -> tuple[dict[str, str], bool]:
    """What is drawn together, per clip: its speaker where there are enough of them and none is unknown, else itself."""
    firsts = clips.drop_duplicates("clip")
    clustered = bool(firsts["speaker"].notna().all()) and firsts["speaker"].nunique() >= min_speakers
    names = firsts["speaker"] if clustered else firsts["clip"]
    return dict(zip(firsts["clip"].tolist(), names.tolist(), strict=True)), clustered


def _bounds(
    methods: Sequence[pd.DataFrame], units: dict[str, str], columns: Sequence[Column], ci: dict[str, Any]
) -> Floats:
    """(M, C, 2) ends of the intervals; NaN where there is none."""
    places = {clip: place for place, clip in enumerate(units)}
    values = np.full((len(places), len(methods), len(columns)), np.nan)
    weights = np.ones_like(values)
    for index, measured in enumerate(methods):
        rows = [places[clip] for clip in measured["clip"]]
        for at, column in enumerate(columns):
            values[rows, index, at] = measured[column.name].to_numpy(np.float64)
            weights[rows, index, at] = column.weights(measured)
    bounds = intervals(
        values.reshape(len(places), len(methods) * len(columns)),
        list(units.values()),
        resamples=ci["resamples"],
        seed=ci["seed"],
        level=ci["level"],
        limits=np.array([column.limits for column in columns] * len(methods), dtype=np.float64).reshape(-1, 2),
        weights=weights.reshape(len(places), len(methods) * len(columns)),
    )
    return bounds.reshape(len(methods), len(columns), 2)


def _cell(measured: pd.DataFrame, column: Column, planned: int, bounds: Floats) -> Cell:
    values = measured[column.name].to_numpy(np.float64)
    scored = measured[f"{column.name}:frames"].to_numpy(np.float64) / measured["n_frames"].to_numpy(np.float64)
    low, high = (None if np.isnan(end) else float(end) for end in bounds)
    coverage = float(np.sum(scored)) / planned if planned else 0.0
    return Cell(mean_over_clips(values, column.weights(measured)), low, high, coverage, int(np.sum(~np.isnan(values))))


def _ground_truth(clips: pd.DataFrame, columns: Sequence[Column]) -> Row:
    """The row of a take identical to its ground truth; the metrics' property tests guarantee its values."""
    faces = (clips["gt_faces"] / clips["n_frames"]).groupby(clips["clip"]).mean()
    number_of_clips = len(faces)
    with_face = float(faces.mean()) if number_of_clips else 0.0
    shares = {"landmarks": with_face, "frames": 1.0 if number_of_clips else 0.0}
    cells = (Cell(column.perfect, None, None, shares[column.needs], number_of_clips) for column in columns)
    return Row(GROUND_TRUTH, tuple(cells), number_of_clips, number_of_clips, reference=True)


def _mark(rows: Sequence[Row], columns: Sequence[Column], threshold: float) -> list[Row]:
    """Mark the best method of every metric, with all that print the same, and what rests on too few frames."""
    best = [_best([row.cells[at] for row in rows if not row.reference], column) for at, column in enumerate(columns)]
    marked = []
    for row in rows:
        cells = []
        for cell, column, winner in zip(row.cells, columns, best, strict=True):
            wins = not row.reference and winner == number(cell.value, column.decimals)
            partial = cell.n_clips > 0 and cell.coverage < threshold - _EDGE
            cells.append(replace(cell, best=wins, partial=partial))
        marked.append(replace(row, cells=tuple(cells)))
    return marked


def _best(cells: Sequence[Cell], column: Column) -> str | None:
    """The best value as printed; None where fewer than two methods have one, since nothing is compared there."""
    values = [cell.value for cell in cells if cell.value is not None]
    if len(values) < 2:
        return None
    return number(min(values) if column.better == "lower" else max(values), column.decimals)


def _legend(rows: Sequence[Row], columns: Sequence[Column], ci: dict[str, Any], speakers: int | None) -> str:
    pooled = [column.name for column in columns if column.over == "frames"]
    kind = f"Mean over clips ({', '.join(pooled)}: over all frames)" if pooled else "Mean over clips"
    parts = [f"{kind}."]
    if any(cell.ci_low is not None for row in rows for cell in row.cells):
        drawn = f"{speakers} speakers, each with all its clips" if speakers else "clips"
        parts = [
            f"{kind} and its {ci['level'] * 100:g} % confidence interval (studentised bootstrap over {drawn}; "
            f"{ci['resamples']:,} resamples, seed {ci['seed']})."
        ]
    if any(cell.best for row in rows for cell in row.cells):
        parts.append("Bold: best mean.")
    parts.append("Coverage: share of the planned frames that were scored, lowest over the row's metrics.")
    return " ".join(parts)


def _remarks(
    rows: Sequence[Row], methods: Sequence[pd.DataFrame], columns: Sequence[Column], threshold: float
) -> list[str]:
    """What a reader must know about single cells, in words."""
    partial, missing, identical = [], [], []
    for row in rows:
        for cell, column in zip(row.cells, columns, strict=True):
            if cell.partial:
                partial.append(f"{row.method}, {column.name}: {percent(cell.coverage)}")
            if cell.value is None:
                missing.append(f"{row.method}, {column.name}")
    for row, measured in zip(rows[1:], methods, strict=True):
        for cell, column in zip(row.cells, columns, strict=True):
            same = int(np.isposinf(measured[column.name].to_numpy(np.float64)).sum())
            if 0 < same < cell.n_clips:
                identical.append(f"{row.method}, {column.name}: {same} of {cell.n_clips} clips")
    failed = [
        f"{row.method}: {row.planned - row.measured} of {row.planned}" for row in rows if row.measured < row.planned
    ]
    remarks = {
        f"† Scored on less than {percent(threshold)} of the planned frames": partial,
        "∞ Identical to the ground truth, which makes the mean infinite": identical,
        "– Could not be measured on any clip": missing,
        "Planned pairs that were not measured and lower the coverage": failed,
    }
    return [f"{text} ({'; '.join(cases)})." for text, cases in remarks.items() if cases]
