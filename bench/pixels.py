"""What is measured on the frames of a pair as they come: one by one on the processor, in batches on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt

from ..metrics.contract import Embedder, Frame, Metric
from ..metrics.frames import prepared

_BATCH = 32


@dataclass(frozen=True)
class Seen:
    """A pair of frames that is compared, with both sides' landmarks (68, 2) px, all NaN where there is no face."""

    gt: Frame
    gen: Frame
    gt_points: npt.NDArray[np.float32]
    gen_points: npt.NDArray[np.float32]


@dataclass(frozen=True)
class PixelValues:
    """Values of the metrics on pixels, by name, a number per pair of frames; NaN where a pair was never added.

    `real` holds those of the ground truth, for the metrics that measure one side. `embeddings` holds (gt, gen), each
    (T, D), by the key of the metric's embedder.
    """

    values: dict[str, npt.NDArray[np.float64]]
    real: dict[str, npt.NDArray[np.float64]]
    embeddings: dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


def embedder_key(metric: Metric) -> str:
    """Return what two metrics share whose frames are embedded alike."""
    bound = cast(partial[Embedder], metric.embed)
    return f"{bound.func.__module__}.{bound.func.__qualname__} {sorted(bound.keywords.items())}"


class Pixels:
    """Measures the pairs of frames of a clip, in order, by every metric that sees frames."""

    def __init__(self, metrics: Sequence[Metric], count: int, *, device: str = "cpu") -> None:
        on_frames = [metric for metric in metrics if metric.needs in ("frames", "steps", "faces")]
        self._count = count
        self._batched = [metric for metric in on_frames if device != "cpu" and _has_batches(metric)]
        self._single = [metric for metric in on_frames if metric not in self._batched]
        self._device = device
        self._values = {metric.name: np.full(count, np.nan) for metric in on_frames}
        self._real = {metric.name: np.full(count, np.nan) for metric in on_frames if metric.sides == "one"}
        self._embed = {embedder_key(metric): metric.embed for metric in metrics if metric.embed is not None}
        self._embedders: dict[str, tuple[Embedder, Embedder]] = {}
        self._embeddings: dict[str, list[npt.NDArray[np.float32]]] = {}
        self._before: tuple[int, Seen] | None = None
        self._waiting: list[tuple[int, Frame, Frame]] = []

    def add(self, index: int, seen: Seen) -> None:
        """Measure a pair of frames, now or with the others of its batch."""
        before = self._before[1] if self._before is not None and self._before[0] == index - 1 else None
        for metric in self._single:
            self._measure(metric, index, seen, before)
        for key, embed in self._embed.items():
            self._embed_pair(key, embed, index, seen)
        self._before = index, seen
        if self._batched:
            self._wait(index, seen)

    def finish(self) -> PixelValues:
        """Return every metric's values by its name."""
        if self._waiting:
            self._measure_batch()
        embeddings = {key: (sides[0], sides[1]) for key, sides in self._embeddings.items()}
        return PixelValues(self._values, self._real, embeddings)

    def _measure(self, metric: Metric, index: int, seen: Seen, before: Seen | None) -> None:
        function = cast(Callable[..., float], metric.per_frame)
        if metric.sides == "both":
            arguments = _arguments(metric, seen, before)
            if arguments is not None:
                self._values[metric.name][index] = function(*arguments)
            return
        for values, side in ((self._real, "gt"), (self._values, "gen")):
            arguments = _arguments(metric, seen, before, side=side)
            if arguments is not None:
                values[metric.name][index] = function(*arguments)

    def _embed_pair(self, key: str, embed: Callable[..., Embedder], index: int, seen: Seen) -> None:
        if key not in self._embedders:
            self._embedders[key] = embed(), embed()
        pairs = ((seen.gt, seen.gt_points), (seen.gen, seen.gen_points))
        for side, (embedder, (frame, points)) in enumerate(zip(self._embedders[key], pairs, strict=True)):
            vector = embedder.add(frame, points)
            stored = self._embeddings.setdefault(key, [])
            if len(stored) <= side:
                stored.append(np.full((self._count, *vector.shape), np.nan, np.float32))
            stored[side][index] = vector

    def _wait(self, index: int, seen: Seen) -> None:
        if self._waiting and self._waiting[0][1].shape != seen.gt.shape:
            self._measure_batch()
        self._waiting.append((index, seen.gt, seen.gen))
        if len(self._waiting) == _BATCH:
            self._measure_batch()

    def _measure_batch(self) -> None:
        import torch

        from ..metrics.tensors import ON_TENSORS

        indices, *sides = zip(*self._waiting, strict=True)
        self._waiting = []

        def moved(side: Sequence[Frame]) -> torch.Tensor:
            return torch.from_numpy(np.stack(side)).to(self._device)

        whole = [moved(side) for side in sides]
        for metric in self._batched:
            bound = cast(partial[object], metric.per_frame)
            given = dict(bound.keywords)
            size, colour = given.pop("size", None), given.pop("colour", "rgb")
            gt, gen = whole
            if size is not None or colour != "rgb":
                gt, gen = (moved([prepared(frame, size=size, colour=colour) for frame in side]) for side in sides)
            self._values[metric.name][list(indices)] = ON_TENSORS[bound.func](gt, gen, **given).cpu().numpy()


def _has_batches(metric: Metric) -> bool:
    from ..metrics.tensors import ON_TENSORS

    return cast(partial[object], metric.per_frame).func in ON_TENSORS


def _arguments(
    metric: Metric, seen: Seen, before: Seen | None, *, side: str = "both"
) -> tuple[npt.NDArray[np.generic], ...] | None:
    """Return what a metric is given for a pair of frames, of both sides or one; None where it has no frame before."""
    moments: tuple[Seen, ...] = (seen,)
    if metric.needs == "steps":
        if before is None or before.gt.shape != seen.gt.shape:
            return None
        moments = (before, seen)
    sides = ("gt", "gen") if side == "both" else (side,)
    frames = [getattr(moment, name) for moment in moments for name in sides]
    points = [getattr(seen, f"{name}_points") for name in sides] if metric.needs == "faces" else []
    return (*frames, *points)
