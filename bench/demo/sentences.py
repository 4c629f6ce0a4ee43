"""What is said: phones with their sound and mouth shape, and made-up sentences of them.

Formants are textbook means of an adult male (Peterson and Barney 1952, rounded); a speaker's `tract` scales them.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

NAN = float("nan")


def rng_for(*names: object) -> np.random.Generator:
    """A generator of random numbers that depends on the names alone, in every process and on every machine."""
    return np.random.default_rng(crc32("/".join(map(str, names)).encode()))


@dataclass(frozen=True)
class Phone:
    """One speech sound. NaN leaves a value to the neighbours (coarticulation).

    `seconds` at neutral rate; `formants` Hz; `voice`, `hiss` amplitudes; `hiss_hz` centre of the noise; `burst` closes
    the tract and releases it with a click of noise. Mouth: as in `Pose`; `shut` presses the lips together.
    """

    seconds: float
    formants: tuple[float, float, float] = (NAN, NAN, NAN)
    voice: float = 0.0
    hiss: float = 0.0
    hiss_hz: float = 3000.0
    burst: bool = False
    jaw: float = NAN
    width: float = NAN
    round: float = NAN
    tongue: float = NAN
    lower_lip: float = 0.0
    shut: bool = False


PHONES: dict[str, Phone] = {
    "a": Phone(0.15, (760, 1250, 2500), 1.0, jaw=0.78, width=0.1, round=0.0, tongue=0.0),
    "e": Phone(0.14, (490, 1850, 2550), 0.95, jaw=0.42, width=0.55, round=0.0, tongue=0.25),
    "i": Phone(0.13, (290, 2250, 2950), 0.85, jaw=0.2, width=0.85, round=0.0, tongue=0.5),
    "o": Phone(0.15, (500, 880, 2450), 0.95, jaw=0.45, width=-0.2, round=0.65, tongue=0.0),
    "u": Phone(0.13, (320, 780, 2300), 0.85, jaw=0.22, width=-0.3, round=1.0, tongue=0.1),
    "p": Phone(0.09, (300, 900, 2200), 0.0, 0.5, 900.0, burst=True, jaw=0.05, tongue=0.0, shut=True),
    "b": Phone(0.08, (280, 900, 2200), 0.18, 0.3, 900.0, burst=True, jaw=0.05, tongue=0.0, shut=True),
    "m": Phone(0.08, (270, 1100, 2200), 0.45, jaw=0.05, tongue=0.0, shut=True),
    "t": Phone(0.08, (350, 1750, 2700), 0.0, 0.6, 3900.0, burst=True, jaw=0.12, tongue=0.9),
    "d": Phone(0.07, (300, 1750, 2700), 0.18, 0.35, 3900.0, burst=True, jaw=0.14, tongue=0.9),
    "n": Phone(0.07, (280, 1600, 2600), 0.45, jaw=0.14, tongue=0.9),
    "k": Phone(0.09, (350, 1900, 2400), 0.0, 0.55, 1900.0, burst=True, jaw=0.2),
    "g": Phone(0.08, (300, 1900, 2400), 0.18, 0.3, 1900.0, burst=True, jaw=0.2),
    "s": Phone(0.1, (350, 1700, 2700), 0.0, 0.55, 5600.0, jaw=0.06, width=0.4, tongue=0.5),
    "z": Phone(0.09, (320, 1700, 2700), 0.3, 0.35, 5600.0, jaw=0.06, width=0.4, tongue=0.5),
    "S": Phone(0.1, (350, 1900, 2600), 0.0, 0.6, 3100.0, jaw=0.1, width=-0.2, round=0.6, tongue=0.4),
    "f": Phone(0.09, (350, 1100, 2300), 0.0, 0.25, 6500.0, jaw=0.1, lower_lip=-0.9),
    "v": Phone(0.07, (300, 1100, 2300), 0.35, 0.15, 6500.0, jaw=0.1, lower_lip=-0.9),
    "l": Phone(0.06, (360, 1250, 2750), 0.6, jaw=0.3, tongue=1.0),
    "r": Phone(0.06, (400, 1250, 1700), 0.6, jaw=0.2, width=-0.1, round=0.35, tongue=0.4),
    "w": Phone(0.06, (310, 720, 2200), 0.6, jaw=0.12, width=-0.3, round=1.0, tongue=0.0),
    "-": Phone(0.12, jaw=0.03, width=0.0, round=0.0, tongue=0.0),
}  # fmt: skip
"""The phones by their letter; "-" is silence."""

_VOWELS, _ONSETS, _CODAS = "aeiou", "pbmtdnkgszSfvlrw", "nmslrtk"


@dataclass(frozen=True)
class Spoken:
    """One phone of a sentence: which, how much longer than usual, and how stressed its syllable is (0 to 1)."""

    phone: str
    stretch: float = 1.0
    stress: float = 0.0


def sentence_phones(sentence: int, *, syllables: int | None = None) -> list[Spoken]:
    """The phones of sentence number `sentence`; the same whoever says it and however it is said.

    `syllables` sets its length (four or five are about a second); by default 5 to 8, as the number has it.
    """
    rng = rng_for("sentence", sentence)
    count = int(rng.integers(5, 9)) if syllables is None else syllables
    spoken, left = [Spoken("-", 1.4)], count
    while left > 0:
        word = min(left, int(rng.integers(1, 4)))
        stressed = int(rng.integers(word))
        for place in range(word):
            stress = 1.0 if place == stressed else 0.2
            left -= 1
            final = 1.35 if left == 0 else 1.0
            spoken.append(Spoken(str(rng.choice(list(_ONSETS))), 1.0, stress))
            spoken.append(Spoken(str(rng.choice(list(_VOWELS))), final * (0.9 + 0.35 * stress), stress))
            if rng.random() < 0.25:
                spoken.append(Spoken(str(rng.choice(list(_CODAS))), final * 0.9, stress))
        if left > 2 and rng.random() < 0.2:
            spoken.append(Spoken("-", 1.0))
    return [*spoken, Spoken("-", 2.0)]
