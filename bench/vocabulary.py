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
class Take:
    """One method's rendition of a clip; `fps` is stated for a folder of frames, which cannot say it itself."""

    method: str
    clip_id: str
    video: Path
    fps: Fraction | None = None


@dataclass(frozen=True)
class Pair:
    """A clip and one method's take of it."""

    clip: Clip
    take: Take
