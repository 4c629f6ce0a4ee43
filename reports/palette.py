"""How a method looks: one colour, dash and marker, the same in every figure of a run, by its place in the run's list.

The colours are those of Okabe and Ito (2008), which stay apart under every kind of colour blindness, with Tol's indigo
in the place of their yellow, which paper swallows. Methods beyond the seventh use the colours again with another dash
and another marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEUTRAL = "#D9D9D9"
"""The ground truth, drawn on video frames."""
NEUTRAL_ON_WHITE = "#595959"
"""The ground truth, on paper."""

Dash = str | tuple[int, tuple[float, ...]]
"""As matplotlib's `linestyle` takes it."""

COLOURS = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#332288",  # indigo
)
_DASHES: tuple[Dash, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_MARKERS = "osD^vPX*<>hp"


@dataclass(frozen=True)
class Style:
    """A method's colour, dash and marker."""

    colour: str
    dash: Dash
    marker: str


def style_of(method_index: int) -> Style:
    """Return the style of the method at this place of the run's list; the first 84 look different."""
    round_, place = divmod(method_index, len(COLOURS))
    return Style(COLOURS[place], _DASHES[round_ % len(_DASHES)], _MARKERS[(place + round_) % len(_MARKERS)])


def ink_on(colour: str) -> str:
    """Return black or white, whichever can be read better on a colour (by WCAG's contrast)."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "white"


def styles(methods: Sequence[str]) -> dict[str, Style]:
    """Return the style of each of a run's methods."""
    return {method: style_of(index) for index, method in enumerate(methods)}
