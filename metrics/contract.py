"""What a metric is: a pure function on arrays, and a declaration of how to read its number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB, C-contiguous."""
Landmarks = npt.NDArray[np.floating]
"""(T, 68, 2) x and y in px, in the 68-point iBUG order; a frame without a face is all NaN."""
PerFrame = npt.NDArray[np.float64]
"""(T,) one value per frame; NaN where it could not be measured."""


@dataclass(frozen=True)
class Metric:
    """One metric: what is measured, on what, how frames become a clip, and how the number is read.

    `per_frame` takes (gt, gen): two `Frame`s and returns a float when `needs` is "frames", or two `Landmarks`
    of equal shape and returns `PerFrame` when `needs` is "landmarks". `frame_value` names what it returns, which
    need not be the metric itself. `clip` reduces the frames that were measured (at least one, no NaN) to the clip's
    value. `perfect` is the value of a take identical to its ground truth.
    Any change that can move a number bumps `version`.
    """

    name: str
    per_frame: Callable[..., object]
    frame_value: str
    needs: Literal["frames", "landmarks"]
    better: Literal["lower", "higher"]
    unit: str
    decimals: int
    version: str
    definition: str
    source: str
    perfect: float
    clip: Callable[[PerFrame], float]


def mean_of_frames(values: PerFrame) -> float:
    """Return the mean, from an exactly rounded sum: the same bits in any order, on any machine."""
    return math.fsum(values) / len(values)
