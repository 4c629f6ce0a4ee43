"""Head pose: by how many degrees the head is turned otherwise than the real one. Lower is better, 0 for the real one.

Per frame and side, the rotation R of a generic head is the one that projects it best (least squares, OpenCV's SQPnP)
onto thirteen of the 68 points: nose (27–35) and eye corners (36, 39, 42, 45), which speech and expression move least.
    head-pose = angle of R_gen R_gtᵀ, in degrees (0 to 180).
A clip's value is the mean over the frames in which both sides have a face. Recorded beside it: the mean absolute
differences of pitch (nodding), yaw (turning) and roll (tilting), in degrees.

The head is ours: widths and heights are means of young adults, men and women together, rounded to mm: outer eye
corners 89 apart, inner 32, nose 53 high, 33 wide, its tip 20 before its base (Farkas et al., "International
Anthropometric Study of Facial Morphology in Various Ethnic Groups/Races", J. Craniofac. Surg. 2005). Depths are round.
There is no calibration: the camera is taken to look at the middle of the measured frame with a focal length of
`focal` times the frame's longer side. A face unlike the generic one, or another lens, shifts both sides' angles
alike; their difference is little affected where both show the same person, and biased where they do not.

Source: Lepetit and Fua, 2005 (pose from points); Terzakis and Lourakis, "A Consistently Fast and Globally Optimal
Solution to the Perspective-n-Point Problem", ECCV 2020 (the solver).
Not done: no shape is fitted. A long nose and a turned head look alike, and single frames are off by some degrees.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .contract import ClipValue, Facts, Metric
from .face_shape import has_face

Rotations = npt.NDArray[np.float64]
"""(T, 3, 3) from the head's axes to the camera's: x right, y down, z away; NaN where there is no face."""

HEAD = {
    27: (0, 0, 0), 28: (0, 15, -8), 29: (0, 29, -16), 30: (0, 44, -24),
    31: (-15, 49, 2), 32: (-8, 51, -5), 33: (0, 53, -6), 34: (8, 51, -5), 35: (15, 49, 2),
    36: (-44.5, 4, 22), 39: (-16, 4, 12), 42: (16, 4, 12), 45: (44.5, 4, 22),
}  # fmt: skip
"""The generic head in mm by landmark, as seen from the front: x right, y down, z away; 0 between the eyes."""


def rotations(one: Facts, *, focal: float) -> Rotations:
    """Return the head's rotation in each frame of a side."""
    points = np.ascontiguousarray(one.landmarks, np.float64)
    found: Rotations = _rotations(points.tobytes(), len(points), one.size, focal)
    return found


# Several metrics ask for the same clip's two sides.
@lru_cache(maxsize=2)
def _rotations(points: bytes, count: int, size: tuple[int, int], focal: float) -> Rotations:
    import cv2

    track = np.frombuffer(points, np.float64).reshape(count, 68, 2)
    head, chosen = np.array(list(HEAD.values()), np.float64), list(HEAD)
    height, width = size
    far = focal * max(height, width)
    camera = np.array([[far, 0, (width - 1) / 2], [0, far, (height - 1) / 2], [0, 0, 1]])
    found = np.full((count, 3, 3), np.nan)
    for t in np.flatnonzero(has_face(track)):
        solved, turn, _ = cv2.solvePnP(head, track[t, chosen], camera, None, flags=cv2.SOLVEPNP_SQPNP)
        if solved:
            found[t] = cv2.Rodrigues(turn)[0]
    found.setflags(write=False)
    return found


def angles(turned: Rotations) -> npt.NDArray[np.float64]:
    """Return (T, 3) pitch, yaw and roll in degrees, where R = R_z(roll) R_y(yaw) R_x(pitch).

    Positive is a nod down, a turn of the nose to the picture's left, a tilt clockwise in the picture.

    >>> nod = np.array([[1, 0, 0], [0, np.cos(0.1), -np.sin(0.1)], [0, np.sin(0.1), np.cos(0.1)]])
    >>> np.radians(angles(nod[None])).round(9) + 0.0
    array([[0.1, 0. , 0. ]])
    """
    pitch = np.arctan2(turned[:, 2, 1], turned[:, 2, 2])
    yaw = np.arcsin(np.clip(-turned[:, 2, 0], -1, 1))
    roll = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    return np.asarray(np.degrees(np.stack([pitch, yaw, roll], axis=1)))


def head_pose_error(gt: Facts, gen: Facts, *, focal: float = 1.0) -> ClipValue:
    """Return the mean angle between the sides' heads."""
    real, fake = rotations(gt, focal=focal), rotations(gen, focal=focal)
    seen = ~np.isnan(real[:, 0, 0] + fake[:, 0, 0])
    if not seen.any():
        return ClipValue.missing("no frame in which both sides have a face")
    # ‖R_gen − R_gt‖ = 2√2 sin(angle / 2): exactly 0 where they are equal, as the arc cosine of a trace is not.
    chord = np.linalg.norm((fake - real)[seen], axis=(1, 2)) / math.sqrt(8)
    error = np.degrees(2 * np.arcsin(np.clip(chord, 0, 1)))
    apart = np.abs(angles(fake)[seen] - angles(real)[seen])
    pitch, yaw, roll = np.minimum(apart, 360 - apart).mean(axis=0)
    parts = {"pitch": float(pitch), "yaw": float(yaw), "roll": float(roll)}
    return ClipValue(math.fsum(error) / len(error), len(error), parts=parts)


METRIC = Metric(
    name="head-pose",
    needs="facts",
    better="lower",
    unit="°",
    decimals=1,
    version="1",
    definition="mean angle between the two sides' heads, each posed by PnP on nose and eye corners; no calibration",
    source="talkbench (SQPnP of Terzakis and Lourakis, ECCV 2020; proportions of Farkas et al., 2005)",
    perfect=0.0,
    per_clip=head_pose_error,
    parts=("pitch", "yaw", "roll"),
)
