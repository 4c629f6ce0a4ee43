"""The demo's speakers: one photograph, warped, retinted and mirrored into people who can be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import TalkbenchError
from .portrait import Points
from .pose import LEFT_RIGHT, resting_landmarks

RGB = tuple[float, float, float]
_MIDLINE, _EYE_LINE = 128.2, 124.0


@dataclass(frozen=True)
class Speaker:
    """A face and a voice. Shares are 1 for the photograph, shifts face pixels, colours RGB, 0 to 255 or gains.

    `pitch_hz` is the neutral mean of the voice; `tract` scales its formants (larger is a shorter vocal tract).
    """

    id: str
    pitch_hz: float
    tract: float
    mirror: bool = False
    face_width: float = 1.0
    jaw_width: float = 1.0
    chin_drop: float = 0.0
    eye_size: float = 1.0
    eye_gap: float = 0.0
    brow_drop: float = 0.0
    nose_width: float = 1.0
    nose_drop: float = 0.0
    mouth_width: float = 1.0
    lip_size: float = 1.0
    hair_size: float = 1.0
    skin: RGB = (1.0, 1.0, 1.0)
    hair: RGB = (1.0, 1.0, 1.0)
    clothes: RGB = (1.0, 1.0, 1.0)
    backdrop: RGB = (196.0, 190.0, 192.0)
    iris: RGB = (84.0, 62.0, 44.0)
    brow_ink: float = 0.35
    brow_width: float = 2.2
    beard: float = 0.0
    lip_ink: float = 0.15

    @property
    def light(self) -> float:
        """How bright eyeballs and teeth are in the light that gives this skin, 0 to 1."""
        return 0.62 + 0.38 * min(1.0, sum(self.skin) / 3)


SPEAKERS: dict[str, Speaker] = {
    speaker.id: speaker
    for speaker in (
        Speaker(
            "M003", 112.0, 1.0, face_width=1.03, jaw_width=1.1, chin_drop=3.0, eye_size=0.94, brow_drop=1.6,
            nose_width=1.12, lip_size=0.86, mouth_width=1.06, hair_size=0.9, skin=(0.93, 0.87, 0.82),
            hair=(0.42, 0.38, 0.36), clothes=(0.55, 0.62, 0.9), backdrop=(150.0, 168.0, 178.0),
            iris=(70.0, 50.0, 36.0), brow_ink=0.62, brow_width=3.4, beard=0.2, lip_ink=0.1,
        ),
        Speaker(
            "M009", 98.0, 0.97, mirror=True, face_width=0.97, jaw_width=1.05, chin_drop=5.0, eye_size=0.98,
            eye_gap=1.0, brow_drop=1.0, nose_width=1.06, nose_drop=2.0, lip_size=0.92, hair_size=0.88,
            skin=(1.0, 0.93, 0.88), hair=(0.95, 0.72, 0.5), clothes=(0.5, 0.75, 0.55), backdrop=(176.0, 184.0, 160.0),
            iris=(92.0, 118.0, 128.0), brow_ink=0.55, brow_width=3.2, beard=0.14, lip_ink=0.08,
        ),
        Speaker(
            "M030", 126.0, 1.03, face_width=1.05, jaw_width=1.04, chin_drop=-1.0, eye_size=1.04, brow_drop=0.6,
            nose_width=1.2, lip_size=1.16, mouth_width=1.08, hair_size=0.9, skin=(0.66, 0.53, 0.44),
            hair=(0.26, 0.23, 0.22), clothes=(0.9, 0.8, 0.4), backdrop=(188.0, 176.0, 150.0), iris=(46.0, 32.0, 24.0),
            brow_ink=0.65, brow_width=3.3, beard=0.12, lip_ink=0.12,
        ),
        Speaker("W009", 205.0, 1.14, eye_size=1.05, lip_ink=0.25),
        Speaker(
            "W011", 190.0, 1.1, mirror=True, face_width=1.05, jaw_width=0.98, chin_drop=-2.5, eye_size=1.08,
            eye_gap=-1.0, brow_drop=-0.6, nose_width=1.04, lip_size=1.1, skin=(0.82, 0.7, 0.6),
            hair=(0.36, 0.3, 0.28), clothes=(0.7, 0.35, 0.6), backdrop=(204.0, 186.0, 176.0), iris=(58.0, 40.0, 28.0),
            brow_ink=0.7, brow_width=2.8, lip_ink=0.3,
        ),
        Speaker(
            "W015", 228.0, 1.18, face_width=0.96, jaw_width=0.94, chin_drop=1.5, eye_size=1.12, eye_gap=0.8,
            brow_drop=-1.2, nose_width=0.94, nose_drop=-1.5, mouth_width=0.94, lip_size=1.08, hair_size=1.03,
            skin=(1.03, 0.97, 0.96), hair=(1.16, 1.06, 0.88), clothes=(0.45, 0.6, 0.75),
            backdrop=(160.0, 176.0, 200.0), iris=(96.0, 132.0, 160.0), brow_ink=0.42, brow_width=2.4, lip_ink=0.35,
        ),
        Speaker(
            "W029", 176.0, 1.08, mirror=True, face_width=0.98, jaw_width=1.03, chin_drop=2.0, eye_size=0.96,
            brow_drop=0.4, nose_width=1.02, nose_drop=1.0, mouth_width=1.04, lip_size=0.94, hair_size=0.97,
            skin=(0.97, 0.92, 0.9), hair=(0.92, 0.95, 1.02), clothes=(0.35, 0.4, 0.42),
            backdrop=(182.0, 182.0, 186.0), iris=(104.0, 118.0, 104.0), brow_ink=0.45, brow_width=2.6, lip_ink=0.18,
        ),
        Speaker(
            "W037", 214.0, 1.15, face_width=1.02, jaw_width=0.96, chin_drop=-1.0, eye_size=1.0, eye_gap=0.4,
            nose_width=1.1, lip_size=1.2, mouth_width=1.02, skin=(0.6, 0.47, 0.4), hair=(0.22, 0.2, 0.2),
            clothes=(0.8, 0.5, 0.3), backdrop=(170.0, 160.0, 176.0), iris=(40.0, 28.0, 22.0), brow_ink=0.75,
            brow_width=3.0, lip_ink=0.3,
        ),
    )
}  # fmt: skip
"""The speakers by id; ids are written as MEAD writes them (M and W for the voice, then a number)."""


def speaker_named(name: str) -> Speaker:
    """Look a speaker up by id."""
    if name not in SPEAKERS:
        raise TalkbenchError(f"unknown demo speaker {name!r}: expected one of {', '.join(SPEAKERS)}")
    return SPEAKERS[name]


def _scaled(points: Points, about: Points, x: float, y: float) -> Points:
    return np.asarray(about + (points - about) * np.array([x, y]), dtype=np.float64)


def _soft_step(values: Points, low: float, high: float) -> Points:
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def speaker_landmarks(speaker: Speaker) -> Points:
    """The speaker's 68 landmarks at rest, face pixels, before mirroring."""
    points = resting_landmarks().copy()
    below = _soft_step(points[:17, 1], 135.0, 215.0)
    width = speaker.face_width * (1 + (speaker.jaw_width - 1) * np.sin(np.pi * np.clip(below, 0, 1)) * 1.2)
    points[:17, 0] = _MIDLINE + (points[:17, 0] - _MIDLINE) * width
    points[:17, 1] += speaker.chin_drop * below
    for eye, side in ((slice(36, 42), -1), (slice(42, 48), 1)):
        points[eye] = _scaled(points[eye], points[eye].mean(axis=0), speaker.eye_size, speaker.eye_size)
        points[eye, 0] += side * speaker.eye_gap
    points[17:27, 0] = _MIDLINE + (points[17:27, 0] - _MIDLINE) * speaker.face_width
    points[17:27, 1] += speaker.brow_drop
    points[31:36] = _scaled(points[31:36], points[33], speaker.nose_width, 1.0)
    points[28:36, 1] += speaker.nose_drop * _soft_step(points[28:36, 1], 124.0, 160.0)
    mouth = points[48:68]
    line = points[[60, 64]].mean(axis=0)
    mouth[:, 1] = line[1] + (mouth[:, 1] - line[1]) * speaker.lip_size
    mouth[:, 0] = _MIDLINE + (mouth[:, 0] - _MIDLINE) * speaker.mouth_width
    mouth[:, 1] += 0.5 * speaker.nose_drop + 0.3 * speaker.chin_drop
    return points


def mirrored_landmarks(points: Points, width: float) -> Points:
    """Landmarks (68, 2) of the mirrored picture of this width, in iBUG order."""
    turned = points[list(LEFT_RIGHT)].copy()
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned
