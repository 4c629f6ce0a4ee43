"""How each emotion sounds and looks, at full strength; a level scales it.

The directions follow the usual descriptions of acted emotion: voice after Banse and Scherer (1996) and Juslin and
Laukka (2003), face after the facial action units of Ekman and Friesen (1978). The sizes are ours, chosen to be plain.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from ...baselines.mead import EMOTIONS
from ..errors import TalkbenchError


@dataclass(frozen=True)
class Emotion:
    """One emotion at full strength.

    Voice: `pitch` semitones up, `pitch_range` and `rate` as shares of neutral, `energy` dB, `bright` from -1 (soft
    spectrum) to 1 (hard), `breath` and `tremble` 0 to 1, `rise` semitones that the sentence climbs to its end.
    Face: `pose` adds to the pose parameters of that name, `mouth` scales the mouth's movements, `motion` the head's.
    """

    pitch: float = 0.0
    pitch_range: float = 1.0
    rate: float = 1.0
    energy: float = 0.0
    bright: float = 0.0
    breath: float = 0.0
    tremble: float = 0.0
    rise: float = -2.0
    mouth: float = 1.0
    motion: float = 1.0
    pose: dict[str, float] = field(default_factory=dict)

    def at(self, strength: float) -> Emotion:
        """The emotion between neutral (0) and full strength (1)."""
        neutral = Emotion()
        numbers = {
            name: getattr(neutral, name) + strength * (getattr(self, name) - getattr(neutral, name))
            for name in (f.name for f in fields(Emotion) if f.name != "pose")
        }
        return Emotion(**numbers, pose={name: strength * share for name, share in self.pose.items()})


STRENGTH = {1: 0.4, 2: 0.7, 3: 1.0}
"""How strong an emotion is at each level."""

_TABLE = {
    "angry": Emotion(
        pitch=4.0, pitch_range=1.7, rate=1.15, energy=7.0, bright=1.0, rise=-3.0, mouth=1.25, motion=1.7,
        pose={
            "furrow": 1.0, "brow_left": -0.55, "brow_right": -0.55, "nose": 0.3, "eye_left": -0.12,
            "eye_right": -0.12, "press": 0.3, "corner_left": -0.4, "corner_right": -0.4, "lower_lip": 0.25,
            "pitch": 3.5, "zoom": 0.03,
        },
    ),
    "contempt": Emotion(
        pitch=-1.2, pitch_range=0.75, rate=0.88, energy=-1.0, bright=0.15, rise=-4.0, mouth=0.85, motion=0.8,
        pose={
            "corner_right": 0.9, "corner_left": -0.15, "brow_right": 0.8, "brow_left": -0.25, "eye_left": -0.24,
            "eye_right": -0.2, "pitch": -4.5, "roll": 3.5, "yaw": -3.0, "gaze_y": 0.3,
        },
    ),
    "disgusted": Emotion(
        pitch=-2.0, pitch_range=1.15, rate=0.82, energy=1.0, bright=-0.3, tremble=0.3, rise=-3.0, mouth=0.95,
        motion=0.9,
        pose={
            "nose": 1.0, "upper_lip": 0.8, "furrow": 0.6, "brow_left": -0.35, "brow_right": -0.35, "cheek": 0.8,
            "eye_left": -0.36, "eye_right": -0.36, "corner_left": -0.45, "corner_right": -0.45, "pitch": -3.0,
            "yaw": 5.0,
        },
    ),
    "fear": Emotion(
        pitch=6.0, pitch_range=1.2, rate=1.3, energy=2.0, bright=0.3, breath=0.5, tremble=1.0, rise=0.5,
        mouth=0.9, motion=1.1,
        pose={
            "brow_left": 0.7, "brow_right": 0.7, "brow_inner": 0.7, "furrow": 0.35, "eye_left": 0.42,
            "eye_right": 0.42, "width": 0.55, "corner_left": -0.35, "corner_right": -0.35, "jaw": 0.07,
            "lower_lip": 0.3, "pitch": -1.5, "zoom": -0.02,
        },
    ),
    "happy": Emotion(
        pitch=3.5, pitch_range=1.9, rate=1.08, energy=4.0, bright=0.5, rise=0.0, mouth=1.15, motion=1.5,
        pose={
            "corner_left": 1.0, "corner_right": 1.0, "cheek": 1.0, "eye_left": -0.16, "eye_right": -0.16,
            "brow_left": 0.25, "brow_right": 0.25, "width": 0.25, "upper_lip": 0.3, "pitch": -1.0, "roll": 1.5,
        },
    ),
    "neutral": Emotion(),
    "sad": Emotion(
        pitch=-3.0, pitch_range=0.5, rate=0.75, energy=-7.0, bright=-1.0, breath=0.35, tremble=0.2, rise=-1.0,
        mouth=0.7, motion=0.5,
        pose={
            "brow_inner": 1.0, "brow_left": -0.05, "brow_right": -0.05, "furrow": 0.25, "eye_left": -0.34,
            "eye_right": -0.34, "corner_left": -0.9, "corner_right": -0.9, "pitch": 5.5, "roll": -2.0, "gaze_y": 0.6,
        },
    ),
    "surprised": Emotion(
        pitch=7.0, pitch_range=2.2, rate=1.0, energy=4.0, bright=0.2, rise=4.0, mouth=1.15, motion=1.2,
        pose={
            "brow_left": 1.1, "brow_right": 1.1, "brow_inner": 0.15, "eye_left": 0.5, "eye_right": 0.5, "jaw": 0.2,
            "round": 0.1, "pitch": -3.0, "zoom": -0.02,
        },
    ),
}  # fmt: skip


def emotion_at(name: str, level: int) -> Emotion:
    """The emotion of this name at level 1, 2 or 3; neutral has level 1 only, as in MEAD."""
    if name not in _TABLE:
        raise TalkbenchError(f"unknown emotion {name!r}: expected one of {', '.join(EMOTIONS)}")
    levels = (1,) if name == "neutral" else tuple(STRENGTH)
    if level not in levels:
        raise TalkbenchError(f"emotion {name!r} has no level {level}: expected one of {', '.join(map(str, levels))}")
    return _TABLE[name].at(STRENGTH[level])
