"""Which emotion a classifier takes for which: true labels down, heard or seen ones across."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...bench.errors import TalkbenchError
from .. import palette
from . import canvas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

CAPTION = (
    "Rows: the emotion of the clip's label. Columns: the emotion with the highest mean probability. In % of the row's "
    "clips, whose number stands in brackets. Above: the share of clips on the diagonal."
)
METRIC = "emotion-accuracy"
_GROUND_TRUTH = "Ground Truth"
_PART = "p-"


def confusion(clips: pd.DataFrame, name: str, emotions: list[str]) -> npt.NDArray[np.int64]:
    """Return how many clips (E, E) of a label (row) were taken for an emotion (column); `name` is the metric's column.

    >>> import pandas as pd
    >>> clips = pd.DataFrame({"emotion": ["sad", "sad"], "m:p-happy": [0.6, 0.2], "m:p-sad": [0.4, 0.8]})
    >>> confusion(clips, "m", ["happy", "sad"]).tolist()
    [[0, 0], [1, 1]]
    """
    counts = np.zeros((len(emotions), len(emotions)), np.int64)
    seen = clips[[f"{name}:{_PART}{emotion}" for emotion in emotions]].to_numpy(np.float64)
    for label, shares in zip(clips["emotion"], seen, strict=True):
        if label in emotions and not np.isnan(shares).all():
            counts[emotions.index(label), int(np.nanargmax(shares))] += 1
    return counts


def confusion_figure(results: Results, *, width: float = canvas.DOUBLE) -> Figure:
    """Draw the matrices of a run. Raises TalkbenchError where emotions were not classified."""
    clips = results.clips
    parts = [column.partition(f":{_PART}")[2] for column in clips.columns if column.startswith(f"{METRIC}:{_PART}")]
    emotions = [emotion for emotion in parts if clips[f"{METRIC}:{_PART}{emotion}"].notna().any()]
    if not emotions:
        raise TalkbenchError(
            f"The run has no clip with {METRIC}. Score with --metrics {METRIC} --weights emotion=MODEL.onnx, on clips "
            "whose emotion is known."
        )
    methods = list(results.run["methods"])
    real = clips.sort_values(["clip", "method"]).drop_duplicates("clip")
    matrices = {_GROUND_TRUTH: confusion(real, f"{METRIC}:gt", emotions)}
    for method in methods:
        matrices[method] = confusion(clips[clips["method"] == method], METRIC, emotions)
    columns = min(len(matrices), 3 if width > canvas.SINGLE else 1)
    rows = -(-len(matrices) // columns)
    with canvas.house_style():
        figure = canvas.charted(results, width, rows * (width / columns) * 0.98, [])
        panels = figure.subplots(rows, columns, squeeze=False)
        for at, axes in enumerate(panels.flat):
            if at < len(matrices):
                name, counts = list(matrices.items())[at]
                _draw(axes, name, counts, emotions, first=at % columns == 0)
            else:
                axes.set_axis_off()
    return figure


def matrix_figure(
    counts: npt.NDArray[np.int64], emotions: list[str], *, title: str, width: float = canvas.SINGLE
) -> Figure:
    """Draw one matrix of counts (E, E), rows true and columns taken for, in % of each row."""
    with canvas.house_style():
        figure = canvas.new_figure(width, width * 0.95, layout="constrained")
        _draw(figure.add_subplot(), title, counts, emotions, first=True)
    return figure


def _draw(axes: Axes, name: str, counts: npt.NDArray[np.int64], emotions: list[str], *, first: bool) -> None:
    totals = counts.sum(axis=1)
    shares = np.divide(100 * counts, totals[:, None], out=np.zeros(counts.shape), where=totals[:, None] > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        colour = "white" if shares[row, column] > 55 else "black"
        text = f"{shares[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=canvas.SMALL)
    right = f"{100 * np.trace(counts) / counts.sum():.0f} %" if counts.sum() else "–"
    title = axes.set_title(f"{canvas.plain(name, 24)}: {right}", fontsize=canvas.SMALL + 1)
    title.set_parse_math(False)
    axes.set_xticks(range(len(emotions)), emotions, rotation=90)
    labels = [f"{emotion} ({total})" for emotion, total in zip(emotions, totals, strict=True)]
    axes.set_yticks(range(len(emotions)), labels if first else [f"({total})" for total in totals])
    axes.tick_params(length=0, labelsize=canvas.SMALL)
    for side in axes.spines.values():
        side.set_color(palette.NEUTRAL)
