"""The per-clip list, the worst clips and the values per frame: what the page shows, from what a result folder holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from ...metrics import METRICS
from ..columns import Column

if TYPE_CHECKING:
    import pandas as pd

    from ...bench.results import Results

WORST = 10
LABELS = ("speaker", "emotion", "level", "sentence")
_PREDICTED = "-pred"
NO_TAKE = "The method has no take of this clip."


@dataclass(frozen=True)
class Entry:
    """One (clip, method): a value per column (None where there is none), or the reason why nothing was measured."""

    clip: str
    method: str
    labels: tuple[str, ...]
    values: tuple[float | None, ...]
    coverage: float
    failure: str | None = None


@dataclass(frozen=True)
class Worst:
    """A clip with the take that is worst on it, by one metric."""

    clip: str
    method: str
    value: float


@dataclass(frozen=True)
class Curve:
    """One take frame by frame: which of its frames stands at each frame of the clip, and a value per column and frame.

    `state` has a letter per frame of the clip: "." compared, "-" not compared, "r" no face in the real frame,
    "t" none in the take's, "b" in neither. A value is None where there is none; an infinite one is kept.
    """

    shown: tuple[int, ...]
    state: str
    values: tuple[tuple[float | None, ...], ...]


def labels_in_use(results: Results) -> tuple[str, ...]:
    """Return the labels that any clip bears."""
    return tuple(name for name in LABELS if name in results.clips and results.clips[name].notna().any())


def entries(results: Results, columns: Sequence[Column]) -> list[Entry]:
    """Return every planned pair by clip, the methods in the order of the run."""
    run, labels = results.run, labels_in_use(results)
    rows = results.clips.to_dict("records")
    of_clip = {row["clip"]: tuple(_text(row[name]) for name in labels) for row in rows}
    blank = ("",) * len(labels)
    found = [
        Entry(row["clip"], row["method"], of_clip[row["clip"]], _values(row, columns), _coverage(row, columns))
        for row in rows
    ]
    nothing = (None,) * len(columns)
    failed = [(one["clip"], one["method"], one["reason"]) for one in results.failures]
    failed += [(clip, method, NO_TAKE) for method, clips in run.get("missing", {}).items() for clip in clips]
    found += [Entry(clip, method, of_clip.get(clip, blank), nothing, 0.0, why) for clip, method, why in failed]
    place = {method: index for index, method in enumerate(run["methods"])}
    return sorted(found, key=lambda entry: (entry.clip, place[entry.method]))


def worst(listed: Sequence[Entry], columns: Sequence[Column]) -> list[list[Worst]]:
    """Return per column the WORST clips, each once, by the worst of its takes, the worst first."""
    return [_worst(listed, at, column) for at, column in enumerate(columns)]


def with_player(listed: Sequence[Entry], ranked: Sequence[Sequence[Worst]], count: int | None) -> list[str]:
    """Return the clips that get a player: the worst of every metric in turn, then the others in order.

    `count` None takes all of the worst and fills up with others to 24.
    """
    wanted = [one.clip for rank in zip_longest(*ranked) for one in rank if one is not None]
    first = dict.fromkeys(wanted)
    order = list(first | dict.fromkeys(entry.clip for entry in listed))
    return order[: max(len(first), 24) if count is None else count]


def curves(frames: pd.DataFrame, run: Mapping[str, Any], columns: Sequence[Column], length: int) -> Iterator[Curve]:
    """Yield, for one clip of `length` frames, a curve per method in the order of the run; `frames` are its rows."""
    for method in run["methods"]:
        yield _curve(frames[frames["method"] == method], run, columns, length)


def _curve(rows: pd.DataFrame, run: Mapping[str, Any], columns: Sequence[Column], length: int) -> Curve:
    state, shown = ["-"] * length, [-1] * length
    values: list[list[float | None]] = [[None] * length for _ in columns]
    stored = [_frame_values(rows, column, run) for column in columns]
    sides = (rows[name].tolist() for name in ("frame", "gen_frame", "gt_face", "gen_face"))
    for index, (at, take, gt_face, gen_face) in enumerate(zip(*sides, strict=True)):
        if at >= length:
            continue
        state[at] = {(True, True): ".", (False, True): "r", (True, False): "t"}.get(
            (gt_face == "ok", gen_face == "ok"), "b"
        )
        shown[at] = take
        for series, column in zip(values, stored, strict=True):
            series[at] = None if math.isnan(column[index]) else column[index]
    return Curve(_held(shown), "".join(state), tuple(map(tuple, values)))


def _held(shown: Sequence[int]) -> tuple[int, ...]:
    """Where nothing was compared the last compared frame stays; before the first, the first."""
    last = next((take for take in shown if take >= 0), 0)
    held = []
    for take in shown:
        last = take if take >= 0 else last
        held.append(last)
    return tuple(held)


def _frame_values(rows: pd.DataFrame, column: Column, run: Mapping[str, Any]) -> list[float]:
    """Return the metric of each frame alone: what is stored for it may be another quantity, as MSE is for PSNR."""
    name = column.name.removesuffix(_PREDICTED)
    metric = METRICS.get(name)
    suffix = _PREDICTED if column.name.endswith(_PREDICTED) else ""
    stored_as = name if metric is None else metric.frame_value
    if stored_as + suffix not in rows:  # a metric of whole clips, or one from elsewhere
        return [math.nan] * len(rows)
    stored: list[float] = rows[stored_as + suffix].tolist()
    if metric is None or metric.clip is None or metric.frame_value == name:
        return stored
    arguments = run["config"]["ingredients"]["metrics"][name]["clip"]
    return [value if math.isnan(value) else metric.clip(np.array([value]), **arguments) for value in stored]


def _worst(listed: Sequence[Entry], at: int, column: Column) -> list[Worst]:
    sign = 1 if column.better == "higher" else -1
    of_clip: dict[str, Worst] = {}
    for entry in listed:
        value = entry.values[at]
        if value is None or value == column.perfect:
            continue
        if entry.clip not in of_clip or sign * value < sign * of_clip[entry.clip].value:
            of_clip[entry.clip] = Worst(entry.clip, entry.method, value)
    return sorted(of_clip.values(), key=lambda one: (sign * one.value, one.clip))[:WORST]


def _values(row: Mapping[Any, Any], columns: Sequence[Column]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(row[column.name]) else float(row[column.name]) for column in columns)


def _coverage(row: Mapping[Any, Any], columns: Sequence[Column]) -> float:
    """Lowest share of frames scored over the metrics that have a value, as in Table 1."""
    scored = [row[f"{column.name}:frames"] for column in columns]
    return min((frames / row["n_frames"] for frames in scored if frames), default=0.0)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
