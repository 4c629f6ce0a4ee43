"""From words and an emotion to a face in motion: one pose per frame, with blinks, glances and nods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np

from .emotions import Emotion, emotion_at
from .pose import Pose
from .sentences import rng_for
from .speech import Articulation, Track

MOUTH_PARAMETERS = ("jaw", "width", "round", "press", "upper_lip", "lower_lip", "corner_left", "corner_right", "tongue")
"""The pose parameters that belong to the mouth."""

_LIMITS = {
    "jaw": (0.0, 1.0), "width": (-1.0, 1.2), "round": (0.0, 1.1), "press": (0.0, 1.0), "tongue": (0.0, 1.0),
    "eye_left": (0.0, 1.6), "eye_right": (0.0, 1.6),
}  # fmt: skip


def _drift(times: Track, rng: np.random.Generator) -> Track:
    """Slow wandering about 0 with unit size: three sines between 0.15 and 1.1 Hz."""
    rates, phases = rng.uniform([0.15, 0.3, 0.6], [0.3, 0.6, 1.1]), rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * rates[:, None] * times + phases[:, None])
    return np.asarray(np.array([0.7, 0.6, 0.35]) @ waves, dtype=np.float64)


def _blinks(times: Track, rng: np.random.Generator) -> Track:
    """How far the lids are closed by blinks, 0 to 1: one about every two seconds, 0.08 s down, 0.16 s up."""
    closed, moment = np.zeros_like(times), float(rng.uniform(0.3, 1.6))
    while moment < times[-1]:
        past = times - moment
        closed = np.maximum(closed, np.clip(np.minimum((past + 0.1) / 0.08, (0.2 - past) / 0.16), 0, 1))
        moment += float(rng.uniform(1.0, 3.4))
    return closed


def _glances(times: Track, rng: np.random.Generator) -> Track:
    """Gaze that rests for half a second to one and a half, then jumps a little."""
    edges = np.cumsum(rng.uniform(0.5, 1.5, int(times[-1] * 2) + 2))
    spots = rng.normal(0, 0.22, len(edges) + 1)
    return np.asarray(spots[np.searchsorted(edges, times)], dtype=np.float64)


def _tracks(words: Articulation, manner: Emotion, times: Track, rng: np.random.Generator) -> dict[str, Track]:
    """Every pose parameter over time (T,), before limits."""
    zero = np.zeros_like(times)
    mood = 0.92 + 0.08 * _drift(times, rng)
    blink, gaze_x, gaze_y = _blinks(times, rng), _glances(times, rng), 0.5 * _glances(times, rng)
    yaw, pitch, roll, shift = (_drift(times, rng) for _ in range(4))
    shiver = manner.tremble * 0.25 * np.sin(2 * np.pi * 6.5 * times + rng.uniform(0, 6))
    apart = 1 - np.clip(words.press / 0.6, 0, 1)  # lips that must touch do so whatever the mood
    tracks = {field.name: zero + mood * manner.pose.get(field.name, 0.0) for field in fields(Pose)}
    for name in ("jaw", "upper_lip", "lower_lip"):
        tracks[name] = tracks[name] * apart
    tracks["press"] = tracks["press"] * np.clip(1 - 4 * words.jaw, 0, 1)
    for name in ("jaw", "width", "round", "press", "tongue", "lower_lip"):
        tracks[name] = tracks[name] + getattr(words, name)
    for side in ("left", "right"):
        tracks[f"brow_{side}"] += 0.12 * manner.motion * words.stress
        tracks[f"eye_{side}"] = (1 + tracks[f"eye_{side}"]) * (1 - blink)
    tracks["yaw"] += 2.2 * manner.motion * yaw + shiver
    tracks["pitch"] += manner.motion * (1.2 * pitch + 1.8 * (words.stress - 0.4))
    tracks["roll"] += 1.3 * manner.motion * roll + shiver
    tracks["shift_x"] += 1.0 * manner.motion * shift
    tracks["gaze_x"] += gaze_x - 0.06 * tracks["yaw"]
    tracks["gaze_y"] += gaze_y - 0.04 * tracks["pitch"]
    return tracks


def perform(
    words: Articulation,
    speaker_id: str,
    emotion: str,
    level: int,
    sentence: int,
    *,
    fps: Fraction | int = 25,
    acted: bool = True,
) -> list[Pose]:
    """One pose per frame for these words.

    With `acted=False` the face stays neutral: the same mouth movements, blinks and wanderings, without the emotion.
    """
    times = (np.arange(len(words), dtype=np.float64) + 0.5) / float(fps)
    manner = emotion_at(emotion, level) if acted else emotion_at("neutral", 1)
    tracks = _tracks(words, manner, times, rng_for("face", speaker_id, emotion, level, sentence))
    for name, (low, high) in _LIMITS.items():
        tracks[name] = np.clip(tracks[name], low, high)
    return [Pose(**{name: float(track[k]) for name, track in tracks.items()}) for k in range(len(words))]


def without_mouth(poses: Sequence[Pose]) -> list[Pose]:
    """The same poses with the mouth at rest, closed."""
    return [replace(pose, **dict.fromkeys(MOUTH_PARAMETERS, 0.0)) for pose in poses]
