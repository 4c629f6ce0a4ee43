"""CPBD's loops over pixels. Imported at the first call of `cpbd`, since numba takes its time."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast

import numba
import numpy as np
import numpy.typing as npt

from .ssim_kernels import Bytes, kernel

Singles = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

_BLOCK = 64
_ENOUGH = 9
_WIDEST = 100


def crests(grey: Bytes, low: float, high: float) -> tuple[Counts, Counts]:
    """Return per block how many px are Canny edges for certain, and how many may be; counting stops at 9 certain ones.

    The gradient is that of scikit-image's `canny`: Gaussian of σ 1 over the frame's own pixels, then Sobel.
    """
    import cv2

    image = _smoothed(grey.astype(np.float32)) * _share_inside(*grey.shape)
    down, along = (
        cast(Singles, cv2.Sobel(image, -1, dx, 1 - dx, ksize=3, borderType=cv2.BORDER_REFLECT)) for dx in (0, 1)
    )
    shape = grey.shape[0] // _BLOCK, grey.shape[1] // _BLOCK
    sure, possible = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    _crests(down, along, cast(Singles, cv2.magnitude(down, along)), low, high, sure, possible)
    return sure, possible


def _smoothed(image: Singles) -> Singles:
    import cv2

    bell = np.exp(-0.5 * np.arange(-4.0, 5.0) ** 2)
    bell = (bell / bell.sum()).astype(np.float32)
    return cast(Singles, cv2.sepFilter2D(image, -1, bell, bell, borderType=cv2.BORDER_CONSTANT))


@lru_cache(maxsize=4)
def _share_inside(height: int, width: int) -> Singles:
    """Return what makes up for the part of a Gaussian that lies outside the frame."""
    return np.reciprocal(_smoothed(np.ones((height, width), np.float32)))


@kernel
def _crests(
    down: Singles, along: Singles, size: Singles, low: float, high: float, sure: Counts, possible: Counts
) -> None:
    height, width = size.shape
    for row in range(sure.shape[0]):
        for column in range(sure.shape[1]):
            for i in range(max(1, row * _BLOCK), min((row + 1) * _BLOCK, height - 1)):
                if sure[row, column] == _ENOUGH:
                    break
                for j in range(max(1, column * _BLOCK), min((column + 1) * _BLOCK, width - 1)):
                    m = size[i, j]
                    if m < low:
                        continue
                    # The two neighbours of each side between which the gradient points.
                    s = 1 if (down[i, j] >= 0) == (along[i, j] >= 0) else -1
                    a, b = abs(down[i, j]), abs(along[i, j])
                    if a > b:
                        w = b / a
                        ahead = size[i + 1, j + s] * w + size[i + 1, j] * (1 - w)
                        behind = size[i - 1, j - s] * w + size[i - 1, j] * (1 - w)
                    else:
                        w = a / b
                        ahead = size[i + s, j + 1] * w + size[i, j + 1] * (1 - w)
                        behind = size[i - s, j - 1] * w + size[i, j - 1] * (1 - w)
                    if ahead <= m and behind <= m:
                        possible[row, column] += 1
                        if m >= high:
                            sure[row, column] += 1
                            if sure[row, column] == _ENOUGH:
                                break


def count(grey: Bytes, edge_blocks: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many vertical edges of the edge blocks look sharp, and how many there are."""
    import cv2

    steepness = cv2.Sobel(grey, cv2.CV_16S, 1, 0, ksize=3, borderType=cv2.BORDER_REFLECT)
    strength = np.square(steepness, dtype=np.int32)
    # The package's threshold is 2 √(mean strength) of eighths of this steepness.
    threshold = 64 * 2 * math.sqrt(int(strength.sum(dtype=np.int64)) / 64 / strength.size)
    strength[strength <= threshold] = 0
    sharp, edges = _count(grey, strength, edge_blocks, *_blurred_from())
    return int(sharp), int(edges)


@lru_cache(maxsize=4)
def _blurred_from() -> tuple[int, int]:
    """Return the least width in px at which blur is noticed: in blocks of low contrast, and in others."""
    widths = range(1, 2 * _WIDEST)
    low, high = (
        next(w for w in widths if round(100 * (1 - math.exp(-((w / noticed) ** 3.6)))) >= 64) for noticed in (5, 3)
    )
    return low, high


@kernel
def _count(
    grey: Bytes, strength: npt.NDArray[np.int32], edge_blocks: npt.NDArray[np.bool_], low: int, high: int
) -> tuple[int, int]:
    height, width = grey.shape
    sharp, edges = 0, 0
    for row in range(edge_blocks.shape[0]):
        for column in range(edge_blocks.shape[1]):
            if not edge_blocks[row, column]:
                continue
            block = grey[row * _BLOCK : (row + 1) * _BLOCK, column * _BLOCK : (column + 1) * _BLOCK]
            blurred = low if block.max() - block.min() <= 50 else high
            for i in range(max(1, row * _BLOCK), min((row + 1) * _BLOCK, height - 1)):
                for j in range(max(1, column * _BLOCK), min((column + 1) * _BLOCK, width - 1)):
                    s = strength[i, j]
                    if not (
                        (s > strength[i, j - 1] and s > strength[i, j + 1])
                        or (s > strength[i - 1, j] and s > strength[i + 1, j])
                    ):
                        continue
                    gx = (float(grey[i, j + 1]) - float(grey[i, j - 1])) / 2
                    gy = (float(grey[i + 1, j]) - float(grey[i - 1, j])) / 2
                    # Without a change along the row the authors' code leaves the angle at 0.
                    angle = 0.0 if gx == 0 else abs(np.rint(math.atan2(gy, gx) * (180 / math.pi) / 45))
                    if angle == 0 or angle == 4:
                        sign = 1 if angle == 0 else -1
                        edges += 1
                        if _width(grey[i], j, sign) < blurred:
                            sharp += 1
    return sharp, edges


@numba.njit(error_model="numpy", forceinline=True)  # type: ignore[untyped-decorator, unused-ignore]
def _width(line: Bytes, j: int, sign: int) -> int:
    """Return an edge's width: the px on either side up to which the line rises (sign 1) or falls (−1) rightwards."""
    left = 0
    while left < _WIDEST:
        outer = j - 2 - left
        if outer < 0 or sign * (int(line[outer]) - int(line[outer + 1])) >= 0:
            break
        left += 1
    right = 0
    while right < _WIDEST:
        outer = j + 2 + right
        if outer >= len(line) or sign * (int(line[outer]) - int(line[outer - 1])) <= 0:
            break
        right += 1
    return left + right + 2
