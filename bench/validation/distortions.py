"""The distortions: what each one changes, by how much at each level, and how a real take is given it.

Every distortion leaves all else alone. Sizes in px are those of a frame of 256 px, and grow with the frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...metrics.contract import Frame

FLOOR = "re-encode-18"
"""The method that sets every metric's noise floor: the clip, encoded once more at a quality that nobody can tell."""
FLOOR_CRF = 18
_SIZE = 256


@dataclass(frozen=True)
class Distortion:
    """One kind of damage. `levels` rise from slight to strong, in `unit`; level 0 is the clip itself.

    `harmless` marks one that a viewer would not call damage at all.
    """

    name: str
    what: str
    unit: str
    levels: tuple[float, ...]
    harmless: bool = False

    def method(self, level: float) -> str:
        """Return the name of the method that is this distortion at this level."""
        return f"{self.name}-{level:g}"


DISTORTIONS: dict[str, Distortion] = {
    one.name: one
    for one in (
        Distortion("blur", "Gaussian blur of the frame", "σ, px", (0.5, 1, 2, 4)),
        Distortion("re-encode", "H.264 at a lower quality", "crf", (24, 30, 36, 42)),
        Distortion("shift", "the whole frame moved sideways", "px", (0.5, 1, 2, 4), harmless=True),
        Distortion("delay", "the picture late at the sound, its first frame held", "frames", (1, 2, 3, 5)),
        Distortion("landmark-noise", "Gaussian noise on every landmark found in the take", "σ, px", (0.5, 1, 2, 4)),
        Distortion("mouth-amplitude", "the mouth moves less, down to not at all", "% less", (25, 50, 75, 100)),
        Distortion("emotion", "the emotion leaves the face, the words stay", "% less", (25, 50, 75, 100)),
        Distortion("identity", "the face turns into somebody else's", "% other", (25, 50, 75, 100)),
    )
}
"""All distortions by name, in the order in which tables show them."""


def blurred(frames: Iterator[Frame], level: float) -> Iterator[Frame]:
    """Blur every frame by a Gaussian of sigma `level`."""
    for frame in frames:
        yield np.ascontiguousarray(cv2.GaussianBlur(frame, (0, 0), level * _scale(frame)), dtype=np.uint8)


def shifted(frames: Iterator[Frame], level: float) -> Iterator[Frame]:
    """Move every frame by `level` px to the right, its left edge repeated: a crop that began elsewhere."""
    for frame in frames:
        matrix = np.array([[1, 0, level * _scale(frame)], [0, 1, 0]], np.float64)
        moved = cv2.warpAffine(
            frame, matrix, (frame.shape[1], frame.shape[0]), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        yield np.ascontiguousarray(moved, dtype=np.uint8)


def delayed(frames: Iterator[Frame], level: float) -> Iterator[Frame]:
    """Show every frame `level` frames late; the first one stands until then, and the last ones are lost."""
    waiting: deque[Frame] = deque()
    for frame in frames:
        if not waiting:
            waiting.extend([frame] * round(level))
        waiting.append(frame)
        yield waiting.popleft()


def with_noise(landmarks: npt.NDArray[np.float32], level: float, *, seed: int) -> npt.NDArray[np.float32]:
    """Return landmarks (T, 68, 2) with noise of standard deviation `level` px; the same draws at every level."""
    draws = np.random.default_rng(seed).standard_normal(landmarks.shape)
    return (landmarks + level * draws).astype(np.float32)


def _scale(frame: Frame) -> float:
    return max(frame.shape[:2]) / _SIZE
