"""One scale of a user study as an array: raters x clips x methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .intervals import Floats
from .ratings import checked, in_order, scales_in_order

if TYPE_CHECKING:
    import pandas as pd

    from ..baselines.published import Paper


@dataclass(frozen=True)
class Rated:
    """The scores on one scale (raters, clips, methods), NaN where there is none."""

    scale: str
    raters: tuple[str, ...]
    clips: tuple[str, ...]
    methods: tuple[str, ...]
    scores: Floats

    @property
    def by_stimulus(self) -> Floats:
        """The scores (raters, stimuli); a stimulus is one clip of one method, and one that nobody rated is left out."""
        flat = self.scores.reshape(len(self.raters), -1)
        there: Floats = flat[:, (flat == flat).any(axis=0)]
        return there

    def of_raters(self, raters: Sequence[str]) -> Rated:
        """Return what these raters gave, in their order here."""
        places = [at for at, name in enumerate(self.raters) if name in set(raters)]
        return Rated(self.scale, tuple(self.raters[at] for at in places), self.clips, self.methods, self.scores[places])


def rated(
    ratings: pd.DataFrame,
    *,
    lowest: float = 1,
    highest: float = 10,
    order: Paper | None = None,
) -> tuple[Rated, ...]:
    """Return every scale of a long table as an array; methods as they come, or in the order of a paper.

    Raises TalkbenchError where `reports.ratings.checked` does.
    """
    import numpy as np

    long = checked(ratings, lowest=lowest, highest=highest)
    methods = tuple(in_order(list(dict.fromkeys(long["method"])), order))
    names = (tuple(sorted(set(long["rater"]))), tuple(sorted(set(long["clip"]))), methods)
    places = [{name: at for at, name in enumerate(of)} for of in names]
    made = []
    for scale in scales_in_order(long["scale"]):
        of = long[long["scale"] == scale]
        scores = np.full([len(one) for one in names], np.nan)
        at = tuple(
            of[name].map(place).to_numpy() for name, place in zip(("rater", "clip", "method"), places, strict=True)
        )
        scores[at] = of["score"].to_numpy()
        made.append(Rated(scale, *names, scores))
    return tuple(made)
