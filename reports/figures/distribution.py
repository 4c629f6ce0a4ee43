"""How a metric's clip values are distributed: a point per clip and a box per method, in all or by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import palette
from ..groups import refuse_unlabelled
from . import canvas
from .tracks import Floats, scale_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

CAPTION = (
    "One point per clip. Boxes: median and quartiles, whiskers to the last clip within 1.5 interquartile ranges; none "
    "for fewer than five clips. A clip without a value, or with an infinite one, has no point and is counted above."
)
By = Literal["emotion", "level", "speaker"]
_ENOUGH_FOR_A_BOX = 5


def distribution_figure(
    results: Results, metrics: Sequence[str], *, by: By | None = None, width: float = canvas.DOUBLE
) -> Figure:
    """Draw the clips' values of some metrics, one above the other, grouped by a label of the clips with `by`.

    Raises TalkbenchError for a metric that the run does not have, and where no clip has the label.
    """
    scales = [scale_of(results, name) for name in metrics]
    methods = list(results.run["methods"])
    styles = palette.styles(methods)
    groups = _groups(results.clips, by)
    with canvas.house_style():
        per_axes = 1.3
        figure = canvas.charted(results, width, per_axes * len(scales) + 0.15, methods)
        panels = figure.subplots(len(scales), 1, sharex=True, squeeze=False)[:, 0]
        handles: list[Any] = []
        for axes, scale in zip(panels, scales, strict=True):
            handles = []
            absent = 0
            for number, (_, clips) in enumerate(groups):
                for index, method in enumerate(methods):
                    values = clips.loc[clips["method"] == method, scale.name].to_numpy(np.float64)
                    absent += int((~np.isfinite(values)).sum())
                    place = number + (index - (len(methods) - 1) / 2) * 0.84 / len(methods)
                    finite = np.sort(values[np.isfinite(values)])
                    drawn = _column(axes, finite, place, 0.84 / len(methods), styles[method])
                    handles = handles if number else [*handles, drawn]
            axes.set_ylabel(scale.label)
            axes.set_xlim(-0.5, len(groups) - 0.5)
            for number in range(1, len(groups)):
                axes.axvline(number - 0.5, color="#E0E0E0", linewidth=0.6, zorder=0)
            if absent:
                axes.set_title(f"{absent} clip values missing or infinite", loc="right", fontsize=canvas.SMALL)
        _name_groups(panels[-1], [name for name, _ in groups], width)
        figure.align_ylabels(list(panels))
        canvas.legend(figure, handles, methods)
    return figure


def _groups(clips: pd.DataFrame, by: By | None) -> list[tuple[str, pd.DataFrame]]:
    """Return (label, its clips) in the order of the labels; clips without one come last."""
    count = clips["clip"].nunique()
    if by is None:
        return [(f"{count} clip{'s' if count != 1 else ''}", clips)]
    refuse_unlabelled(clips, by)
    labels = clips[by].astype(object).where(clips[by].notna(), None)
    names = sorted({str(label) for label in labels if label is not None})
    groups = [(name, clips[labels == name]) for name in names]
    unlabelled = clips[[label is None for label in labels]]
    return [*groups, (f"no {by}", unlabelled)] if len(unlabelled) else groups


def _column(axes: Axes, values: Floats, place: float, width: float, style: palette.Style) -> object:
    """Draw one method's clips at a place of the axis: the points, spread by rank, and a box behind them."""
    if len(values) >= _ENOUGH_FOR_A_BOX:
        axes.boxplot(
            [values], positions=[place], widths=width * 0.72, showfliers=False, manage_ticks=False, patch_artist=True,
            boxprops={"facecolor": style.colour, "alpha": 0.22, "edgecolor": style.colour},
            medianprops={"color": style.colour, "linewidth": 1.4},
            whiskerprops={"color": style.colour, "linewidth": 0.8}, capprops={"color": style.colour, "linewidth": 0.8},
        )  # fmt: skip
    # the golden ratio's multiples spread neighbours in rank apart, the same way every time
    across = np.arange(len(values)) * 0.6180339887 % 1
    across = (across - across.mean()) * width * 0.55 if len(values) else across
    (points,) = axes.plot(
        place + across, values, style.marker, color=style.colour, markersize=2.6, markeredgewidth=0, alpha=0.85
    )
    return points


def _name_groups(axes: Axes, names: Sequence[str], width: float) -> None:
    room = width / max(len(names), 1) / 0.06
    longest = max(map(len, names), default=1)
    axes.set_xticks(range(len(names)))
    axes.set_xticklabels([canvas.plain(name, 24) for name in names], rotation=0 if longest < room else 45)
    for label in axes.get_xticklabels():
        label.set_parse_math(False)
        if longest >= room:
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")
    axes.tick_params(axis="x", length=0)
