"""Follow a face from frame to frame: the search "track".

The detector takes most of the time that points take, and almost always finds the face where it was. So:

1. *Search.* The detector looks at the whole frame, as in "exact": in the first two frames, every 50th frame after that,
   and whenever what follows gives up. A face is followed if it is where it was in the frame before, and plain.
   *Plain*: the two mirrored walks lie less than 0.9 % of the box's side apart, and the box of the points' own nose and
   eyes less than 4 % from the box from which they were placed. In a profile, or behind a hand, neither holds, and the
   points would follow themselves instead of the face.
2. *Follow.* Between searches the points are placed as in "exact", but without a detector and a first walk: from the box
   of the last frame's nose and eyes, moved by what lay between the two boxes when the detector last looked.
3. *Verify.* The face's chip, a square around it scaled to 96 px, is compared with the chip of the frame in which the
   detector last saw the face. If they have less than 80 % of its variance in common, the detector looks at the new
   chip, and the points are placed from what it finds there, as in "exact". If it finds nothing, or the face is no
   longer plain, the whole frame is searched.

So every frame with points either was looked at by the detector, or shows what the detector has seen, at most 49 frames
earlier. A face that goes, or a cut to something else, is brought before the detector in the same frame; a second or a
larger face is noticed at the next search, and `Face.count` is that of the last one. Other constants get another name.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from .cascade import Grey, Points, side
from .faces import NO_FACE, Face, FaceFinder, Placed, checked
from .vocabulary import FaceStatus

KEY = 50
_DOUBT = 0.009
_BIAS = 0.04
_STEP = 0.2
"""How far a box may go from one frame to the next and be the same face's, in its sides."""
_ALIKE = 0.8
_CHIP = 96
_MARGIN = 0.13
"""What a chip shows around the box, in its sides: the detector wants to see some of the surroundings."""


class Tracker:
    """Finds the face in the frames of one video, given in order."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._last: Points | None = None
        self._plain = False
        self._age = 0
        self._count = 0
        self._offset: Points = np.eye(3)
        self._seen = np.zeros((0, 0), np.float32)

    def find(self, grey: Grey) -> Face:
        """Find one face and its points in the next grey frame (H, W)."""
        frame = checked(grey)
        self._age += 1
        last = self._last
        placed = self._follow(frame, last) if last is not None and self._plain and self._age < KEY else None
        if placed is None:
            placed, self._count = self._finder.search(frame)
            self._age = 0
            self._last = None
            if placed is not None:
                here = self._learn(frame, placed)
                self._plain = last is not None and _step(last, here) < _STEP and self._is_plain(placed)
        return NO_FACE if placed is None else Face(placed.points, FaceStatus.OK, self._count)

    def _follow(self, frame: Grey, last: Points) -> Placed | None:
        """Return the face near the last frame's, None where it cannot be vouched for."""
        placed = self._finder.place(frame, last @ self._offset)
        here = self._finder.steady(placed.points)
        if placed.doubt > _DOUBT or _step(last, here) > _STEP:
            return None
        chip, to_frame = _chip(frame, here)
        if np.square(_shrunk(chip) - self._seen).mean() <= (1 - _ALIKE) * self._seen.var():
            self._last = here
            return placed
        found = self._finder.surest(chip)
        if found is None:
            return None
        placed = self._finder.place(frame, self._finder.start(frame, to_frame @ _square(found)))
        if not self._is_plain(placed):
            return None
        self._learn(frame, placed)
        return placed

    def _learn(self, frame: Grey, placed: Placed) -> Points:
        """Keep and return where the detector saw the face; keep what it saw, and what lies between the two boxes."""
        self._last = here = self._finder.steady(placed.points)
        self._offset = cast(Points, np.linalg.solve(_square(here), _square(placed.box)))
        self._seen = _shrunk(_chip(frame, here)[0])
        return here

    def _is_plain(self, placed: Placed) -> bool:
        return placed.doubt <= _DOUBT and _step(self._finder.steady(placed.points), placed.box) < _BIAS


def _square(box: Points) -> Points:
    return np.vstack([box, [0, 0, 1]])


def _step(one: Points, other: Points) -> float:
    """Return how far a box's corners lie from another's at most, in its sides."""
    corners = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]])
    return float(np.abs((other - one) @ corners).max() / side(one))


def _chip(frame: Grey, box: Points) -> tuple[Grey, Points]:
    """Return the square (96, 96) around a box, the frame's edge repeated outside, and the map (2, 3) to the frame."""
    half = max(1, round(side(box) * (0.5 + _MARGIN)))
    x, y = (round(float(centre)) for centre in box @ (0.5, 0.5, 1))
    rows, columns = (np.arange(middle - half, middle + half) for middle in (y, x))
    height, width = frame.shape
    if rows[0] < 0 or columns[0] < 0 or rows[-1] >= height or columns[-1] >= width:
        piece = frame[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    else:
        piece = frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 2 * half / _CHIP
    to_frame = np.array([[scale, 0, columns[0] + scale / 2 - 0.5], [0, scale, rows[0] + scale / 2 - 0.5]])
    return cast(Grey, cv2.resize(piece, (_CHIP, _CHIP), interpolation=cv2.INTER_AREA)), to_frame


def _shrunk(chip: Grey) -> npt.NDArray[np.float32]:
    return cv2.resize(chip, (_CHIP // 3, _CHIP // 3), interpolation=cv2.INTER_AREA).astype(np.float32)
