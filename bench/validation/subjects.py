"""The clips that are distorted: the demo's, whose faces are rendered again, and real ones, whose pixels are bent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...baselines.folder import find
from ...baselines.mead import EMOTIONS
from ...metrics.contract import SOUND_RATE, Frame
from ..demo.corpus import Animation, Utterance, animate, corpus
from ..demo.face import render
from ..demo.methods import frozen_mouth_poses, neutralised_poses
from ..demo.pose import Pose
from ..demo.speakers import SPEAKERS, Speaker
from ..encode import Sound
from ..sound import read_sound
from ..video import probe, read_frames
from ..vocabulary import AS_IS, Reading
from .bending import with_less_mouth, with_other_face
from .pixels import blurred, delayed, shifted

RATE = Fraction(25)
"""Frames per second at which clips are kept: those that the protocol measures."""


@dataclass(frozen=True)
class Subject:
    """One clip: its path below the folder of real clips, and what it is made from, an utterance or a video."""

    path: Path
    utterance: Utterance | None = None
    video: Path | None = None
    reading: Reading = AS_IS

    def frames(self, count: int) -> Iterator[Frame]:
        """Yield the first `count` frames, (H, W, 3) uint8 RGB, with even sides."""
        if self.utterance is not None:
            yield from (frame for frame, _ in islice(animate(self.utterance).frames(), count))
        elif self.video is not None:
            facts = probe(self.video, rate=RATE, reading=self.reading)
            found = read_frames(self.video, source_rate=facts.rate, rate=RATE, reading=self.reading)
            for frame in islice(found, count):
                height, width = (length // 2 * 2 for length in frame.shape[:2])
                yield np.ascontiguousarray(frame[:height, :width])

    def sound(self) -> Sound | None:
        """Return the clip's sound, None where it has none."""
        if self.utterance is not None:
            return animate(self.utterance).sound
        return None if self.video is None else read_sound(self.video, rate=SOUND_RATE)


def demo_subjects(count: int) -> list[Subject]:
    """Return `count` utterances of the demo corpus, none of them neutral: those have no emotion to lose."""
    emotional = [name for name in EMOTIONS if name != "neutral"]
    return [Subject(utterance.path(), utterance=utterance) for utterance in corpus(count, emotions=emotional)]


def real_subjects(folder: Path, count: int) -> list[Subject]:
    """Return the first `count` clips below a folder, or the one video. Raises TalkbenchError where there is none."""
    subjects = []
    for found in find(folder).files[:count]:
        below = Path(found.path.name) if found.path == folder else found.path.relative_to(folder)
        name = below.name if found.path.is_dir() else below.stem
        reading = Reading(found.fps, found.panel, found.prefix)
        subjects.append(Subject(below.with_name(f"{name}.mp4"), video=found.path, reading=reading))
    return subjects


@dataclass(frozen=True)
class Kept:
    """A clip as it is measured: its file, and the landmarks (T, 68, 2) found in it, in px of its frames."""

    video: Path
    landmarks: npt.NDArray[np.float64]

    def frames(self) -> Iterator[Frame]:
        """Yield its frames."""
        return read_frames(self.video, source_rate=RATE, rate=RATE)


def take_frames(subject: Subject, kept: Kept, other: Kept | None, distortion: str, level: float) -> Iterator[Frame]:
    """Yield the frames of a take with this distortion, as many as the clip has.

    `other` is another clip, whose face a real one turns into. Raises KeyError where `not_applicable` says why.
    """
    if distortion in _ON_PIXELS:
        return _ON_PIXELS[distortion](kept.frames(), level)
    if subject.utterance is not None:
        rendered = _RENDERED[distortion](animate(subject.utterance), level / 100)
        return islice(rendered, len(kept.landmarks))
    if distortion == "mouth-amplitude":
        return with_less_mouth(kept.frames(), kept.landmarks, level)
    if distortion == "identity" and other is not None:
        return with_other_face(kept.frames(), kept.landmarks, other.frames(), other.landmarks, level)
    raise KeyError(distortion)


def not_applicable(subjects: list[Subject]) -> dict[str, str]:
    """Return why a distortion cannot be made of these clips, by its name; nothing for those that can."""
    if all(subject.utterance is not None for subject in subjects):
        return {}
    reasons = {"emotion": "a real face cannot be rendered again without its emotion"}
    if len(subjects) < 2:
        reasons["identity"] = "there is no second clip to take a face from"
    return reasons


def _less_mouth(animation: Animation, share: float) -> Iterator[Frame]:
    return _reposed(animation, frozen_mouth_poses(animation), share)


def _less_emotion(animation: Animation, share: float) -> Iterator[Frame]:
    return _reposed(animation, neutralised_poses(animation), share)


def _reposed(animation: Animation, others: list[Pose], share: float) -> Iterator[Frame]:
    poses = (_between(one, other, share) for one, other in zip(animation.poses, others, strict=True))
    return (frame for frame, _ in animation.frames(poses))


def _other_identity(animation: Animation, share: float) -> Iterator[Frame]:
    """Render the same performance by somebody between the speaker and the next one who faces the same way."""
    speaker = SPEAKERS[animation.utterance.speaker]
    names = list(SPEAKERS)
    following = names[names.index(speaker.id) + 1 :] + names
    other = next(SPEAKERS[name] for name in following if SPEAKERS[name].mirror == speaker.mirror)
    between = _speaker_between(speaker, other, share)
    return (render(between, pose, size=animation.utterance.size)[0] for pose in animation.poses)


def _between(one: Pose, other: Pose, share: float) -> Pose:
    values = {field.name: (getattr(one, field.name), getattr(other, field.name)) for field in fields(Pose)}
    return Pose(**{name: (1 - share) * a + share * b for name, (a, b) in values.items()})


def _speaker_between(one: Speaker, other: Speaker, share: float) -> Speaker:
    mixed: dict[str, Any] = {}
    for field in fields(Speaker):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, tuple):
            mixed[field.name] = tuple((1 - share) * x + share * y for x, y in zip(a, b, strict=True))
        elif isinstance(a, float):
            mixed[field.name] = (1 - share) * a + share * b
    return replace(one, **mixed)


_ON_PIXELS: Mapping[str, Callable[[Iterator[Frame], float], Iterator[Frame]]] = {
    "blur": blurred,
    "shift": shifted,
    "delay": delayed,
    "re-encode": lambda frames, level: frames,
    "landmark-noise": lambda frames, level: frames,
}
_RENDERED: Mapping[str, Callable[[Animation, float], Iterator[Frame]]] = {
    "mouth-amplitude": _less_mouth,
    "emotion": _less_emotion,
    "identity": _other_identity,
}
