"""What a video says of itself, and how large a frame may be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from .errors import MediaError

MAX_PIXELS = 2**25
"""Pixels of the largest frame that is decoded, 8K's: what is larger is no talking head, and could fill the memory."""
MAX_FRAMES = 2**20
"""Frames of the longest clip, eleven hours at 25 a second: what states more is damaged, and could fill the memory."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video says of itself. Sizes are as shown (after rotation); `frames` counts the source's own frames."""

    path: Path
    kind: Literal["video", "frames"]
    width: int
    height: int
    frames: int
    rate: Fraction
    duration: Fraction
    codec: str
    pixel_format: str
    colour: str
    rotation: int = 0
    pixel_aspect: Fraction = Fraction(1)
    has_audio: bool = False
    has_alpha: bool = False
    streams: int = 1

    def frames_at(self, rate: Fraction | None) -> int:
        """Count the frames that `read_frames` yields at this rate; the source frames where it is None."""
        return self.frames if rate is None else grid_length(self.duration, rate)

    @property
    def aspect(self) -> Fraction:
        """Width over height of the stored pixels."""
        return Fraction(self.width, self.height)


def grid_length(duration: Fraction, rate: Fraction) -> int:
    """Round duration × rate to a number of frames, halves up.

    >>> grid_length(Fraction(112, 30), Fraction(25))
    93
    """
    return int(duration * rate + Fraction(1, 2))


def too_large(path: Path, width: int, height: int) -> MediaError:
    """Return the error for a frame that has too many pixels to be decoded."""
    return MediaError(
        f"{path}: its frames are {width}×{height}, which is more than {MAX_PIXELS:,} pixels. Scale it down, or leave "
        "it out if its header is damaged."
    )


def too_long(path: Path) -> MediaError:
    """Return the error for a clip of more frames, or more time, than any."""
    return MediaError(
        f"{path}: has more than {MAX_FRAMES:,} frames, or times that are as far apart. Cut it into clips, or leave it "
        "out if it is damaged."
    )
