"""What every report on a run starts from: its metrics as columns, its clips in one order, and what is resampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .intervals import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A metric as a table shows it.

    `perfect` is the value of a take identical to its ground truth; None for a metric that measures one side alone, and
    so the ground truth as well; its lowest and highest value are then `possible`. `whole_clip`: it has no value per
    frame.
    """

    name: str
    better: Literal["lower", "higher"]
    unit: str
    decimals: int
    perfect: float | None
    needs: Literal["frames", "steps", "faces", "landmarks", "facts", "set", "ratings"]
    over: Literal["clips", "frames"] = "clips"
    whole_clip: bool = False
    possible: tuple[float, float] = (-np.inf, np.inf)

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
        if self.perfect is None:
            return self.possible
        return (self.perfect, np.inf) if self.better == "lower" else (-np.inf, self.perfect)


@dataclass(frozen=True)
class Units:
    """What is drawn or flipped together, per clip: its speaker, or the clip itself."""

    of: Mapping[str, str]
    clustered: bool

    @property
    def count(self) -> int:
        """Number of units."""
        return len(set(self.of.values()))

    def words(self, count: int) -> str:
        """Say how many: `7 speakers`, `1 clip`."""
        name = "speaker" if self.clustered else "clip"
        return f"{count} {name}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Values:
    """Clip values (n, M, C) of M methods and C columns, and how much each counts in its mean; NaN where missing."""

    units: list[str]
    values: Floats
    weights: Floats


def shown_columns(run: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the metrics of run.json that a table shows."""
    return tuple(
        Column(
            metric["name"],
            metric["better"],
            metric["unit"],
            int(metric["decimals"]),
            None if metric["perfect"] is None else float(metric["perfect"]),
            metric["needs"],
            metric["over"],
            metric.get("whole_clip", False),
            _possible(metric.get("limits", (None, None))),
        )
        for metric in run["metrics"]
        if metric["shown"]
    )


def _possible(limits: Sequence[float | None]) -> tuple[float, float]:
    low, high = limits
    return -np.inf if low is None else low, np.inf if high is None else high


def in_order(clips: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return the rows by clip and method: sums come out the same for any order of the rows."""
    if clips.empty:
        names = [name for column in columns for name in (column.name, f"{column.name}:gt")]
        scored = [name for known in names for name in (known, f"{known}:frames")]
        labels = ["clip", "method", "speaker", "emotion", "level", "n_frames", "gt_faces", "gen_faces"]
        clips = clips.reindex(columns=[*labels, *scored])
    return clips.sort_values(["clip", "method"], ignore_index=True)


def units(clips: pd.DataFrame, min_speakers: int) -> Units:
    """Cluster by speaker where there are enough of them and none is unknown, else by nothing."""
    firsts = clips.drop_duplicates("clip")
    clustered = bool(firsts["speaker"].notna().all()) and firsts["speaker"].nunique() >= min_speakers
    names = firsts["speaker"] if clustered else firsts["clip"]
    return Units(dict(zip(firsts["clip"].tolist(), names.tolist(), strict=True)), clustered)


def clip_values(methods: Sequence[pd.DataFrame], of: Units, columns: Sequence[Column]) -> Values:
    """Put the clips of all methods side by side."""
    places = {clip: place for place, clip in enumerate(of.of)}
    values = np.full((len(places), len(methods), len(columns)), np.nan)
    weights = np.ones_like(values)
    for index, measured in enumerate(methods):
        rows = [places[clip] for clip in measured["clip"]]
        for at, column in enumerate(columns):
            values[rows, index, at] = measured[column.name].to_numpy(np.float64)
            weights[rows, index, at] = column.weights(measured)
    return Values(list(of.of.values()), values, weights)
