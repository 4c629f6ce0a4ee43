"""Distortions of a face that cannot be rendered again: its pixels are bent, by the landmarks found in it.

A mouth that moves less is the real one, bent towards the clip's median mouth; identity is another clip's face, bent
onto this one's landmarks and laid over it. Frames without a face stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import cv2
import numpy as np
import numpy.typing as npt

from ...metrics.contract import Frame

Points = npt.NDArray[np.float64]
_MOUTH = slice(48, 68)
_STILL = [*range(3, 6), *range(11, 14), *range(28, 36), 39, 42]
"""Points that stay where they are while the mouth is bent: cheeks, nose and inner eye corners."""
_STABLE = [*range(27, 36), 36, 39, 42, 45]
_CELLS = 64
"""The bend is solved at so many places along the frame's longer side; in between it is interpolated."""


def with_less_mouth(frames: Iterator[Frame], landmarks: Points, level: float) -> Iterator[Frame]:
    """Take away `level` percent of how far the mouth's points (T, 68, 2) are from the clip's median mouth."""
    from skimage.transform import SimilarityTransform

    seen = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)), np.bool_)
    if not seen.any():
        yield from frames
        return
    reference = np.median(landmarks[seen], axis=0)
    fits = [
        SimilarityTransform.from_estimate(points[_STABLE], reference[_STABLE]) if there else None
        for points, there in zip(landmarks, seen, strict=True)
    ]
    upright = [fit(points[_MOUTH]) for fit, points in zip(fits, landmarks, strict=True) if fit is not None]
    rest = np.median(np.stack(upright), axis=0)
    for frame, points, fit in zip(frames, landmarks, fits, strict=True):
        if fit is None:
            yield frame
            continue
        mouth = fit.inverse(fit(points[_MOUTH]) + level / 100 * (rest - fit(points[_MOUTH])))
        yield _bent(frame, np.vstack([points[_STILL], mouth]), np.vstack([points[_STILL], points[_MOUTH]]))


def with_other_face(
    frames: Iterator[Frame], landmarks: Points, others: Iterator[Frame], their_landmarks: Points, level: float
) -> Iterator[Frame]:
    """Lay `level` percent of the other clip's face over this one, frame by frame, bent onto its landmarks."""
    lent = _faces(others, their_landmarks)
    for frame, points in zip(frames, landmarks, strict=True):
        other = next(lent, None)
        if other is None or np.isnan(points).any():
            yield frame
            continue
        theirs, their_points = other
        across, down = _sampling(frame.shape[:2], points, their_points)
        face = cv2.remap(theirs, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = level / 100 * _face_mask(frame.shape[:2], points)[..., None]
        yield np.clip(np.round(frame + mask * (face.astype(np.float32) - frame)), 0, 255).astype(np.uint8)


def _faces(frames: Iterator[Frame], landmarks: Points) -> Iterator[tuple[Frame, Points]]:
    """Yield a clip's faces without end: where a frame has none, and after the last, the one before stays."""
    last: tuple[Frame, Points] | None = None
    for frame, points in zip(frames, landmarks, strict=True):
        if not np.isnan(points).any():
            last = frame, points
        if last is not None:
            yield last
    if last is not None:
        yield from repeat(last)


def _bent(frame: Frame, target: Points, source: Points) -> Frame:
    """Bend a frame so that what was at `source` (N, 2) is at `target`, around those points only."""
    across, down = _sampling(frame.shape[:2], target, source)
    bent = cv2.remap(frame, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    hull = np.zeros(frame.shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.round(target).astype(np.int32)), 255)
    soft = _feathered(hull, target)[..., None]
    return np.clip(np.round(frame + soft * (bent.astype(np.float32) - frame)), 0, 255).astype(np.uint8)


def _sampling(
    shape: tuple[int, ...], target: Points, source: Points
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return, for every pixel, where it comes from: a thin-plate spline that takes `target` to `source` (N, 2) px."""
    from scipy.interpolate import RBFInterpolator

    height, width = shape[:2]
    step = max(1, max(height, width) // _CELLS)
    xs, ys = np.arange(0, width + step, step), np.arange(0, height + step, step)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float64)
    offsets = RBFInterpolator(target, source - target, kernel="thin_plate_spline", smoothing=1.0)(grid)
    coarse = offsets.reshape(len(ys), len(xs), 2).astype(np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    fine = cv2.remap(coarse, x / step, y / step, cv2.INTER_LINEAR)
    return x + fine[..., 0], y + fine[..., 1]


def _face_mask(shape: tuple[int, ...], points: Points) -> npt.NDArray[np.float32]:
    hull = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.round(points).astype(np.int32)), 255)
    return _feathered(hull, points)


def _feathered(hull: npt.NDArray[np.uint8], points: Points) -> npt.NDArray[np.float32]:
    """Return 0 to 1, soft towards the inside of the hull's edge."""
    reach = max(2.0, 0.06 * float(np.ptp(points, axis=0).max()))
    inside = cv2.distanceTransform(hull, cv2.DIST_L2, 3)
    return np.asarray(np.clip(inside / reach, 0, 1), np.float32)
