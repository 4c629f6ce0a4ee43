"""One face per frame, and its 68 points: where dlib's numbers come from, and what makes them truer.

The detector is dlib's frontal HOG detector. The points are those of dlib's 68-point cascade of regression trees
(Kazemi and Sullivan 2014), walked here over the same weights, so that what dlib rounds away is kept:

"integer"     dlib's own points: the nearest pixels, black outside the frame, the detector's box, rounded to whole px.
"subpixel-1"  the cascade samples between pixels (bilinearly, the frame's edge repeated outside) and nothing is rounded.
              A first walk from the detector's box places the points; the similarity that takes points 27–45 of the
              weights' mean shape onto them is the refined box; the frame is smoothed by a Gaussian of 0.8 % of that
              box's side; the points are the mean of a walk from the refined box and of one from its mirror image.

docs/landmarks.md has the measurements. Pixel centres are whole numbers throughout, as in dlib.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from .cascade import Grey, Points, fit, mirrored, read_cascade, side
from .errors import TalkbenchError
from .vocabulary import FaceStatus

Channels = Literal["rgb", "bgr"]
Search = Literal["exact", "track"]
_Rectangle = Any  # dlib ships no types

_WEIGHTS = "shape_predictor_68_face_landmarks.dat"
_STEADY = slice(27, 46)
"""Nose and eyes: the points that move least with speech."""
_SMOOTHING = 0.008


@dataclass(frozen=True, kw_only=True)
class FaceModel:
    """Every choice about faces that changes a number.

    `upsamples`: how often the frame is doubled before detection, tried in this order until a face is found.
    `face`: which of several; "first" and "last" are in dlib's order, which begins with the surest.
    `points`: how they are placed, see the module's docstring. `channels`: see `grey`.
    `search`: "exact" looks for faces in every frame by itself, "track" follows the face from frame to frame, see
    `tracking`.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    upsamples: tuple[int, ...] = (0, 1)
    face: Literal["largest", "first", "last"] = "largest"
    points: Literal["subpixel-1", "integer"] = "subpixel-1"
    channels: Channels = "rgb"
    search: Search = "exact"

    def ingredients(self) -> dict[str, Any]:
        """Return what signatures and kept tracks depend on.

        `search` came later and is left out where it says what all models did before, so that both stay valid.
        """
        return {name: value for name, value in asdict(self).items() if (name, value) != ("search", "exact")}


class Face(NamedTuple):
    """What a frame shows: landmarks (68, 2) float32 px, all NaN without a face; why; and how many faces there are."""

    landmarks: npt.NDArray[np.float32]
    status: FaceStatus
    count: int  # type: ignore[assignment]  # nobody counts a face's equal members


NO_FACE = Face(np.full((68, 2), np.nan, np.float32), FaceStatus.NO_FACE, 0)


def grey(rgb: npt.NDArray[np.uint8], *, channels: Channels = "rgb") -> Grey:
    """Return the BT.601 luma of an RGB frame (H, W, 3) as (H, W) bytes.

    With "bgr" red and blue change places, as in scripts that hand an RGB frame to OpenCV's conversion from BGR.
    """
    return cast(Grey, cv2.cvtColor(rgb, {"rgb": cv2.COLOR_RGB2GRAY, "bgr": cv2.COLOR_BGR2GRAY}[channels]))


def weights_path() -> Path:
    """Return where the 68-point weights are. The package that holds them is found, and not imported: it cannot be."""
    package = find_spec("face_recognition_models")
    for folder in (package.submodule_search_locations or ()) if package else ():
        if (file := Path(folder, "models", _WEIGHTS)).is_file():
            return file
    raise TalkbenchError(
        f"{_WEIGHTS}: not found; it comes with the package face_recognition_models. "
        "Install it: pip install 'face_recognition_models>=0.3,<1'."
    )


@cache
def weights_hash() -> str:
    """Return the first 12 hexadecimal digits of the weights' SHA-256."""
    with weights_path().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


class Placed(NamedTuple):
    """A face's points (68, 2) float32 px, the box (2, 3) from which they were placed, and how far they are in doubt.

    `doubt` is the mean distance of the two mirrored walks, in sides of the box; 0 with "integer", which has one walk.
    """

    points: npt.NDArray[np.float32]
    box: Points
    doubt: float


class FaceFinder:
    """The loaded detector and weights (65 MB, a second): make one per process."""

    def __init__(self, model: FaceModel) -> None:
        import dlib

        self._model = model
        self._detect = dlib.get_frontal_face_detector()
        self._cascade = read_cascade(weights_path())

    def find(self, grey: Grey) -> Face:
        """Find one face and its points in a grey frame (H, W)."""
        placed, count = self.search(checked(grey))
        return NO_FACE if placed is None else Face(placed.points, FaceStatus.OK, count)

    def search(self, frame: Grey) -> tuple[Placed | None, int]:
        """Find one face in a checked frame, and how many there are."""
        for upsample in self._model.upsamples:
            if boxes := list(self._detect(frame, upsample)):
                return self.place(frame, self.start(frame, _box(_chosen(boxes, self._model.face)))), len(boxes)
        return None, 0

    def surest(self, chip: Grey) -> Points | None:
        """Return the detector's box of the surest face in a checked piece of a frame; it sees none below 80 px."""
        boxes = self._detect(chip, 0)
        return _box(boxes[0]) if len(boxes) else None

    def start(self, frame: Grey, box: Points) -> Points:
        """Return the box from which the points are placed, given the detector's."""
        return box if self._model.points == "integer" else self.steady(self._cascade.walk(frame, box, subpixel=True))

    def steady(self, points: Points | npt.NDArray[np.float32]) -> Points:
        """Return the box (2, 3) in which the mean face's nose and eyes fit these points (68, 2) best."""
        return fit(self._cascade.mean[_STEADY], points[_STEADY])

    def place(self, frame: Grey, box: Points) -> Placed:
        """Place the points of the face for which `start` gave this box."""
        if self._model.points == "integer":
            points = np.floor(self._cascade.walk(frame, box, subpixel=False) + 0.5)
            return Placed(points.astype(np.float32), box, 0.0)
        smooth = cast(Grey, cv2.GaussianBlur(frame, (0, 0), _SMOOTHING * side(box)))
        straight = self._cascade.walk(smooth, box, subpixel=True)
        turned = self._cascade.walk(smooth, mirrored(box), subpixel=True)[self._cascade.left_right]
        doubt = float(np.hypot(*(straight - turned).T).mean()) / side(box)
        return Placed(((straight + turned) / 2).astype(np.float32), box, doubt)


def checked(grey: Grey) -> Grey:
    """Return a grey frame (H, W) with unpadded rows: dlib 20.0.1 finds nothing on others and on crops, or crashes."""
    if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
        raise ValueError(f"expected a grey frame (H, W) of bytes, got {grey.shape} {grey.dtype}")
    return np.ascontiguousarray(grey)


def _chosen(boxes: Sequence[_Rectangle], face: str) -> _Rectangle:
    if face == "largest":  # the leftmost, then topmost, of equals: two people keep their places, not their scores
        return max(boxes, key=lambda box: (box.area(), -box.left(), -box.top()))
    return boxes[{"first": 0, "last": -1}[face]]


def _box(rectangle: _Rectangle) -> Points:
    """Return the affine map (2, 3) from the unit square to a dlib rectangle, whose sides are pixel centres."""
    left, top = rectangle.left(), rectangle.top()
    return np.array([[rectangle.right() - left, 0.0, left], [0.0, rectangle.bottom() - top, top]])
