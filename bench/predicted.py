"""Landmarks that a method predicted itself, put where they can be compared with those found in the real video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..baselines.landmarks import SCHEMES, read
from .errors import MediaError, TalkbenchError

_PLACED = slice(27, 45)
"""The points that place a track: those that speech moves least, and that every scheme has."""


def predicted_track(
    file: Path,
    scheme: str,
    gt: npt.NDArray[np.float32],
    *,
    rate: Fraction,
    take_rate: Fraction,
    to_measured: npt.NDArray[np.float64] | None,
) -> npt.NDArray[np.float64]:
    """Return the predicted landmarks (T, 68, 2) for the T frames of the real track `gt`, in px of what is measured.

    Frame t of the clip is compared with the prediction nearest to t / `rate`, at the scheme's own rate or `take_rate`;
    past its end there is none (NaN). Points in px of the take's frames go through `to_measured` (2, 3); any other space
    is placed by one similarity per clip, from the median predicted to the median real points 27–44.
    Raises MediaError where the file is not what its scheme says.
    """
    try:
        points = read(file, scheme)
    except TalkbenchError as error:
        raise MediaError(str(error)) from error
    fps = SCHEMES[scheme].fps or take_rate
    at = [int(t / rate * fps + Fraction(1, 2)) for t in range(len(gt))]
    track = np.full((len(gt), 68, 2), np.nan)
    there = [t for t, index in enumerate(at) if index < len(points)]
    track[there] = points[[at[t] for t in there]]
    if SCHEMES[scheme].in_frame and to_measured is not None:
        return track @ to_measured[:, :2].T + to_measured[:, 2]
    return _placed(track, gt.astype(np.float64), file)


def _placed(track: npt.NDArray[np.float64], gt: npt.NDArray[np.float64], file: Path) -> npt.NDArray[np.float64]:
    from skimage.transform import SimilarityTransform

    if np.isnan(gt).all() or np.isnan(track).all():
        raise MediaError(f"{file}: nothing to place it by: the real clip, or the file, has no face in any frame.")
    fit = SimilarityTransform.from_estimate(
        np.nanmedian(track[:, _PLACED], axis=0), np.nanmedian(gt[:, _PLACED], axis=0)
    )
    placed: npt.NDArray[np.float64] = track @ fit.params[:2, :2].T + fit.params[:2, 2]
    return placed
