"""A contact sheet: methods down, time across, each frame with its face's contours and a caption.

The first row is the ground truth. Its contours are neutral, and they lie under those of every method whose frame has
the same size, so that an error shows as a gap between two lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import escape, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Frame = npt.NDArray[np.uint8]
Face = npt.NDArray[np.floating]
SheetRow = tuple[str, list[Frame], list[Face], list[str]]
"""Name of the method; per column a frame (H, W, 3), its landmarks (68, 2) or all NaN, and a caption."""

_CONTOURS = (
    tuple(range(17)),  # jaw
    tuple(range(17, 22)),  # brows
    tuple(range(22, 27)),
    tuple(range(27, 31)),  # nose
    tuple(range(31, 36)),
    (*range(36, 42), 36),  # eyes
    (*range(42, 48), 42),
    (*range(48, 60), 48),  # mouth, outer and inner
    (*range(60, 68), 60),
)
_SETTINGS = {
    "font.family": "DejaVu Sans",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "talkbench",
}
_NO_DATES: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True)
class _Layout:
    """Where everything is, in inches from the top left of the page; a row without captions gives them no room."""

    columns: int
    captioned: tuple[bool, ...]
    aspect: float
    width: float = 7.0
    left: float = 0.24
    top: float = 0.2
    gap: float = 0.04
    caption: float = 0.13

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a frame."""
        width = (self.width - self.left - self.gap * (self.columns - 1)) / self.columns
        return width, width * self.aspect

    @property
    def height(self) -> float:
        """Height of the page."""
        return self.corner(len(self.captioned), 0)[1]

    def corner(self, row: int, column: int) -> tuple[float, float]:
        """Top left corner of a frame."""
        width, height = self.cell
        top = self.top + row * (height + self.gap) + sum(self.captioned[:row]) * self.caption
        return self.left + column * (width + self.gap), top


def contact_sheet(rows: Sequence[SheetRow], column_titles: Sequence[str], out: Path) -> None:
    """Draw the sheet, 7 inches wide, into a PNG, SVG or PDF file, the same bytes for the same input.

    Raises ValueError where a row does not have a frame, landmarks and a caption for every column title.
    """
    from matplotlib import style

    if out.suffix.lower() not in _NO_DATES:
        raise ValueError(f"{out}: expected a file name that ends in {', '.join(_NO_DATES)}.")
    if not rows or not column_titles:
        raise ValueError(f"A contact sheet needs rows and columns, got {len(rows)} and {len(column_titles)}.")
    with style.context(["default", _SETTINGS]):
        figure = _figure(rows, column_titles, vector=out.suffix.lower() != ".png")
        metadata: Any = _NO_DATES[out.suffix.lower()]
        figure.savefig(out, dpi=300, metadata=metadata)


def _figure(rows: Sequence[SheetRow], column_titles: Sequence[str], *, vector: bool) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    _, truth, truth_faces, _ = rows[0]
    aspect = truth[0].shape[0] / truth[0].shape[1]
    layout = _Layout(len(column_titles), tuple(any(captions) for *_, captions in rows), aspect)
    figure = Figure(figsize=(layout.width, layout.height), facecolor="white")
    FigureCanvasAgg(figure)
    for column, title in enumerate(column_titles):
        left, top = layout.corner(0, column)
        _write(figure, left + layout.cell[0] / 2, top - 0.05, title, va="bottom", fontsize=7.5)
    for row, (name, frames, faces, captions) in enumerate(rows):
        colour = palette.colour_of(row - 1) if row else palette.NEUTRAL
        _write_name(figure, layout, row, name, colour if row else palette.NEUTRAL_ON_WHITE)
        for column, frame, face, caption in zip(range(layout.columns), frames, faces, captions, strict=True):
            axes = _cell(figure, layout, row, column, frame, vector=vector)
            if row and truth[column].shape == frame.shape:
                _draw_face(axes, truth_faces[column], palette.NEUTRAL)
            _draw_face(axes, face, colour)
            left, top = layout.corner(row, column)
            below = top + layout.cell[1] + 0.03
            _write(figure, left + layout.cell[0] / 2, below, caption, va="top", fontsize=6.5)
    return figure


def _cell(figure: Figure, layout: _Layout, row: int, column: int, frame: Frame, *, vector: bool) -> Axes:
    left, top = layout.corner(row, column)
    width, height = layout.cell
    bottom = layout.height - top - height
    axes = figure.add_axes((left / layout.width, bottom / layout.height, width / layout.width, height / layout.height))
    axes.set_axis_off()
    # A vector file keeps the frame's own pixels: smaller, and sharp at any size.
    axes.imshow(frame, interpolation="none" if vector else "antialiased")
    # Landmarks may lie outside of the frame: they must not change what is shown.
    axes.set_xlim(-0.5, frame.shape[1] - 0.5)
    axes.set_ylim(frame.shape[0] - 0.5, -0.5)
    return axes


def _draw_face(axes: Axes, face: Face, colour: str) -> None:
    """Draw the contours with a thin dark edge, which keeps them readable on any skin and background."""
    from matplotlib.patheffects import Normal, Stroke

    for contour in _CONTOURS:
        points = face[list(contour)]
        (line,) = axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=0.6, solid_capstyle="round")
        line.set_path_effects([Stroke(linewidth=1.0, foreground="black", alpha=0.5), Normal()])


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:  # noqa: ANN401
    """Write one line, centred at inches from the top left; `$` is a dollar, not mathematics."""
    width, height = figure.get_size_inches()
    text = escape.one_line(text)
    figure.text(x / width, 1 - y / height, text, ha="center", parse_math=False, **style)


def _write_name(figure: Figure, layout: _Layout, row: int, name: str, colour: str) -> None:
    """Write the method's name up the side of its row, smaller or cut where it is too long."""
    height = layout.cell[1]
    name = escape.one_line(name)
    fits = int(height * 72 / (5 * 0.6))
    name = name if len(name) <= fits else name[: fits - 1] + "…"
    size = min(8.0, height * 72 / (0.6 * max(len(name), 1)))
    _, top = layout.corner(row, 0)
    _write(
        figure, 0.12, top + height / 2, name, va="center", rotation=90, fontsize=size, color=colour, fontweight="bold"
    )
