"""A sheet of equal cells: methods down, time across, each cell with lines of text below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy.typing as npt

from ..palette import Dash
from . import canvas
from .regions import CONTOURS

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

_GAP = 0.04
_LINE = 0.1
_KEY_LINE = 0.13
_BOX = 0.075


@dataclass(frozen=True)
class Key:
    """What the colours of boxes mean: a title, and (colour, name) marks."""

    title: str
    marks: tuple[tuple[str, str], ...]

    def room(self, text: str) -> float:
        """Return how wide, in inches, a mark of this name is."""
        return _BOX + 0.04 + _wide(text) + 0.1


def _wide(text: str) -> float:
    """Return about how wide, in inches, a line of the smallest type is."""
    return 0.047 * len(text)


@dataclass(frozen=True)
class Grid:
    """Where everything is, in inches from the top left; `lines` is the number of text lines below each row's cells."""

    width: float
    columns: int
    lines: tuple[int, ...]
    aspect: float
    left: float = 0.22
    top: float = 0.17
    key: Key | None = None

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell."""
        width = (self.width - self.left - 0.02 - _GAP * (self.columns - 1)) / self.columns
        return width, width * self.aspect

    @property
    def height(self) -> float:
        """Height of the page."""
        return self.corner(len(self.lines), 0)[1] + self._key_lines * _KEY_LINE + canvas.FOOTER

    def corner(self, row: int, column: int) -> tuple[float, float]:
        """Top left corner of a cell."""
        width, height = self.cell
        text = sum(count * _LINE + (0.03 if count else 0) for count in self.lines[:row])
        return self.left + column * (width + _GAP), self.top + row * (height + _GAP) + text

    def page(self, results: Results) -> Figure:
        """Return the empty page, signed."""
        figure = canvas.new_figure(self.width, self.height)
        canvas.sign(figure, results)
        return figure

    def axes(self, figure: Figure, row: int, column: int) -> Axes:
        """Return the axes of one cell, without frame or ticks."""
        left, top = self.corner(row, column)
        width, height = self.cell
        bottom = self.height - top - height
        axes = figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))
        axes.set_axis_off()
        return axes

    def titles(self, figure: Figure, titles: Sequence[str]) -> None:
        """Write what each column is above it."""
        for column, title in enumerate(titles):
            left, top = self.corner(0, column)
            canvas.write(figure, left + self.cell[0] / 2, top - 0.04, title, va="bottom", fontsize=canvas.NORMAL)

    def name(self, figure: Figure, row: int, name: str, colour: str) -> None:
        """Write a row's name up its side, cut where it is too long."""
        height = self.cell[1]
        _, top = self.corner(row, 0)
        name = canvas.plain(name, max(6, int(height / 0.062)))
        size = canvas.NORMAL
        canvas.write(
            figure, self.left / 2, top + height / 2, name,
            va="center", rotation=90, fontsize=size, color=colour, fontweight="bold",
        )  # fmt: skip

    def below(self, figure: Figure, row: int, column: int, lines: Sequence[str]) -> None:
        """Write lines below a cell."""
        left, top = self.corner(row, column)
        for number, line in enumerate(lines):
            y = top + self.cell[1] + 0.02 + number * _LINE
            canvas.write(figure, left + self.cell[0] / 2, y, line, va="top")

    def draw_key(self, figure: Figure) -> None:
        """Write the key at the foot of the page: what it lists, and each name after a box of its colour."""
        from matplotlib.patches import Rectangle

        if self.key is None:
            return
        y = self.corner(len(self.lines), 0)[1] + 0.05
        canvas.write(figure, self.left, y, self.key.title, ha="left", va="center")
        x = self.left if self._key_lines > 1 else self.left + _wide(self.key.title) + 0.08
        y += (self._key_lines - 1) * _KEY_LINE
        for colour, text in self.key.marks:
            patch = Rectangle(
                (x / self.width, 1 - (y + _BOX / 2) / self.height), _BOX / self.width, _BOX / self.height,
                fill=False, edgecolor=colour, linewidth=1.1, transform=figure.transFigure,
            )  # fmt: skip
            figure.add_artist(patch)
            canvas.write(figure, x + _BOX + 0.04, y, text, ha="left", va="center")
            x += self.key.room(text)

    @property
    def _key_lines(self) -> int:
        if self.key is None:
            return 0
        names = sum(self.key.room(text) for _, text in self.key.marks)
        return 1 if self.left + _wide(self.key.title) + 0.08 + names < self.width else 2


def say(axes: Axes, text: str, colour: str = "#767676") -> None:
    """Write what is missing in the middle of a cell."""
    text = "\n".join(canvas.plain(line) for line in text.splitlines())
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center",
        fontsize=canvas.SMALL, color=colour, parse_math=False,
    )  # fmt: skip


def draw_face(
    axes: Axes,
    face: npt.NDArray[np.floating],
    colour: str,
    *,
    width: float = 0.7,
    dash: Dash = "-",
    edge: bool = False,
) -> None:
    """Draw a face's contours; with a dark `edge` they are readable on any skin and background."""
    from matplotlib.patheffects import Normal, Stroke

    for contour in CONTOURS:
        points = face[list(contour)]
        (line,) = axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=width, linestyle=dash)
        if edge:
            line.set_path_effects([Stroke(linewidth=width + 0.4, foreground="black", alpha=0.5), Normal()])


def draw_box(axes: Axes, bounds: tuple[float, float, float, float], colour: str, *, edge: bool = False) -> None:
    """Draw a box from its left, top, width and height."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    left, top, width, height = bounds
    patch = Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=1.1, zorder=5)
    if edge:
        patch.set_path_effects([Stroke(linewidth=1.9, foreground="black", alpha=0.55), Normal()])
    axes.add_patch(patch)
