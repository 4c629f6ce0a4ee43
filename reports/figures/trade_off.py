"""Two metrics against each other: a point per method, with the intervals of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench.errors import TalkbenchError
from .. import palette
from ..table import Cell, table
from . import canvas
from .tracks import scale_of, suggestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results
    from ..table import Table

CAPTION = (
    "Each method's mean over clips, with the table's confidence intervals where there are any. Better is towards the "
    "arrow in the corner."
)


def trade_off_figure(results: Results, x: str, y: str, *, width: float = canvas.SINGLE) -> Figure:
    """Draw one metric of the run's table against another; a method without a finite value of both has no point.

    Raises TalkbenchError for a metric that the table does not show.
    """
    summary = table(results)
    across, down = _column(summary, x), _column(summary, y)
    styles = palette.styles(results.run["methods"])
    with canvas.house_style():
        drawn = [
            row
            for row in summary.rows
            if not row.reference and np.isfinite([_value(row.cells[at]) for at in (across, down)]).all()
        ]
        figure = canvas.charted(results, width, min(width * 0.72, 3.2), [row.method for row in drawn])
        axes = figure.subplots()
        handles = [_point(axes, row.cells[across], row.cells[down], styles[row.method]) for row in drawn]
        axes.set_xlabel(scale_of(results, x).label)
        axes.set_ylabel(scale_of(results, y).label)
        axes.grid(True, color="#E6E6E6", linewidth=0.5)
        axes.set_axisbelow(True)
        axes.margins(0.12)
        if handles:
            canvas.legend(figure, handles, [row.method for row in drawn])
            _towards_better(axes, summary.metrics[across].better, summary.metrics[down].better)
        else:
            axes.text(
                0.5, 0.5, "No method has a finite value of both.", transform=axes.transAxes, ha="center", va="center"
            )
    return figure


def _column(summary: Table, name: str) -> int:
    names = [column.name for column in summary.metrics]
    if name not in names:
        raise TalkbenchError(f"The table of this run has no metric {name!r}. {suggestion(name, names)}")
    return names.index(name)


def _value(cell: Cell) -> float:
    return np.nan if cell.value is None else cell.value


def _point(axes: Axes, x: Cell, y: Cell, style: palette.Style) -> object:
    """Draw a method's point and its intervals; return the point for the legend."""
    axes.errorbar(
        _value(x), _value(y), xerr=_reach(x), yerr=_reach(y), fmt="none",
        ecolor=style.colour, elinewidth=0.9, capsize=1.8, capthick=0.9,
    )  # fmt: skip
    (point,) = axes.plot([_value(x)], [_value(y)], style.marker, color=style.colour, markersize=5)
    return point


def _reach(cell: Cell) -> list[list[float]] | None:
    """Return how far the interval reaches below and above the mean, as errorbar takes it."""
    if cell.value is None or cell.ci_low is None or cell.ci_high is None:
        return None
    return [[cell.value - cell.ci_low], [cell.ci_high - cell.value]]


def _towards_better(axes: Axes, across: str, down: str) -> None:
    """Draw an arrow into the corner where both metrics are better."""
    x, y = (0.02 if across == "lower" else 0.98), (0.02 if down == "lower" else 0.98)
    from_x, from_y = (x + 0.1 if across == "lower" else x - 0.1), (y + 0.12 if down == "lower" else y - 0.12)
    axes.annotate(
        "", (x, y), (from_x, from_y), xycoords="axes fraction", textcoords="axes fraction",
        arrowprops={"arrowstyle": "->", "color": "#767676", "linewidth": 0.9},
    )  # fmt: skip
    axes.text(
        from_x, from_y, "better", transform=axes.transAxes, color="#767676", fontsize=canvas.SMALL,
        ha="left" if across == "lower" else "right", va="bottom" if down == "lower" else "top",
    )  # fmt: skip
