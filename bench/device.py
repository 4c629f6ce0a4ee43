"""The metrics on pixels, of one pair's frames as they come: one by one on the processor, in batches on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from ..metrics.contract import Frame, Metric
from ..metrics.frames import prepared
from .errors import TalkbenchError

Device = Literal["cpu", "cuda"]
_BATCH = 32


def check_device(device: str) -> None:
    """Raise TalkbenchError where a device cannot be used here."""
    if device == "cpu":
        return
    if device != "cuda":
        raise TalkbenchError(f"--device {device}: expected cpu or cuda.")
    try:
        import torch
    except ImportError as error:
        raise TalkbenchError(
            "--device cuda: PyTorch is not installed. Install it (pip install torch), or leave --device out."
        ) from error
    if not torch.cuda.is_available():
        raise TalkbenchError(
            f"--device cuda: PyTorch {torch.__version__} finds no CUDA device here. Check nvidia-smi, and that PyTorch "
            "is built for CUDA, or leave --device out."
        )


class Pixels:
    """Values of frame metrics, (pairs of frames, metrics), NaN where a pair was never added."""

    def __init__(self, metrics: Sequence[Metric], count: int, *, device: str = "cpu") -> None:
        self._metrics, self._device = metrics, device
        self._values = np.full((count, len(metrics)), np.nan)
        self._waiting: list[tuple[int, Frame, Frame]] = []

    def add(self, index: int, gt: Frame, gen: Frame) -> None:
        """Measure a pair of frames, now or with the others of its batch."""
        if self._device == "cpu":
            self._values[index] = [metric.per_frame(gt, gen) for metric in self._metrics]
            return
        if self._waiting and self._waiting[0][1].shape != gt.shape:
            self._measure_batch()
        self._waiting.append((index, gt, gen))
        if len(self._waiting) == _BATCH:
            self._measure_batch()

    def finish(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return every metric's values by its name."""
        if self._waiting:
            self._measure_batch()
        return {metric.name: self._values[:, column] for column, metric in enumerate(self._metrics)}

    def _measure_batch(self) -> None:
        import torch

        from ..metrics.tensors import ON_TENSORS

        indices, *sides = zip(*self._waiting, strict=True)
        self._waiting = []

        def moved(side: Sequence[Frame]) -> torch.Tensor:
            return torch.from_numpy(np.stack(side)).to(self._device)

        whole = [moved(side) for side in sides]
        for column, metric in enumerate(self._metrics):
            bound = cast(partial[object], metric.per_frame)
            given = dict(bound.keywords)
            size, colour = given.pop("size", None), given.pop("colour", "rgb")
            gt, gen = whole
            if size is not None or colour != "rgb":
                gt, gen = (moved([prepared(frame, size=size, colour=colour) for frame in side]) for side in sides)
            self._values[list(indices), column] = ON_TENSORS[bound.func](gt, gen, **given).cpu().numpy()
