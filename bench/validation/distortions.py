"""The distortions: what each one changes, and by how much at each level. Each leaves all else alone.

Sizes in px are those of a frame of 256 px, and grow with the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOOR = "re-encode-18"
"""The method that sets every metric's noise floor: the clip, encoded once more at a quality that nobody can tell."""
FLOOR_CRF = 18


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
