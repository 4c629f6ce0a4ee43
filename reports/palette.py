"""Colours of methods: the colour-blind safe palette of Okabe and Ito (2008), the same for a method in every figure."""

from __future__ import annotations

NEUTRAL = "#D9D9D9"
"""The ground truth, drawn on video frames."""
NEUTRAL_ON_WHITE = "#595959"
"""The ground truth, on paper."""

OKABE_ITO = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#F0E442",  # yellow
)


def colour_of(method_index: int) -> str:
    """Return the colour of the method at this place of the run's list; beyond seven methods they come round again."""
    return OKABE_ITO[method_index % len(OKABE_ITO)]
