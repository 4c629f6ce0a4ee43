"""What metrics see: a row per metric, a column per distortion, in each cell how strongly and how steadily it responds.

A cell's colour and number are the effect of the strongest level in noise floors; the curve is the response from the
clip itself (left) to the strongest level, drawn from 0 to its own largest effect, with the floor as a dotted line.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..palette import ink_on
from ..validation import Response, Validation
from ..validation_formats import strongest, times
from . import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

_ROW = 0.235
_HEAD = 0.5
_KEY = 0.34
_LEFT = 1.12
_LONG = 10
"""Names of more letters take two lines."""
_INKS = {True: "black", False: "#595959"}
_BLIND = "#EDEDED"
_UNMEASURED = "#FFFFFF"
_SEES = ((1.0, "#D3E6F3"), (3.0, "#9CC7E3"), (10.0, "#5BA3D0"), (30.0, "#2A7AB5"), (100.0, "#12507F"))
"""Colours of effects from so many floors on."""
_REWARDS = ((1.0, "#F8D8C3"), (3.0, "#EFA679"), (10.0, "#D55E00"))


def validation_figure(validation: Validation, results: Results, *, width: float = canvas.DOUBLE) -> Figure:
    """Draw the matrix of metrics and distortions."""
    rows, columns = len(validation.profiles), len(validation.distortions)
    height = _HEAD + rows * _ROW + _KEY + canvas.FOOTER
    with canvas.house_style():
        figure = canvas.new_figure(width, height)
        canvas.sign(figure, results)
        cell = (width - _LEFT - 0.03) / columns
        for at, one in enumerate(validation.distortions):
            middle = _LEFT + (at + 0.5) * cell
            words = one.name.split("-") if len(one.name) > _LONG else [one.name]
            scale = [f"{one.levels[0]:g} – {one.levels[-1]:g}", one.unit]
            for line, text in enumerate([*words, *scale]):
                y = 0.05 + 0.1 * (line + 2 - len(words))
                bold = "bold" if line < len(words) else "normal"
                canvas.write(figure, middle, y, text, va="top", fontweight=bold, color=_INKS[line < len(words)])
        axes = _page(figure)
        for row, profile in enumerate(validation.profiles):
            top = _HEAD + row * _ROW
            name = canvas.plain(profile.metric.name, 24)
            canvas.write(figure, _LEFT - 0.05, top + _ROW / 2, name, ha="right", va="center")
            for column, response in enumerate(profile.responses):
                box = (_LEFT + column * cell, top, cell, _ROW)
                _draw(axes, response, box)
        _draw_key(figure, _HEAD + rows * _ROW + 0.06)
    return figure


def _page(figure: Figure) -> Axes:
    """Return axes over the whole figure, in inches from the top left: an axes per cell would take many seconds."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return axes


def _draw(axes: Axes, response: Response, box: tuple[float, float, float, float]) -> None:
    """Draw a cell, a hair smaller than its box: left, top, width, height in inches."""
    from matplotlib.patches import Rectangle

    left, top, width, height = box[0] + 0.01, box[1] + 0.01, box[2] - 0.02, box[3] - 0.02
    colour = _colour(response)
    axes.add_patch(Rectangle((left, top), width, height, facecolor=colour, edgecolor="none"))
    if response.verdict in ("not measured", "blind"):
        ink, text = "#767676", "–" if response.verdict == "not measured" else "blind"
    else:
        ink, text = ink_on(colour), ("−" if strongest(response) < 0 else "") + times(strongest(response))
    slant = "italic" if response.verdict == "unsteady" else "normal"
    axes.text(
        left + 0.04, top + height / 2, text, ha="left", va="center", fontsize=canvas.SMALL, color=ink, style=slant
    )
    _curve(axes, response, ink, (left + 0.5 * width, top + 0.03, 0.45 * width, height - 0.06))


def _curve(axes: Axes, response: Response, ink: str, box: tuple[float, float, float, float]) -> None:
    """Draw the response over levels into a box."""
    effects = np.array([0.0, *response.effects])
    effects = np.where(np.isfinite(effects), effects, np.nan)
    if np.isnan(effects[1:]).all():
        return
    floor = -1.0 if strongest(response) < -1 else 1.0
    high, low = max(float(np.nanmax(effects)), 1.2), min(float(np.nanmin(effects)), 0.0)
    x = np.linspace(box[0], box[0] + box[2], len(effects))
    y, level = (box[1] + box[3] * (high - values) / (high - low) for values in (effects, np.array([floor, floor])))
    axes.plot(x[[0, -1]], level, color=ink, linewidth=0.5, linestyle=(0, (1, 1.5)))
    axes.plot(x, y, color=ink, linewidth=0.9, marker="o", markersize=1.3)


def _colour(response: Response) -> str:
    if response.verdict == "not measured":
        return _UNMEASURED
    effect = strongest(response)
    if response.verdict == "blind" or math.isnan(effect):
        return _BLIND
    scale = _REWARDS if effect < -1 else _SEES
    return next((colour for least, colour in reversed(scale) if abs(effect) >= least), scale[0][1])


def _draw_key(figure: Figure, top: float) -> None:
    """Say what the colours are, and what is in a cell."""
    from matplotlib.patches import Rectangle

    width, height = figure.get_size_inches()
    marks = [(_BLIND, "blind")]
    marks += [(colour, f"≥ {least:g}×") for least, colour in _SEES]
    marks += [(_REWARDS[-2][1], "called better")]
    x = _LEFT
    for colour, text in marks:
        figure.add_artist(
            Rectangle(
                (x / width, 1 - (top + 0.1) / height),
                0.16 / width,
                0.09 / height,
                facecolor=colour,
                edgecolor="#BFBFBF",
                linewidth=0.4,
                transform=figure.transFigure,
            )
        )
        canvas.write(figure, x + 0.2, top + 0.055, text, ha="left", va="center")
        x += 0.3 + 0.055 * len(text)
    note = (
        "Number: strongest level, in noise floors (italic: not steadily). Curve: from the clip itself to that level; "
        "dotted: the floor."
    )
    canvas.write(figure, _LEFT, top + 0.2, note, ha="left", va="center", color="#595959")
