"""One video for a browser that shows a clip and its takes side by side, frame for frame as they were compared.

Every picture of a clip lies in the same file, so that no player can let them drift apart. The file is H.264 in 4:2:0
with AAC, at the rate of the comparison: frame k lasts from k / rate to (k + 1) / rate. Whatever the originals are
(MPEG-4 part 2, FFV1, 4:4:4, HEVC, FLV, folders of frames), a browser plays this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from ..metrics.contract import Frame
from .encode import VideoWriter
from .originals import Original
from .sound import read_sound
from .video import read_frames

LONGEST = 360
"""Longer side of a picture, in px; smaller ones keep their size."""
RECIPE = "1"
"""Any change to what this module writes bumps it."""
_CRF = 20
_KEYFRAMES = 12
_BLOCK = 16
"""Pictures start on a macroblock, so that none bleeds into its neighbour."""


@dataclass(frozen=True)
class Picture:
    """One side: its video, and the index of the frame shown at each frame of the clip, never falling."""

    original: Original
    shown: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """Where a picture lies in the common frame, in px."""

    left: int
    top: int
    width: int
    height: int


def fitted(width: int, height: int) -> tuple[int, int]:
    """Return the even size at which a picture is shown: its aspect kept, its longer side at most LONGEST.

    >>> fitted(720, 576)
    (360, 288)
    >>> fitted(255, 255)
    (256, 256)
    """
    scale = min(1.0, LONGEST / max(width, height))
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def lay_out(sizes: Sequence[tuple[int, int]]) -> list[Place]:
    """Lay pictures of these (width, height) out on a grid that is about as wide as it is high."""
    columns = math.ceil(math.sqrt(len(sizes)))
    wide, high = (math.ceil(max(side) / _BLOCK) * _BLOCK for side in zip(*sizes, strict=True))
    return [
        Place(index % columns * wide, index // columns * high, width, height)
        for index, (width, height) in enumerate(sizes)
    ]


def write_side_by_side(
    file: Path,
    pictures: Sequence[Picture],
    places: Sequence[Place],
    *,
    rate: Fraction | None,
    fps: Fraction,
    folder_rate: Fraction,
    sound: Path | None,
) -> None:
    """Write the file, whole or not at all.

    Frames are taken at `rate` (None: every one as it comes; `folder_rate` is that of folders of frames) and play at
    `fps`. `sound` is the video whose sound is kept. Raises MediaError for a video that cannot be decoded.
    """
    columns = max(place.left + place.width for place in places)
    rows = max(place.top + place.height for place in places)
    streams = [_frames(picture, rate, folder_rate) for picture in pictures]
    audio = None if sound is None else read_sound(sound)
    with VideoWriter(file, (columns, rows), fps=fps, audio=audio, crf=_CRF, keyframes=_KEYFRAMES) as writer:
        for frames in zip(*streams, strict=True):
            canvas = np.zeros((rows, columns, 3), np.uint8)
            for frame, at in zip(frames, places, strict=True):
                resized = cv2.resize(frame, (at.width, at.height), interpolation=cv2.INTER_AREA)
                canvas[at.top : at.top + at.height, at.left : at.left + at.width] = resized
            writer.add(canvas)


def _frames(picture: Picture, rate: Fraction | None, folder_rate: Fraction) -> Iterator[Frame]:
    """Yield the frame shown at each frame of the clip; past the end of the video its last one stays."""
    original = picture.original
    read = read_frames(original.path, source_rate=folder_rate, rate=rate, reading=original.reading)
    frame, at = next(read), 0
    for wanted in picture.shown:
        while at < wanted:
            frame, at = next(read, frame), at + 1
        yield frame
