"""What a metric is tried on when its contract is checked: two and a half seconds of a speaking face, and damaged takes.

The face is the demo's, 256 px at 25 frames per second, silent and at rest for the first half second; its landmarks are
the true ones. Damage reaches the pixels, the landmarks, or both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from ..metrics.contract import SOUND_RATE, ClipValue, Embedder, Facts, Frame, Metric

RATE = 25
_REST, _SPEECH = 13, 50
_WHO, _SOMEBODY_ELSE = "W009", "M003"
_MOUTH = slice(48, 68)
Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Take:
    """Frames (T, H, W, 3) uint8, landmarks (T, 68, 2) float32 px, NaN without a face, and the sound heard meanwhile."""

    frames: npt.NDArray[np.uint8]
    points: Points
    sound: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, part: slice) -> Take:
        return replace(self, frames=self.frames[part], points=self.points[part])

    def muted(self) -> Take:
        """Return the same without sound."""
        return replace(self, sound=None)

    def copy(self) -> Take:
        """Return a copy that may be written into."""
        return replace(self, frames=self.frames.copy(), points=self.points.copy())


@dataclass(frozen=True)
class FrameValues:
    """A clip's value, and the frames' values (T,) that it was made from."""

    value: float
    frames: npt.NDArray[np.float64]


Value = FrameValues | ClipValue


@dataclass(frozen=True)
class Trial:
    """A metric, and the real take that it is tried on."""

    metric: Metric
    real: Take

    @classmethod
    def of(cls, metric: Metric) -> Trial:
        """Try a metric on the demo's face."""
        return cls(metric, _spoken(_WHO))

    @property
    def damages(self) -> tuple[str, ...]:
        """Names of what can be done to a take."""
        return tuple(_DAMAGES)

    def worse(self, damage: str) -> Take:
        """Return the real take with this damage."""
        return _damaged(damage)

    def without_faces(self, frames: slice) -> Take:
        """Return a noisy take in which these frames have no face."""
        return _faceless(self.worse("noise"), frames)

    def real_without_faces(self) -> Take:
        """Return the real take without a face in any frame."""
        return _faceless(self.real, slice(None))

    def measure(self, real: Take, take: Take) -> Value:
        """Measure as the engine does; the metric gets copies of all it is given."""
        return _measure(self.metric, real.copy(), take.copy())

    def writes(self, take: Take) -> bool:
        """Tell whether measuring changes what is measured."""
        real, one = self.real.copy(), take.copy()
        _measure(self.metric, real, one)
        return not all(
            np.array_equal(after.frames, before.frames) and np.array_equal(after.points, before.points, equal_nan=True)
            for after, before in ((real, self.real), (one, take))
        )


def same(one: Value, other: Value) -> bool:
    """Tell whether two values are the same to the last bit."""
    if math.isnan(one.value) and math.isnan(other.value):
        return True
    if isinstance(one, FrameValues) and isinstance(other, FrameValues):
        return one.value == other.value and np.array_equal(one.frames, other.frames, equal_nan=True)
    return one.value == other.value


def _measure(metric: Metric, real: Take, take: Take) -> Value:
    sides = (real, take) if metric.sides == "both" else (take,)
    if metric.per_clip is not None:
        return metric.per_clip(*(_facts(metric, side) for side in sides))
    assert metric.per_frame is not None  # noqa: S101 - a metric that is not on facts has one
    assert metric.clip is not None  # noqa: S101
    if metric.needs == "landmarks":
        values = np.asarray(metric.per_frame(*(side.points for side in sides)), np.float64)
    else:
        values = np.array([metric.per_frame(*given) if given else math.nan for given in _given(metric, sides)], float)
    present = values[~np.isnan(values)]
    return FrameValues(float(metric.clip(present)) if present.size else math.nan, values)


def _given(metric: Metric, sides: tuple[Take, ...]) -> Iterator[tuple[npt.NDArray[np.generic], ...]]:
    """Yield what a metric is given for each frame; nothing for the first where it needs the one before."""
    for t in range(len(sides[0])):
        frames = [side.frames[t] for side in sides]
        if metric.needs == "steps":
            yield (*(side.frames[t - 1] for side in sides), *frames) if t else ()
        else:
            yield (*frames, *([side.points[t] for side in sides] if metric.needs == "faces" else []))


def _facts(metric: Metric, side: Take) -> Facts:
    embeddings = None
    if metric.embed is not None:
        embedder: Embedder = metric.embed()
        embeddings = np.stack([embedder.add(*pair) for pair in zip(side.frames, side.points, strict=True)])
    return Facts(side.points, float(RATE), side.frames.shape[1:3], side.sound, "happy", embeddings)


@cache
def _spoken(speaker: str) -> Take:
    """Let one of the demo's speakers say the trial sentence; the others say it in the very same way."""
    from .demo.corpus import Utterance, animate
    from .demo.face import render

    animation = animate(Utterance(_WHO, "happy", 2, 5, syllables=14))
    poses = [animation.poses[0]] * _REST + list(animation.poses[:_SPEECH])
    frames, points = zip(*(render(speaker, pose) for pose in poses), strict=True)
    sound = np.concatenate([np.zeros(_REST * SOUND_RATE // RATE, np.float32), animation.audio.astype(np.float32)])
    return Take(np.stack(frames), np.stack(points).astype(np.float32), sound[: len(frames) * SOUND_RATE // RATE])


def _faceless(take: Take, frames: slice) -> Take:
    faceless = take.copy()
    faceless.points[frames] = np.nan
    return faceless


@cache
def _damaged(damage: str) -> Take:
    return _DAMAGES[damage](_spoken(_WHO))


def _noisy(take: Take) -> Take:
    rng = np.random.default_rng(0)
    frames = np.clip(np.rint(take.frames + rng.normal(0, 8, take.frames.shape)), 0, 255).astype(np.uint8)
    return replace(take, frames=frames, points=take.points + rng.normal(0, 1.5, take.points.shape).astype(np.float32))


def _each(change: Callable[[Frame], npt.NDArray[np.generic]], take: Take) -> npt.NDArray[np.uint8]:
    return np.stack([np.ascontiguousarray(change(frame), np.uint8) for frame in take.frames])


def _blurred(take: Take) -> Take:
    import cv2

    return replace(take, frames=_each(partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=2.0), take))


def _shifted(take: Take) -> Take:
    frames = _each(partial(np.roll, shift=4, axis=1), take)
    return replace(take, frames=frames, points=take.points + np.array([4, 0], np.float32))


def _late(take: Take) -> Take:
    at = np.maximum(np.arange(len(take)) - 3, 0)
    return replace(take, frames=take.frames[at], points=take.points[at])


def _still_mouth(take: Take) -> Take:
    points = take.points.copy()
    points[:, _MOUTH] = points[:, _MOUTH].mean(axis=0)
    return replace(take, points=points)


def _another_blink(take: Take) -> Take:
    points = take.points.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[2:12, upper] = points[2:12, lower]
    return replace(take, points=points)


_DAMAGES: Mapping[str, Callable[[Take], Take]] = {
    "noise": _noisy,
    "blur": _blurred,
    "shift": _shifted,
    "delay": _late,
    "still mouth": _still_mouth,
    "another blink": _another_blink,
    "somebody else": lambda take: _spoken(_SOMEBODY_ELSE),
}
