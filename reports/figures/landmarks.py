"""Figure 5 of the MSEF + AATU paper: the landmarks of the ground truth and of every method, side by side and overlaid.

Rows are the ground truth, each method over the ground truth, and all of them overlaid; columns are frames. Each
method's face is moved so that its nose and eye corners lie over the ground truth's (`regions.py`), neither scaled nor
turned. All faces have one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import palette
from ..table import GROUND_TRUTH
from . import canvas, grid
from .regions import EYES_AND_CONTOUR, LIPS, Mark, at_anchor, box, worst
from .tracks import Floats, Track, checked_frames, gt_landmarks, shown, spread_frames, time_title, tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

CAPTION = (
    "Landmarks of the ground truth (grey) and of each method (coloured), in px of the measured frame, laid over each "
    "other at the mean of nose and eye corners; lines show each point's displacement. In each frame the red box marks "
    "the method whose lip shape is furthest from the ground truth's (M-LMD), the blue box the eye with its brow, or "
    "the part of the face's contour, with the largest mean displacement; none below 1 % of the inter-ocular distance."
)
METRICS = ("M-LMD", "F-LMD")
_KINDS = (LIPS, EYES_AND_CONTOUR)
_KEY = grid.Key("Largest error of the frame:", tuple((kind.colour, kind.name) for kind in _KINDS))
_VECTOR = "#111111"


def landmark_figure(
    results: Results,
    clip: str,
    *,
    frames: Sequence[int] | None = None,
    metrics: Sequence[str] = METRICS,
    width: float = canvas.DOUBLE,
) -> Figure:
    """Draw the landmarks of a clip; without `frames`, of evenly spaced ones and the worst (`spread_frames`).

    Raises TalkbenchError for an unknown clip and for a frame that was not compared.
    """
    found = tracks(results, clip)
    at, bad = spread_frames(found, 3 if width < 5 else 6)
    at = checked_frames(found, frames) if frames else at
    scales = shown(results, metrics)
    low, high = _extent(found, at)
    lines = len(scales)
    overlaid = len(found) > 1  # a single method lies over the ground truth already
    rows = (0, *[lines] * len(found), *[0] * overlaid)
    sheet = grid.Grid(width, len(at), rows, (high[1] - low[1]) / (high[0] - low[0]), key=_KEY)
    with canvas.house_style():
        figure = sheet.page(results)
        sheet.titles(figure, [time_title(results, frame) + (" (worst)" if frame == bad else "") for frame in at])
        styles = palette.styles(results.run["methods"])
        sheet.name(figure, 0, GROUND_TRUTH, palette.NEUTRAL_ON_WHITE)
        for row, track in enumerate(found, start=1):
            sheet.name(figure, row, track.method, styles[track.method].colour)
        if overlaid:
            sheet.name(figure, len(rows) - 1, "Overlaid", "#111111")
        for column, frame in enumerate(at):
            gt = gt_landmarks(found, frame)
            cells = [sheet.axes(figure, row, column) for row in range(len(rows))]
            for axes in cells:
                axes.set_xlim(low[0], high[0])
                axes.set_ylim(high[1], low[1])
            _ground_truth(cells[0], gt)
            if overlaid:
                _ground_truth(cells[-1], gt)
            marks = [mark for kind in _KINDS if (mark := worst(found, frame, kind))]
            for row, track in enumerate(found, start=1):
                style = styles[track.method]
                mine = [mark for mark in marks if mark.method == track.method]
                _method(cells[row], cells[-1] if overlaid else None, track, frame, style, mine)
                place = track.row(frame)
                if place is not None:
                    texts = [track.text(scale, place) for scale in scales]
                    sheet.below(figure, row, column, texts)
        _scale_bar(sheet.axes(figure, 0, 0), low, high)
        sheet.draw_key(figure)
    return figure


def _ground_truth(axes: Axes, gt: Floats) -> None:
    if np.isnan(gt).any():
        grid.say(axes, "no face")
    else:
        grid.draw_face(axes, at_anchor(gt), palette.NEUTRAL_ON_WHITE)


def _method(
    axes: Axes, overlay: Axes | None, track: Track, frame: int, style: palette.Style, marks: Sequence[Mark]
) -> None:
    from matplotlib.collections import LineCollection

    place = track.row(frame)
    if place is None:
        grid.say(axes, "not compared")
        return
    gt, gen = track.gt[place], track.gen[place]
    if np.isnan(gt).any():
        grid.say(axes, "no face in the\nground truth")
        return
    gt = at_anchor(gt)
    grid.draw_face(axes, gt, "#B8B8B8", width=1.0)
    if np.isnan(gen).any():
        grid.say(axes, "no face")
        return
    gen = at_anchor(gen)
    axes.add_collection(LineCollection(list(np.stack([gt, gen], axis=1)), colors=_VECTOR, linewidths=0.5, zorder=4))
    grid.draw_face(axes, gen, style.colour, width=0.7)
    if overlay is not None:
        grid.draw_face(overlay, gen, style.colour, width=0.6, dash=style.dash)
    for mark in marks:
        points = list(mark.points)
        grid.draw_box(axes, box(np.concatenate([gt[points], gen[points]])), mark.kind.colour)


def _extent(found: Sequence[Track], at: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the corners (left, top) and (right, bottom) that hold all centred faces of these frames, with a margin."""
    faces = [
        at_anchor(side[place])
        for track in found
        for frame in at
        if (place := track.row(frame)) is not None
        for side in (track.gt, track.gen)
        if not np.isnan(side[place]).any()
    ]
    if not faces:
        return np.array([-1.0, -1.0]), np.array([1.0, 1.0])
    points = np.concatenate(faces)
    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.1 * (high - low).max()
    return low - pad, high + pad


def _scale_bar(axes: Axes, low: Floats, high: Floats) -> None:
    """Draw how long some px are, along the foot of the first cell."""
    span = float(high[0] - low[0])
    length = max((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if step <= span / 4), default=1)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(high[1], low[1])
    x, y = low[0] + 0.03 * span, high[1] - 0.03 * span
    axes.plot([x, x + length], [y, y], color="#111111", linewidth=1.0, solid_capstyle="butt")
    axes.text(x, y - 0.03 * span, f"{length} px", fontsize=canvas.SMALL, ha="left", va="bottom")
