"""What a result folder holds of one clip, as arrays: the values and landmarks of every method, frame by frame."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...bench.errors import TalkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from ...bench.results import Results

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A metric as its axis shows it. `stored` is the column of frames.parquet, which for PSNR is the MSE."""

    name: str
    stored: str
    better: str
    unit: str
    decimals: int

    @property
    def label(self) -> str:
        """Name, direction and unit: `M-LMD ↓ (px)`."""
        arrow = "↓" if self.better == "lower" else "↑"
        return f"{self.name} {arrow} ({self.unit})" if self.unit else f"{self.name} {arrow}"

    def text(self, value: float) -> str:
        """Print a value with its unit; `–` where there is none.

        >>> Scale("M-LMD", "M-LMD", "lower", "px", 2).text(1.234)
        '1.23 px'
        """
        if np.isnan(value):
            return "–"
        number = "∞" if np.isinf(value) else f"{value:.{self.decimals}f}"
        return f"{number} {self.unit}" if self.unit else number


@dataclass(frozen=True)
class Track:
    """One method's take of a clip over the T frames that were compared, in rising order.

    `at` and `gen_at` (T,) are the frames' numbers in the clip and in the take, `gt` and `gen` the landmarks (T, 68, 2)
    in px of the measured frame, NaN where no face was found; `table` holds the rows of frames.parquet.
    """

    method: str
    at: npt.NDArray[np.int64]
    gen_at: npt.NDArray[np.int64]
    gt: Floats
    gen: Floats
    table: pd.DataFrame

    def row(self, frame: int) -> int | None:
        """Return where this frame of the clip is; None where it was not compared."""
        place = int(np.searchsorted(self.at, frame))
        return place if place < len(self.at) and self.at[place] == frame else None

    def values(self, scale: Scale) -> Floats:
        """Return a metric's value per frame (T,); a frame's PSNR is that of its own MSE, ∞ where it is identical."""
        stored: Floats = self.table[scale.stored].to_numpy(np.float64)
        if scale.stored == "MSE":
            with np.errstate(divide="ignore"):
                decibels: Floats = 10 * np.log10(255**2 / stored)
            return decibels
        return stored

    def text(self, scale: Scale, place: int) -> str:
        """Return a metric's name and its value at a place, or why it has none."""
        value = self.values(scale)[place]
        if np.isnan(value) and (np.isnan(self.gen[place]).any() or np.isnan(self.gt[place]).any()):
            return f"{scale.name}: no face"
        return f"{scale.name} {scale.text(value)}"


def tracks(results: Results, clip: str) -> list[Track]:
    """Return every method's track of a clip, in the order of the run; methods that have none are left out.

    Raises TalkbenchError where the run has no such clip.
    """
    known = sorted(set(results.clips["clip"]))
    if clip not in known:
        raise TalkbenchError(f"No clip {clip!r} in this run. {suggestion(clip, known)}")
    mine = results.frames[results.frames["clip"] == clip]
    found = []
    for method in results.run["methods"]:
        table = mine[mine["method"] == method].sort_values("frame", ignore_index=True)
        if len(table):
            found.append(
                Track(
                    method,
                    table["frame"].to_numpy(np.int64),
                    table["gen_frame"].to_numpy(np.int64),
                    _points(table["gt_landmarks"]),
                    _points(table["gen_landmarks"]),
                    table,
                )
            )
    return found


def _points(column: pd.Series[Any]) -> Floats:
    return np.stack(column.to_list()).astype(np.float64).reshape(-1, 68, 2)


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant: the nearest known name, else the names that hold it, else the first ones."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    near = near or [other for other in known if name.casefold() in other.casefold()][:1]
    if near:
        return f"Did you mean {near[0]!r}?"
    listed = ", ".join(repr(other) for other in known[:5])
    return f"There are: {listed}{f', … ({len(known)} in all)' if len(known) > 5 else ''}."


def scale_of(results: Results, name: str) -> Scale:
    """Return how a metric of the run is read. Raises TalkbenchError where the run did not measure it."""
    described = {metric["name"]: metric for metric in results.run["metrics"]}
    if name not in described:
        raise TalkbenchError(f"No metric {name!r} in this run. {suggestion(name, list(described))}")
    metric = described[name]
    stored = "MSE" if name == "PSNR" else name
    return Scale(name, stored, metric["better"], metric["unit"], int(metric["decimals"]))


def shown(results: Results, preferred: Sequence[str]) -> list[Scale]:
    """Return those preferred metrics that the run measured; the first two that its table shows where it has none."""
    names = [metric["name"] for metric in results.run["metrics"]]
    chosen = [name for name in preferred if name in names]
    chosen = chosen or [metric["name"] for metric in results.run["metrics"] if metric["shown"]][:2]
    return [scale_of(results, name) for name in chosen]


def rate(results: Results) -> Fraction | None:
    """Return the frames per second at which the run compared; None where it took frames as they came."""
    fps = results.run["config"]["ingredients"]["protocol"]["time"]["fps"]
    return None if fps == "native" else Fraction(fps)


def time_title(results: Results, frame: int) -> str:
    """Return a frame's time, or its number where the run has no clock."""
    fps = rate(results)
    return f"frame {frame}" if fps is None else f"{float(frame / fps):.2f} s"


def spread_frames(found: Sequence[Track], count: int) -> tuple[list[int], int | None]:
    """Choose frames to show: evenly spaced ones, and the worst; return them and the worst.

    The worst is the frame with the largest M-LMD of any method (its mouth's landmarks against the ground truth's); the
    others are the middles of `count` − 1 equal parts of the frames that were compared.
    """
    at = np.unique(np.concatenate([track.at for track in found]))
    errors: dict[int, float] = {}
    for track in found:
        for frame, value in zip(track.at.tolist(), track.table.get("M-LMD", track.at * np.nan), strict=True):
            if np.isfinite(value):
                errors[frame] = max(errors.get(frame, 0.0), float(value))
    worst = max(errors, key=lambda frame: (errors[frame], -frame)) if errors else None
    even = count if worst is None else count - 1
    middles = {int(at[int((2 * part + 1) * len(at) / (2 * even))]) for part in range(even)} if even > 0 else set()
    return sorted(middles | ({worst} if worst is not None else set())), worst


def checked_frames(found: Sequence[Track], wanted: Sequence[int]) -> list[int]:
    """Return the frames asked for, in order. Raises TalkbenchError for one that no method was compared at."""
    known = np.unique(np.concatenate([track.at for track in found]))
    for frame in wanted:
        if frame not in known:
            raise TalkbenchError(f"Frame {frame} was not compared. This clip has the frames {known[0]} to {known[-1]}.")
    return sorted(set(wanted))


def gt_landmarks(found: Sequence[Track], frame: int) -> Floats:
    """Return the ground truth's landmarks (68, 2) in this frame; NaN where it has no face or was not compared."""
    for track in found:
        place = track.row(frame)
        if place is not None:
            points: Floats = track.gt[place]
            return points
    return np.full((68, 2), np.nan)
