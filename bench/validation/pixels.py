"""Distortions that any clip can be given: of its pixels, of its time, and of the landmarks found in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from ...metrics.contract import Frame

_SIZE = 256
"""Longer side, in px, of the frame in which sizes are given."""


def blurred(frames: Iterator[Frame], level: float) -> Iterator[Frame]:
    """Blur every frame by a Gaussian of sigma `level`."""
    for frame in frames:
        yield np.ascontiguousarray(cv2.GaussianBlur(frame, (0, 0), level * _scale(frame)), dtype=np.uint8)


def shifted(frames: Iterator[Frame], level: float) -> Iterator[Frame]:
    """Move every frame by `level` px to the right, its left edge repeated: a crop that began elsewhere."""
    for frame in frames:
        matrix = np.array([[1, 0, level * _scale(frame)], [0, 1, 0]], np.float64)
        moved = cv2.warpAffine(
            frame, matrix, (frame.shape[1], frame.shape[0]), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        yield np.ascontiguousarray(moved, dtype=np.uint8)


def delayed(frames: Iterator[Frame], level: float) -> Iterator[Frame]:
    """Show every frame `level` frames late; the first one stands until then, and the last ones are lost."""
    waiting: deque[Frame] = deque()
    for frame in frames:
        if not waiting:
            waiting.extend([frame] * round(level))
        waiting.append(frame)
        yield waiting.popleft()


def with_noise(landmarks: npt.NDArray[np.float32], level: float, *, seed: int) -> npt.NDArray[np.float32]:
    """Return landmarks (T, 68, 2) with noise of standard deviation `level` px; the same draws at every level."""
    draws = np.random.default_rng(seed).standard_normal(landmarks.shape)
    return (landmarks + level * draws).astype(np.float32)


def _scale(frame: Frame) -> float:
    return float(max(frame.shape[:2])) / _SIZE
