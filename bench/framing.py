"""From a source frame to the square that is measured: the whole frame, a box, or a similarity warp.

Shrinking averages areas, enlarging is cubic (OpenCV's INTER_AREA and INTER_CUBIC); what lies outside a frame repeats
its edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..metrics.contract import Frame, Landmarks
from .errors import MediaError
from .facts import VideoFacts

STABLE = slice(27, 46)
"""Nose, one eye, and the other as far as its outer corner (points 27–45): what speech and expression move least."""

# Our own frontal template of points 27–45 on a canvas of 256 px: x, y.
_TEMPLATE = np.array(
    [
        *((128, 100), (128, 115), (128, 130), (128, 145)),
        *((112, 156), (120, 159), (128, 161), (136, 159), (144, 156)),
        *((80, 104), (89, 98), (99, 98), (108, 105), (99, 108), (89, 108)),
        *((148, 105), (157, 98), (167, 98), (176, 104)),
    ],
    dtype=np.float64,
)
_BOX_SIDE = 1.6
_BOX_RISE = 0.1


@dataclass(frozen=True)
class Whole:
    """The whole frame, scaled to size × size."""

    size: int

    def __call__(self, frame: Frame) -> Frame:
        """Return the (size, size, 3) frame."""
        return _resize(frame, self.size, self.size)


@dataclass(frozen=True)
class Native:
    """The frame as it is."""

    def __call__(self, frame: Frame) -> Frame:
        """Return the frame itself."""
        return frame


@dataclass(frozen=True)
class Fit:
    """The whole frame with its aspect kept, shrunk so that its longer side is at most `longest`."""

    longest: int

    def __call__(self, frame: Frame) -> Frame:
        """Return the frame, shrunk where it is larger."""
        height, width = frame.shape[:2]
        scale = self.longest / max(height, width)
        return frame if scale >= 1 else _resize(frame, round(width * scale), round(height * scale))


@dataclass(frozen=True)
class Box:
    """A box scaled to size × size. Its edges are shares of the frame, so that one box fits both sides of a pair."""

    size: int
    left: float
    top: float
    width: float
    height: float

    def __call__(self, frame: Frame) -> Frame:
        """Return the (size, size, 3) crop."""
        rows, columns = frame.shape[:2]
        x0, x1 = round(self.left * columns), round((self.left + self.width) * columns)
        y0, y1 = round(self.top * rows), round((self.top + self.height) * rows)
        margin = max(0, -x0, -y0, x1 - columns, y1 - rows)
        if margin:
            frame = cv2.copyMakeBorder(frame, margin, margin, margin, margin, cv2.BORDER_REPLICATE).astype(np.uint8)
        crop = frame[y0 + margin : y1 + margin, x0 + margin : x1 + margin]
        return _resize(np.ascontiguousarray(crop), self.size, self.size)


@dataclass(frozen=True)
class Warp:
    """A similarity transform from source px to a size × size canvas: x' = a·x − b·y + c, y' = b·x + a·y + d."""

    size: int
    a: float
    b: float
    c: float
    d: float

    def __call__(self, frame: Frame) -> Frame:
        """Return the (size, size, 3) frame, warped; a strong reduction averages areas first."""
        scale = float(np.hypot(self.a, self.b))
        height, width = frame.shape[:2]
        columns, rows = width, height
        if scale < 1:
            columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
            frame = _resize(frame, columns, rows)
        # from the pixel centres of the shrunk frame to those of the source, then onto the canvas
        back = np.diag([width / columns, height / rows, 1.0])
        back[:2, 2] = 0.5 * (width / columns - 1), 0.5 * (height / rows - 1)
        matrix = np.array([[self.a, -self.b, self.c], [self.b, self.a, self.d], [0, 0, 1]]) @ back
        flags = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
        warped = cv2.warpAffine(frame, matrix[:2], (self.size, self.size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(warped.astype(np.uint8, copy=False))


Framing = Whole | Native | Fit | Box | Warp


def to_measured(framing: object, width: int, height: int) -> npt.NDArray[np.float64] | None:
    """Return the affine map (2, 3) from px of a width × height frame to px of what is measured.

    None for a framing that differs from frame to frame. Pixel centres are whole numbers on both sides.
    """
    if isinstance(framing, Native):
        return np.eye(2, 3)
    if isinstance(framing, Warp):
        return np.array([[framing.a, -framing.b, framing.c], [framing.b, framing.a, framing.d]])
    if isinstance(framing, Whole):
        left, top, across, down = 0.0, 0.0, float(width), float(height)
    elif isinstance(framing, Box):
        left, top = round(framing.left * width), round(framing.top * height)
        across = round((framing.left + framing.width) * width) - left
        down = round((framing.top + framing.height) * height) - top
    else:
        return None
    x, y = framing.size / across, framing.size / down
    return np.array([[x, 0, (0.5 - left) * x - 0.5], [0, y, (0.5 - top) * y - 0.5]])


def box_around(landmarks: Landmarks, width: int, height: int, *, size: int) -> Box:
    """Return the square box around a clip's median landmarks (T, 68, 2), in px of a width × height frame.

    The side is 1.6 times the longer side of the median face's bounding box; the centre lies above that box's centre by
    a tenth of the side, since the 68 points end at the brows.
    """
    median = np.nanmedian(landmarks, axis=0).astype(np.float64)
    low, high = median.min(axis=0), median.max(axis=0)
    side = _BOX_SIDE * float((high - low).max())
    x, y = map(float, (low + high) / 2)
    y -= _BOX_RISE * side
    return Box(size, (x - side / 2) / width, (y - side / 2) / height, side / width, side / height)


def warp_to_template(landmarks: Landmarks, *, size: int) -> Warp:
    """Return the least-squares similarity from a clip's median points 27–45 to our template."""
    from skimage.transform import SimilarityTransform

    median = np.nanmedian(landmarks[:, STABLE], axis=0).astype(np.float64)
    fit = SimilarityTransform.from_estimate(median, template(size))
    (a, _, c), (b, _, d) = fit.params[:2]
    return Warp(size, float(a), float(b), float(c), float(d))


def refuse_other_aspect(gt: VideoFacts, gen: VideoFacts, *, tolerance: float) -> None:
    """Raise MediaError where scaling both frames to one square would stretch them differently."""
    stored = abs(gen.aspect / gt.aspect - 1)
    shown = abs(gen.aspect * gen.pixel_aspect / (gt.aspect * gt.pixel_aspect) - 1)
    if min(stored, shown) > tolerance:
        raise MediaError(
            f"{gen.path}: is {gen.width}×{gen.height} where {gt.path} is {gt.width}×{gt.height}: their aspect ratios "
            "differ, so scaling both to a square would distort one. Pass --crop aligned, or crop one like the other."
        )


def refuse_other_size(gt: VideoFacts, gen: VideoFacts) -> None:
    """Raise MediaError where frames that are compared as they are differ in size."""
    if (gt.width, gt.height) != (gen.width, gen.height):
        raise MediaError(
            f"{gen.path}: is {gen.width}×{gen.height} where {gt.path} is {gt.width}×{gt.height}, and this protocol "
            "compares frames as they are. Scale one like the other, or choose another --protocol."
        )


def template(size: int) -> npt.NDArray[np.float64]:
    """Return the (19, 2) template points 27–45 in px of a size × size canvas."""
    return (_TEMPLATE + 0.5) * (size / 256) - 0.5


def _resize(frame: Frame, width: int, height: int) -> Frame:
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = width <= frame.shape[1] and height <= frame.shape[0]
    resized = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.ascontiguousarray(resized.astype(np.uint8, copy=False))
