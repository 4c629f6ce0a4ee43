"""Distance between two tracks of face landmarks: what the LMD metrics have in common, and the switches they differ in.

Points are in the 68-point iBUG order: jaw 0–16, brows 17–26, nose 27–35, eyes 36–47, mouth 48–67.
Coordinates of any float or integer type are measured in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import numpy as np

from .contract import Landmarks, PerFrame

Centre = Literal["none", "centroid"]
Reduce = Literal["mean", "sum", "mean-abs", "sum-over-68"]
Scale = Literal["px", "iod-percent"]
_Choice = TypeVar("_Choice")

FACE = slice(0, 68)
MOUTH = slice(48, 68)
OUTER_EYE_CORNERS = (36, 45)
_BLOCK = 1024
"""Frames that are measured at once: an hour of video needs no more memory than a minute."""

_CENTRES: dict[str, Callable[[Landmarks], Landmarks]] = {
    "none": lambda points: points,
    "centroid": lambda points: points - points.mean(axis=1, keepdims=True),
}
_REDUCTIONS: dict[str, Callable[[Landmarks], PerFrame]] = {
    "mean": lambda offsets: np.linalg.norm(offsets, axis=2).mean(axis=1),
    "sum": lambda offsets: np.linalg.norm(offsets, axis=2).sum(axis=1),
    "mean-abs": lambda offsets: np.abs(offsets).mean(axis=(1, 2)),
    "sum-over-68": lambda offsets: np.linalg.norm(offsets, axis=2).sum(axis=1) / 68,
}


def landmark_distance(
    gt: Landmarks, gen: Landmarks, *, points: slice, centre: Centre, reduce: Reduce, scale: Scale
) -> PerFrame:
    """Return the distance of two tracks (T, 68, 2), per frame; NaN where either side misses one of the points.

    `centre`: "centroid" moves each side's `points` to their own mean first, "none" leaves them where they are.
    `reduce`: "mean" is the mean over the points of the Euclidean distance, "sum" its sum, "sum-over-68" its sum divided
    by 68 however many points there are, "mean-abs" the mean of |Δx| and |Δy| over points and coordinates.
    `scale`: "px" as they are, "iod-percent" in % of the ground truth's inter-ocular distance in the same frame,
    which is that of the outer eye corners, points 36 and 45.

    >>> gt = np.zeros((1, 68, 2))
    >>> gt[0, 45] = 30, 40  # 50 px from the other outer eye corner
    >>> gen = gt + [3, 4]
    >>> landmark_distance(gt, gen, points=MOUTH, centre="none", reduce="mean", scale="px")
    array([5.])
    >>> landmark_distance(gt, gen, points=MOUTH, centre="none", reduce="mean", scale="iod-percent")
    array([10.])
    >>> landmark_distance(gt, gen, points=MOUTH, centre="centroid", reduce="mean", scale="px")
    array([0.])
    >>> landmark_distance(gt, gen, points=MOUTH, centre="none", reduce="sum", scale="px")
    array([100.])
    >>> landmark_distance(gt, gen, points=MOUTH, centre="none", reduce="mean-abs", scale="px")
    array([3.5])
    """
    _check(gt, gen)
    centred = _choose("centre", centre, _CENTRES)
    reduced = _choose("reduce", reduce, _REDUCTIONS)
    starts = range(0, max(len(gt), 1), _BLOCK)
    blocks = ([side[at : at + _BLOCK, points].astype(np.float64) for side in (gt, gen)] for at in starts)
    distance = np.concatenate([reduced(centred(theirs) - centred(real)) for real, theirs in blocks])
    if scale == "px":
        return distance
    if scale == "iod-percent":
        return 100 * distance / inter_ocular(gt)
    raise ValueError(f"scale: expected px or iod-percent, got {scale!r}")


def inter_ocular(track: Landmarks) -> PerFrame:
    """Return the distance of the outer eye corners per frame; NaN where they coincide, which makes no scale."""
    right, left = OUTER_EYE_CORNERS
    distance = np.linalg.norm(track[:, left].astype(np.float64) - track[:, right], axis=1)
    return np.where(distance > 0, distance, np.nan)


def _choose(switch: str, name: str, choices: Mapping[str, _Choice]) -> _Choice:
    if name not in choices:
        raise ValueError(f"{switch}: expected {' or '.join(choices)}, got {name!r}")
    return choices[name]


def _check(gt: Landmarks, gen: Landmarks) -> None:
    if gt.shape != gen.shape:
        raise ValueError(f"landmarks: expected two tracks of equal shape, got {gt.shape} and {gen.shape}")
    if gt.ndim != 3 or gt.shape[1:] != (68, 2):
        raise ValueError(f"landmarks: expected (T, 68, 2), got {gt.shape}")
