"""One frame of reference for all faces: a 256 px canvas on which nose and eye corners lie where the template has them.

Head motion is not the model's subject, so it is taken out: per frame, the least-squares similarity that takes nine
points which speech hardly moves (nose ridge, nose base, the four eye corners) onto the template. The template is the
one to which the bench crops (`bench/framing.py`), a tenth smaller and 4 px higher: eyes level, their centres 61 px
apart, so that the chin of a long face stays on the canvas while the mouth is wide open, and all of the head is seen.
The landmarks go through the same maps as the pixels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import savgol_filter

from ..bench.framing import STABLE, Warp, template

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Align = Literal["frame", "clip"]
"""A similarity per frame, which takes head motion out, or one per clip, which keeps it."""

SIZE = 256
ANCHORS = (27, 28, 29, 30, 33, 36, 39, 42, 45)
LONGEST_GAP = 5
"""Frames without a face in a row that are filled in from their neighbours."""
_SMALLER, _HIGHER = 0.9, 4.0
_MOUTH = slice(48, 68)
_SIGMA = 2.0


def longest_gap(landmarks: Floats) -> tuple[int, int]:
    """Return where the longest run of frames without a face starts in landmarks (T, 68, 2), and its length.

    >>> track = np.zeros((9, 68, 2))
    >>> track[3:5] = np.nan
    >>> longest_gap(track)
    (3, 2)
    """
    edges = np.concatenate([[-1], _known(landmarks), [len(landmarks)]])
    longest = int(np.diff(edges).argmax())
    return int(edges[longest]) + 1, int(edges[longest + 1] - edges[longest]) - 1


def filled(landmarks: Floats) -> Doubles:
    """Fill the gaps of landmarks (T, 68, 2), NaN where there is no face and a number in one frame at least.

    Between two faces the points move in straight lines; before the first and after the last they stay.
    """
    known, at = _known(landmarks), np.arange(len(landmarks))
    flat = landmarks.reshape(len(landmarks), -1).astype(np.float64)
    return np.stack([np.interp(at, known, column[known]) for column in flat.T], axis=1).reshape(landmarks.shape)


def steadied(landmarks: Doubles) -> Doubles:
    """Smooth landmarks (T, 68, 2) in time, all but the mouth: a median of 3 frames, then Savitzky-Golay (5, 2).

    A track of fewer than five frames stays as it is.
    """
    if len(landmarks) < 5:
        return landmarks
    smooth = savgol_filter(median_filter(landmarks, size=(3, 1, 1), mode="nearest"), 5, 2, axis=0)
    smooth[:, _MOUTH] = landmarks[:, _MOUTH]
    return np.asarray(smooth, dtype=np.float64)


def to_canvas(landmarks: Doubles, align: Align) -> Doubles:
    """Return the similarity (T, 2, 3) from px of the source to the canvas for each frame of landmarks (T, 68, 2).

    "frame": fitted to each frame, its four numbers smoothed in time (Gaussian, σ 2 frames); "clip": fitted once, to the
    median face.
    """
    anchors = landmarks[:, ANCHORS]
    if align == "clip":
        return np.repeat(_fitted(np.median(anchors, axis=0, keepdims=True)), len(landmarks), axis=0)
    # Every source point's place on the canvas is linear in the four numbers, so to smooth them is to smooth its path.
    return np.asarray(gaussian_filter1d(_fitted(anchors), _SIGMA, axis=0, mode="nearest"), dtype=np.float64)


def moved(landmarks: Floats, matrices: Doubles) -> npt.NDArray[np.float32]:
    """Return landmarks (T, 68, 2) mapped by matrices (T, 2, 3)."""
    return (landmarks @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]).astype(np.float32)


def warp(matrix: Doubles) -> Warp:
    """Return what draws a source frame onto the canvas by a similarity (2, 3)."""
    (a, _, c), (b, _, d) = matrix
    return Warp(SIZE, float(a), float(b), float(c), float(d))


def anchor_template() -> Doubles:
    """Return where the canvas has the nine anchors, (9, 2) px."""
    points = template(SIZE)[[point - STABLE.start for point in ANCHORS]]
    middle = (SIZE - 1) / 2
    return np.asarray((points - middle) * _SMALLER + middle - (0.0, _HIGHER), dtype=np.float64)


def _fitted(anchors: Doubles) -> Doubles:
    """Return the least-squares similarities (T, 2, 3) from anchors (T, 9, 2) to the template; a mirror image is none.

    With both sides centred and read as complex numbers, the best a + ib is ⟨source, template⟩ / ⟨source, source⟩.
    """
    target = anchor_template()
    there = _complex(target - target.mean(axis=0))
    middle = anchors.mean(axis=1)
    here = _complex(anchors - middle[:, None])
    turn = (here.conj() @ there) / (here.conj() * here).real.sum(axis=1)
    rotation = np.stack([turn.real, -turn.imag, turn.imag, turn.real], axis=1).reshape(-1, 2, 2)
    shift = target.mean(axis=0) - np.einsum("tij,tj->ti", rotation, middle)
    return np.concatenate([rotation, shift[:, :, None]], axis=2)


def _known(landmarks: Floats) -> npt.NDArray[np.intp]:
    return np.flatnonzero(~np.isnan(landmarks).any(axis=(1, 2)))


def _complex(points: Doubles) -> npt.NDArray[np.complex128]:
    return points[..., 0] + 1j * points[..., 1]
