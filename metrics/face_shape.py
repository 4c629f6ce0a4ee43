"""What one face does, from its 68 points: how open the mouth and the eyes are, and how high the brows.

All are per frame and relative, so that a nearer face does not move more. NaN where a frame has no face.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .contract import Landmarks, PerFrame
from .landmarks import inter_ocular

_INNER_LIPS = ((61, 67), (62, 66), (63, 65))
_EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
_BROWS = (slice(17, 22), slice(22, 27))


def mouth_opening(track: Landmarks) -> PerFrame:
    """Return the mean gap of the inner lips, points 61–67, 62–66 and 63–65, in % of the inter-ocular distance.

    >>> face = np.zeros((1, 68, 2))
    >>> face[0, 45] = 100, 0
    >>> face[0, [65, 66, 67], 1] = 6, 9, 6
    >>> mouth_opening(face)
    array([7.])
    """
    upper, lower = (track[:, list(points)].astype(np.float64) for points in zip(*_INNER_LIPS, strict=True))
    gaps = np.linalg.norm(lower - upper, axis=2).mean(axis=1)
    opening: PerFrame = 100 * gaps / inter_ocular(track)
    return opening


def eye_aspect_ratio(track: Landmarks) -> PerFrame:
    """Return the eyes' height over their width, (‖p₂−p₆‖ + ‖p₃−p₅‖) / (2 ‖p₁−p₄‖), the mean of both eyes.

    Source: Soukupová and Čech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016.
    """
    ratios = []
    for points in _EYES:
        p1, p2, p3, p4, p5, p6 = (track[:, point].astype(np.float64) for point in points)
        width = np.linalg.norm(p1 - p4, axis=1)
        height = np.linalg.norm(p2 - p6, axis=1) + np.linalg.norm(p3 - p5, axis=1)
        ratios.append(height / (2 * np.where(width > 0, width, np.nan)))
    ratio: PerFrame = (ratios[0] + ratios[1]) / 2
    return ratio


def brow_heights(track: Landmarks) -> npt.NDArray[np.float64]:
    """Return (T, 2) the distances of each brow's mean point from its eye's, over the inter-ocular distance."""
    heights = []
    for brow, eye in zip(_BROWS, _EYES, strict=True):
        apart = track[:, brow].astype(np.float64).mean(axis=1) - track[:, list(eye)].astype(np.float64).mean(axis=1)
        heights.append(np.linalg.norm(apart, axis=1) / inter_ocular(track))
    return np.stack(heights, axis=1)


def has_face(track: Landmarks) -> npt.NDArray[np.bool_]:
    """Return per frame whether all points are there."""
    return np.asarray(~np.isnan(track).any(axis=(1, 2)))
