"""What a demo face can do: the pose parameters, and how each one moves the 68 landmarks.

Movements add up linearly, in face pixels (the 256×256 crop) of an upright head; only the lids and the lips' contact
are not linear. Left and right are those of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from .portrait import PORTRAIT_LANDMARKS, Points, to_face

_MIDLINE = 128.2

# The photograph smiles with parted lips. Its mouth at rest, closed, face pixels (measured against common proportions:
# width 0.8 of the distance between the pupils, lower lip a third thicker than the upper).
_RESTING_MOUTH = {
    48: (106.6, 178.6), 49: (114.0, 174.8), 50: (122.4, 172.6), 51: (128.2, 173.9), 52: (134.0, 172.6),
    53: (142.4, 174.8), 54: (149.8, 178.6), 55: (142.2, 184.6), 56: (135.0, 187.6), 57: (128.2, 188.4),
    58: (121.4, 187.6), 59: (114.2, 184.6), 60: (108.8, 178.8), 61: (120.4, 179.2), 62: (128.2, 179.8),
    63: (136.0, 179.2), 64: (147.6, 178.8), 65: (136.0, 179.2), 66: (128.2, 179.8), 67: (120.4, 179.2),
}  # fmt: skip

# (dx, dy) at full strength for landmarks on the left half and the midline; the right half mirrors the left.
_JAW = {
    3: (0, 1.5), 4: (0.5, 3.5), 5: (1.0, 6.5), 6: (1.0, 10.0), 7: (0.5, 12.5), 8: (0, 13.5),
    48: (2.0, 6.5), 60: (2.2, 7.0), 49: (0.8, 0.5), 50: (0, -0.8), 51: (0, -1.0), 61: (0, -1.5), 62: (0, -1.5),
    59: (1.0, 14.0), 58: (0.4, 18.0), 57: (0, 18.5), 67: (0.4, 18.5), 66: (0, 19.5),
}  # fmt: skip
_WIDTH = {
    48: (-6, 0), 60: (-6, 0), 49: (-4, 0.6), 50: (-1.5, 0.8), 51: (0, 0.6), 61: (-2, 0), 67: (-2, 0),
    59: (-4, -1.0), 58: (-1.5, -1.2), 57: (0, -1.2), 3: (-0.6, 0), 4: (-0.8, 0), 5: (-0.6, 0),
}  # fmt: skip
_ROUND = {
    48: (6.8, 0), 60: (6.8, 0), 49: (4.2, -0.8), 50: (2.0, -1.2), 51: (0, -1.0), 61: (2.4, 0), 67: (2.4, 0),
    59: (4.4, 1.6), 58: (2.0, 2.0), 57: (0, 2.0), 3: (0.8, 0), 4: (1.2, 0), 5: (1.0, 0), 31: (0.8, 0),
}  # fmt: skip
_PRESS = {49: (0, 1.6), 50: (0, 2.2), 51: (0, 2.0), 59: (0, -2.0), 58: (0, -2.6), 57: (0, -2.6), 8: (0, -1.0)}
_UPPER_LIP = {
    49: (0, -3.0), 50: (0, -4.0), 51: (0, -3.8), 61: (0, -3.8), 62: (0, -3.8), 60: (-0.5, -1.0), 48: (-0.5, -1.0),
    31: (-0.8, -1.6), 32: (0, -1.4), 33: (0, -1.2),
}  # fmt: skip
_LOWER_LIP = {66: (0, 3.6), 67: (0, 3.4), 58: (0, 2.8), 57: (0, 2.8), 59: (0, 2.2)}
_CORNER = {
    48: (-3.2, -6.0), 60: (-2.9, -5.3), 49: (-1.8, -3.0), 50: (-0.6, -0.4), 61: (-1.0, -0.8), 67: (-1.0, -0.8),
    59: (-2.0, -3.4), 58: (-0.6, -1.2), 4: (-0.8, 0), 3: (-0.8, -0.5), 31: (-0.8, -0.4),
}  # fmt: skip
_BROW = {17: (0, -3.6), 18: (0, -5.6), 19: (0, -6.4), 20: (0, -6.4), 21: (0, -6.0)}
_BROW_INNER = {18: (0, 1.2), 17: (-0.5, 2.0), 19: (0.3, -1.2), 20: (0.8, -4.0), 21: (1.4, -6.4)}
_FURROW = {18: (0.5, 1.6), 19: (1.0, 2.6), 20: (2.2, 3.8), 21: (3.4, 4.6), 27: (0, 0.6)}
_CHEEK = {40: (0, -1.6), 41: (0, -1.8), 31: (-0.6, -0.4), 1: (-0.4, 0), 2: (-0.6, 0)}
_NOSE = {31: (-1.2, -3.2), 32: (-0.4, -2.8), 33: (0, -2.4), 30: (0, -2.4), 29: (0, -1.4), 28: (0, -0.8)}

LEFT_RIGHT = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""Where each landmark's mirror image is in the iBUG order."""


@dataclass(frozen=True)
class Pose:
    """One frame's face. Everything is 0 at rest except the eyes (1 is open as at rest, 0 is shut, 1.4 is wide).

    Shares of a full movement, 0 to 1 or -1 to 1: `jaw` (opens the mouth), `width`, `round`, `press`, `upper_lip` (up),
    `lower_lip` (down; negative tucks it under the teeth), `corner_left/right` (up), `tongue` (up), `brow_left/right`
    (up), `brow_inner` (inner ends up), `furrow`, `cheek`, `nose` (wrinkled), `gaze_x/y` (to the picture's right, down).
    Head: `yaw` (to the picture's right), `pitch` (down), `roll` (clockwise), degrees; `shift_x/y`, face pixels;
    `zoom`, share of size.
    """

    jaw: float = 0.0
    width: float = 0.0
    round: float = 0.0
    press: float = 0.0
    upper_lip: float = 0.0
    lower_lip: float = 0.0
    corner_left: float = 0.0
    corner_right: float = 0.0
    tongue: float = 0.0
    brow_left: float = 0.0
    brow_right: float = 0.0
    brow_inner: float = 0.0
    furrow: float = 0.0
    cheek: float = 0.0
    nose: float = 0.0
    eye_left: float = 1.0
    eye_right: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    zoom: float = 0.0

    def mirrored(self) -> Pose:
        """The same face as a mirror shows it."""
        turned = {"gaze_x": -self.gaze_x, "yaw": -self.yaw, "roll": -self.roll, "shift_x": -self.shift_x}
        swapped = {
            f"{name}_{side}": getattr(self, f"{name}_{other}")
            for name in ("corner", "brow", "eye")
            for side, other in (("left", "right"), ("right", "left"))
        }
        return Pose(**{f.name: getattr(self, f.name) for f in fields(self)} | turned | swapped)


def _movement(left: Mapping[int, tuple[float, float]], sides: str = "both") -> Points:
    """Spread a movement of the left half to the (68, 2) landmarks of one or both halves."""
    moved = np.zeros((68, 2))
    for index, step in left.items():
        other = LEFT_RIGHT[index]
        if sides in ("both", "left"):
            moved[index] = step
        if sides in ("both", "right"):
            moved[other] = (-step[0], step[1])
        if index == other:
            moved[index] = step if sides == "both" else np.array(step) / 2
    return moved


@cache
def movements() -> dict[str, Points]:
    """The linear movements (68, 2) by the name of their pose parameter, face pixels at full strength."""
    return {
        "jaw": _movement(_JAW),
        "width": _movement(_WIDTH),
        "round": _movement(_ROUND),
        "press": _movement(_PRESS),
        "upper_lip": _movement(_UPPER_LIP),
        "lower_lip": _movement(_LOWER_LIP),
        "corner_left": _movement(_CORNER, "left"),
        "corner_right": _movement(_CORNER, "right"),
        "brow_left": _movement(_BROW, "left"),
        "brow_right": _movement(_BROW, "right"),
        "brow_inner": _movement(_BROW_INNER),
        "furrow": _movement(_FURROW),
        "cheek": _movement(_CHEEK),
        "nose": _movement(_NOSE),
    }


@cache
def resting_landmarks() -> Points:
    """The photograph's 68 landmarks with the smile taken away and the lips closed, face pixels."""
    rest = to_face(PORTRAIT_LANDMARKS)
    for index, point in _RESTING_MOUTH.items():
        rest[index] = point
    rest[31:36, 0] = _MIDLINE + (rest[31:36, 0] - _MIDLINE) * 0.94
    rest[6:11, 1] -= 1.0
    return rest


def pose_landmarks(rest: Points, pose: Pose) -> Points:
    """Landmarks (68, 2) of the posed but unmoved head, face pixels; lips and lids touch but never cross."""
    posed = rest + sum(getattr(pose, name) * step for name, step in movements().items())
    for eye, upper, lower in ((pose.eye_left, (37, 38), (41, 40)), (pose.eye_right, (43, 44), (47, 46))):
        for up, low in zip(upper, lower, strict=True):
            meet = rest[up] + 0.82 * (rest[low] - rest[up])
            posed[up] += (1 - eye) * (meet - rest[up])
            posed[low] += max(0.0, 1 - eye) * (meet - rest[low])
    for up, low in ((61, 67), (62, 66), (63, 65), (37, 41), (38, 40), (43, 47), (44, 46)):
        if posed[low, 1] < posed[up, 1]:
            posed[[up, low], 1] = posed[[up, low], 1].mean()
    return np.asarray(posed, dtype=np.float64)
