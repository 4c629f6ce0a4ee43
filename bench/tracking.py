"""Follow a face from frame to frame: the search "track".

The detector takes most of the time that points take, and almost always finds the face where it was. So:

1. The whole frame is searched, as in "exact", in the first frame, every 50th frame after a search, and whenever what
   follows fails. A face is followed once two searches in a row, or a search and the followed face, agree on its place.
2. In between, the refined box is that of the last frame's points instead of a first walk's; the points are placed from
   it in the same way.
3. The face's chip, a square around it at 96 px, is compared with the chip in which the detector last saw the face. If
   they share less than 80 % of its variance, the detector must find the face in the new chip.

So every frame with points either was looked at by the detector, or shows what the detector has seen, at most 49 frames
earlier. A face that goes, or a cut, is met by the detector in the same frame. `Face.count` is that of the last search
of the whole frame. Other constants get another name than "track".
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from .cascade import Grey, Points, side
from .faces import Face, FaceFinder, checked
from .vocabulary import FaceStatus

KEY = 50
"""A search of the whole frame at least every so many frames."""
_CHIP = 96
_MARGIN = 0.13  # the detector's least face is 80 px: it wants some of the surroundings
_ALIKE = 0.8
_STEP = 0.2
"""How far a box may move or grow from one frame to the next and be the same face's, in its sides."""


class Tracker:
    """Finds faces in the frames of one video, given in order."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._last: Points | None = None
        self._followed = False
        self._age = 0
        self._count = 0
        self._offset = np.eye(3)
        self._seen = np.zeros((0, 0), np.float32)

    def find(self, grey: Grey) -> Face:
        """Find one face and its points in the next grey frame (H, W)."""
        frame = checked(grey)
        self._age += 1
        if self._last is not None and self._followed and self._age < KEY and (face := self._follow(frame, self._last)):
            return face
        return self._search(frame)

    def _search(self, frame: Grey) -> Face:
        (face, box), last = self._finder.search(frame), self._last
        self._age, self._count, self._last = 0, face.count, None
        if box is not None:
            here = self._finder.steady(face.landmarks)
            self._followed = last is not None and _step(last, here) < _STEP
            self._learn(here, box, _shrunk(_chip(frame, here)[0]))
        return face

    def _follow(self, frame: Grey, last: Points) -> Face | None:
        """Return the face near the last frame's, None where it cannot be vouched for."""
        points = self._finder.points_in(frame, last @ self._offset)
        here = self._finder.steady(points)
        if _step(last, here) > _STEP:
            return None
        chip, place = _chip(frame, here)
        seen = _shrunk(chip)
        if np.square(seen - self._seen).mean() <= (1 - _ALIKE) * self._seen.var():
            self._last = here
            return Face(points, FaceStatus.OK, self._count)
        found = self._finder.surest(chip)
        if found is None:
            return None
        box = self._finder.start(frame, place @ _square(found))
        points = self._finder.points_in(frame, box)
        self._learn(self._finder.steady(points), box, seen)
        return Face(points, FaceStatus.OK, self._count)

    def _learn(self, here: Points, box: Points, seen: npt.NDArray[np.float32]) -> None:
        """Keep where the face is, how the box from which its points were placed lies to that, and what was seen."""
        self._last, self._offset, self._seen = here, np.linalg.solve(_square(here), _square(box)), seen


def _square(box: Points) -> Points:
    return np.vstack([box, [0, 0, 1]])


def _step(one: Points, other: Points) -> float:
    """Return how far a box's corners move at most, in its sides."""
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
    place = np.array([[scale, 0, columns[0] + scale / 2 - 0.5], [0, scale, rows[0] + scale / 2 - 0.5]])
    return cast(Grey, cv2.resize(piece, (_CHIP, _CHIP), interpolation=cv2.INTER_AREA)), place


def _shrunk(chip: Grey) -> npt.NDArray[np.float32]:
    return cv2.resize(chip, (_CHIP // 3, _CHIP // 3), interpolation=cv2.INTER_AREA).astype(np.float32)
