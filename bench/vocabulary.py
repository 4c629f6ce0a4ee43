"""The nouns that everything else passes around: clips, takes, pairs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".flv", ".m4v"})
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})


class FaceStatus(StrEnum):
    """Why a frame has landmarks, or has none."""

    OK = "ok"
    NO_FACE = "no-face"


@dataclass(frozen=True)
class Clip:
    """One ground-truth utterance: `video` is a video file or a folder of numbered frames."""

    id: str
    video: Path
    speaker: str | None = None
    emotion: str | None = None
    level: str | None = None
    sentence: str | None = None


@dataclass(frozen=True)
class Reading:
    """How a video is read where it is not read as it is.

    `fps`: the rate of a folder of frames; for a video, the rate that holds instead of the one that its file states.
    `panel`: left, top, right and bottom, in px, of the part of the frame that counts.
    `prefix`: what the names of a folder's frames begin with, where it can hold several series.
    """

    fps: Fraction | None = None
    panel: tuple[int, int, int, int] | None = None
    prefix: str | None = None


AS_IS = Reading()


@dataclass(frozen=True)
class Take:
    """One method's rendition of a clip: frames, predicted landmarks, or both.

    `first_frame`: the clip's frame, counted at the take's rate, that the take's first frame renders.
    `has_head_motion`: the method makes up the motion of the head, so that no pixel can be expected to fit.
    """

    method: str
    clip_id: str
    video: Path | None
    reading: Reading = AS_IS
    first_frame: int = 0
    landmarks: Path | None = None
    scheme: str | None = None
    has_head_motion: bool = False


@dataclass(frozen=True)
class Pair:
    """A clip and one method's take of it."""

    clip: Clip
    take: Take
