"""How often MSEF's classifier hears the right emotion, on clips it was not trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..baselines.mead import EMOTIONS
from ..bench.errors import TalkbenchError

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """`counts` (8, 8): rows are the true emotions, columns those heard, both in MEAD's order; of clips or of frames."""

    counts: Counts
    of: Literal["clips", "frames"]

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None where nothing was heard. One of eight is right by chance."""
        total = int(self.counts.sum())
        return float(np.trace(self.counts)) / total if total else None


def heard(take: Path) -> npt.NDArray[np.float64]:
    """Return the emotions' probabilities (T, 8) that lie beside a take. Raises TalkbenchError where they do not."""
    file = take.with_suffix(".emotions.json")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        values = np.array(found["probabilities"], dtype=np.float64)
        if found["emotions"] != list(EMOTIONS) or values.ndim != 2 or values.shape[1] != len(EMOTIONS):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TalkbenchError(
            f"{file}: expected probabilities of MEAD's eight emotions. Make the take again."
        ) from error
    return values


def confusions(takes: Iterable[tuple[int, Path]]) -> tuple[Confusion, Confusion]:
    """Count, over takes with their true emotions, what was heard in clips (the frames' mean) and in single frames."""
    clips, frames = (np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64) for _ in range(2))
    for emotion, take in takes:
        probabilities = heard(take)
        clips[emotion, probabilities.mean(axis=0).argmax()] += 1
        np.add.at(frames[emotion], probabilities.argmax(axis=1), 1)
    return Confusion(clips, "clips"), Confusion(frames, "frames")
