"""A confusion matrix: true labels down, heard ones across, in per cent of each true label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..palette import ink_on
from . import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_figure(
    counts: Sequence[Sequence[int]], labels: Sequence[str], *, heard_by: str, width: float = canvas.SINGLE
) -> Figure:
    """Draw counts (n, n), rows true and columns heard, as shares of their row; a row without any stays empty."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    table = np.asarray(counts, dtype=np.float64)
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.full_like(table, np.nan), where=totals > 0)
    colours = colormaps["Blues"]
    with canvas.house_style():
        figure = canvas.new_figure(width, width * 0.95, layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(np.nan_to_num(shares), cmap=colours, vmin=0, vmax=1)
        for row, column in np.ndindex(*shares.shape):
            share = shares[row, column]
            if share > 0:
                ink = ink_on(to_hex(colours(float(share))))
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", size=canvas.SMALL, color=ink)
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(True)
        axes.set_xlabel(f"Heard by {heard_by} (%)")
        axes.set_ylabel("True emotion")
    return figure
