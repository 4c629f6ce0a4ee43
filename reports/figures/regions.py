"""Where a face is wrong: the mean displacement of the landmarks of each region, and the worst region of all methods.

A displacement is ‖(genₖ − c_gen) − (gtₖ − c_gt)‖ in px of the measured frame. c is the mean of a side's own nose and
eye corners (`ANCHOR`), which neither speech nor expression moves much: on the mean of all points, as in F-LMD, a mouth
that stays shut would shift the eyes. For the lips c is the mean of the mouth's own 20 points, as in M-LMD. A region's
error is the mean over its points.

In each frame a kind of error marks one region of one method, the one with the largest error; none where that error is
below 1 % of the ground truth's inter-ocular distance, which is a few times the noise of the landmarks
(docs/landmarks.md), or 6 % for identity. A frame in which a side has no face has no error, and no mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .tracks import Floats, Track

CONTOURS = (
    tuple(range(17)),  # jaw
    tuple(range(17, 22)),  # brows
    tuple(range(22, 27)),
    tuple(range(27, 31)),  # nose
    tuple(range(31, 36)),
    (*range(36, 42), 36),  # eyes
    (*range(42, 48), 42),
    (*range(48, 60), 48),  # mouth, outer and inner
    (*range(60, 68), 60),
)
"""The lines of a drawn face, as indices of its points."""
ANCHOR = (*range(27, 36), 36, 39, 42, 45)
"""Nose and eye corners: where faces are laid over each other."""
_LEFT_EYE, _RIGHT_EYE = 36, 45  # outer corners, which are the scale
RED, BLUE, YELLOW, GREEN = "#E31A1C", "#1F4FE0", "#FFD400", "#18B818"


@dataclass(frozen=True)
class Kind:
    """One kind of error: the colour of its box, and the regions of which the worst is marked.

    `centred` is what displacements are relative to: the "anchor", or the "region" itself. With `steady` it is not a
    frame's own face that counts but the median face of the clip, which speech and expression hardly move.
    Nothing is marked below `floor`, a share of the ground truth's inter-ocular distance.
    """

    name: str
    colour: str
    regions: tuple[tuple[int, ...], ...]
    centred: Literal["anchor", "region"] = "anchor"
    steady: bool = False
    floor: float = 0.01


_EYES = ((*range(17, 22), *range(36, 42)), (*range(22, 27), *range(42, 48)))
_CONTOUR = (tuple(range(6)), tuple(range(6, 11)), tuple(range(11, 17)))
LIPS = Kind("lip shape", RED, (tuple(range(48, 68)),), centred="region")
EYES_AND_CONTOUR = Kind("eyes and contour", BLUE, (*_EYES, *_CONTOUR))
EXPRESSION = Kind("expressiveness", YELLOW, _EYES)
# Without the chin, which moves with speech. The floor lies between takes of the same person, however they fail (at
# most 5.0 % in 21 of them), and a take of another person (11.8 %): see docs/figures.md.
IDENTITY = Kind("identity", BLUE, (_CONTOUR[0], _CONTOUR[2], tuple(range(27, 36))), steady=True, floor=0.06)


@dataclass(frozen=True)
class Mark:
    """The worst region of a kind in one frame: whose it is, which points, and its error in px."""

    kind: Kind
    method: str
    frame: int
    points: tuple[int, ...]
    error: float


def centred_on(gt: Floats, gen: Floats, points: Sequence[int]) -> Floats:
    """Return `gen` (…, 68, 2) moved so that the mean of these points is where `gt` has it."""
    chosen = list(points)
    shift: Floats = (gt[..., chosen, :] - gen[..., chosen, :]).mean(axis=-2, keepdims=True)
    return gen + shift


def at_anchor(faces: Floats) -> Floats:
    """Return faces (…, 68, 2) with the mean of each one's anchor at the origin."""
    moved: Floats = faces - faces[..., list(ANCHOR), :].mean(axis=-2, keepdims=True)
    return moved


def errors(kind: Kind, gt: Floats, gen: Floats) -> Floats:
    """Return the error (…, R) in px of each of a kind's R regions, for faces (…, 68, 2); NaN without a face."""
    found = []
    for region in kind.regions:
        moved = centred_on(gt, gen, region if kind.centred == "region" else ANCHOR)
        found.append(np.linalg.norm((moved - gt)[..., list(region), :], axis=-1).mean(axis=-1))
    return np.stack(found, axis=-1)


def worst(found: Sequence[Track], frame: int, kind: Kind) -> Mark | None:
    """Return the worst region of all methods in this frame, the first of equals; None where nothing is to be marked."""
    best: Mark | None = None
    for track in found:
        place = track.row(frame)
        if place is None or np.isnan(track.gt[place]).any() or np.isnan(track.gen[place]).any():
            continue
        gt, gen = (_median(track.gt), _median(track.gen)) if kind.steady else (track.gt[place], track.gen[place])
        found_errors = errors(kind, gt, gen)
        region = int(np.argmax(found_errors))
        error = float(found_errors[region])
        floor = kind.floor * float(np.linalg.norm(gt[_RIGHT_EYE] - gt[_LEFT_EYE]))
        if error >= floor and (best is None or error > best.error):
            best = Mark(kind, track.method, frame, kind.regions[region], error)
    return best


def _median(track: Floats) -> Floats:
    """Return the clip's median face (68, 2), each frame centred on its own anchor first."""
    faces = track[~np.isnan(track).any(axis=(1, 2))]
    median: Floats = np.median(at_anchor(faces), axis=0)
    return median


def box(points: npt.NDArray[np.floating], margin: float = 0.1) -> tuple[float, float, float, float]:
    """Return left, top, width and height around points (N, 2), with a margin of the longer side on every side."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    pad = max(margin * float((high - low).max()), 1.5)
    return (
        float(low[0] - pad),
        float(low[1] - pad),
        float(high[0] - low[0] + 2 * pad),
        float(high[1] - low[1] + 2 * pad),
    )
