"""Figure 4 of the MSEF + AATU paper: the frames of the ground truth and of every method, boxed where they are worst.

Rows are the ground truth and the methods, columns are frames, each as it was measured: cropped, warped and scaled. In
each frame a colour marks one place of one method, by measurement alone:

red (lip shape), yellow (expressiveness: eyes and brows) and blue (identity: cheeks and nose of the clip's median face)
    the largest displacement of landmarks, as `regions.py` defines it;
green (artefacts)
    the window, an eighth of the frame wide, whose mean local SSIM is lowest (luma, 7 × 7); none above 0.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .. import palette
from ..table import GROUND_TRUTH
from . import canvas, grid
from .regions import EXPRESSION, GREEN, IDENTITY, LIPS, box, worst
from .tracks import Floats, Track, checked_frames, gt_landmarks, shown, spread_frames, time_title, tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

CAPTION = (
    "Frames as they were measured, with each frame's values. In each column a colour marks the one method and place "
    "with the largest error of its kind: red, lip shape (M-LMD); yellow, expressiveness (mean displacement of an eye "
    "and its brow); blue, identity (of a side of the contour, or the nose, in the clip's median face); green, "
    "artefacts (the window of the frame with the lowest local SSIM). None below 1 % of the inter-ocular distance, 6 % "
    "for identity, or where SSIM is above 0.9."
)
CAPTION_LANDMARKS = (
    "Frames as they were measured, with each frame's values, and the landmarks found in them: the ground truth's in "
    "grey, each method's in its colour."
)
METRICS = ("M-LMD", "SSIM")
Frame = npt.NDArray[np.uint8]
Pictures = Mapping[str, Mapping[int, Frame | None]]
"""Per row ("Ground Truth", then methods), frames (H, W, 3) by their number in the clip; None: no face, so no crop."""
_KINDS = (LIPS, EXPRESSION, IDENTITY)
_KEY = grid.Key("Largest error of the frame:", (*((kind.colour, kind.name) for kind in _KINDS), (GREEN, "artefacts")))
_ARTEFACT_BELOW = 0.9
_LARGEST = 512


def frames_to_show(results: Results, clip: str, frames: Sequence[int] | None, *, width: float) -> list[int]:
    """Return which frames the figure shows: those asked for, or evenly spaced ones and the worst."""
    found = tracks(results, clip)
    return checked_frames(found, frames) if frames else spread_frames(found, 3 if width < 5 else 6)[0]


def frame_figure(
    results: Results,
    clip: str,
    pictures: Pictures,
    *,
    metrics: Sequence[str] = METRICS,
    landmarks: bool = False,
    width: float = canvas.DOUBLE,
) -> Figure:
    """Draw frames of a clip; its columns are the frames of the ground truth's row of `pictures`.

    With `landmarks` the contours found are drawn on the frames in the place of boxes: the ground truth's are grey, and
    they lie under each method's where the frames have one size.
    """
    found = {track.method: track for track in tracks(results, clip)}
    truth = pictures[GROUND_TRUTH]
    at = sorted(truth)
    _, bad = spread_frames(list(found.values()), 1)
    scales = shown(results, metrics)
    styles = palette.styles(results.run["methods"])
    rows = [GROUND_TRUTH, *found]
    sheet = grid.Grid(
        width, len(at), (0, *[len(scales)] * len(found)), _aspect(pictures), key=None if landmarks else _KEY
    )
    with canvas.house_style():
        figure = sheet.page(results)
        sheet.titles(figure, [time_title(results, frame) + (" (worst)" if frame == bad else "") for frame in at])
        for row, name in enumerate(rows):
            sheet.name(figure, row, name, styles[name].colour if row else palette.NEUTRAL_ON_WHITE)
        for column, frame in enumerate(at):
            gt = gt_landmarks(list(found.values()), frame)
            cells = {name: sheet.axes(figure, row, column) for row, name in enumerate(rows)}
            for name, axes in cells.items():
                _show(axes, pictures.get(name, {}), frame, missing=_why_missing(found.get(name), pictures, frame))
            for row, track in enumerate(found.values(), start=1):
                place = track.row(frame)
                if place is not None:
                    texts = [track.text(scale, place) for scale in scales]
                    sheet.below(figure, row, column, texts)
            if landmarks:
                _draw_landmarks(cells, pictures, frame, gt, found, styles)
            else:
                _draw_boxes(cells, pictures, frame, gt, found)
        sheet.draw_key(figure)
    return figure


def _why_missing(track: Track | None, pictures: Pictures, frame: int) -> str:
    if track is not None and track.method not in pictures:
        return "landmarks alone"
    return "not compared" if track is not None and track.row(frame) is None else "no face,\nno crop"


def _aspect(pictures: Pictures) -> float:
    """Return height over width of the cells: that of the first frame there is."""
    for row in pictures.values():
        for frame in row.values():
            if frame is not None:
                return float(frame.shape[0] / frame.shape[1])
    return 1.0


def _show(axes: Axes, row: Mapping[int, Frame | None], number: int, *, missing: str) -> None:
    frame = row.get(number)
    if frame is None:
        grid.say(axes, missing)
        return
    height, width = frame.shape[:2]
    axes.imshow(_fitted(frame), interpolation="none", extent=(-0.5, width - 0.5, height - 0.5, -0.5), aspect="auto")
    # Landmarks may lie outside of the frame: they must not change what is shown.
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_autoscale_on(False)


def _fitted(frame: Frame) -> Frame:
    """Shrink what is larger than any cell can show, or files would be huge."""
    import cv2

    scale = _LARGEST / max(frame.shape[:2])
    if scale >= 1:
        return frame
    size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _draw_landmarks(
    cells: Mapping[str, Axes],
    pictures: Pictures,
    frame: int,
    gt: Floats,
    found: Mapping[str, Track],
    styles: Mapping[str, palette.Style],
) -> None:
    truth = pictures[GROUND_TRUTH].get(frame)
    for name, axes in cells.items():
        shown = pictures.get(name, {}).get(frame)
        if shown is None:
            continue
        if truth is not None and truth.shape == shown.shape:
            grid.draw_face(axes, gt, palette.NEUTRAL, edge=True)
        place = found[name].row(frame) if name in found else None
        if place is not None:
            grid.draw_face(axes, found[name].gen[place], styles[name].colour, edge=True)


def _draw_boxes(
    cells: Mapping[str, Axes], pictures: Pictures, frame: int, gt: Floats, found: Mapping[str, Track]
) -> None:
    for kind in _KINDS:
        mark = worst(list(found.values()), frame, kind)
        if mark is None or pictures.get(mark.method, {}).get(frame) is None:
            continue
        track = found[mark.method]
        place = track.row(frame)
        points = track.gen[place, list(mark.points)]
        grid.draw_box(cells[mark.method], box(points), mark.kind.colour, edge=True)
    artefact = worst_window(pictures, frame)
    if artefact is not None:
        bounds = (artefact.left, artefact.top, artefact.side, artefact.side)
        grid.draw_box(cells[artefact.method], bounds, GREEN, edge=True)


@dataclass(frozen=True)
class Window:
    """A square of a frame, in px, and its mean local SSIM."""

    method: str
    left: float
    top: float
    side: float
    ssim: float


def worst_window(pictures: Pictures, frame: int) -> Window | None:
    """Return the window of any method's frame that is least like the ground truth's; None where all are above 0.9."""
    from scipy.ndimage import uniform_filter

    truth = pictures[GROUND_TRUTH].get(frame)
    best: Window | None = None
    for method, row in pictures.items():
        shown = row.get(frame)
        if method == GROUND_TRUTH or truth is None or shown is None or shown.shape != truth.shape:
            continue
        side = max(8, round(min(truth.shape[:2]) / 8))
        likeness = uniform_filter(local_ssim(truth, shown), side, mode="nearest")
        margin = side // 2
        inside = likeness[margin : likeness.shape[0] - margin, margin : likeness.shape[1] - margin]
        if not inside.size:
            continue
        top, left = np.unravel_index(int(np.argmin(inside)), inside.shape)
        value = float(inside[top, left])
        if value < _ARTEFACT_BELOW and (best is None or value < best.ssim):
            best = Window(method, float(left), float(top), float(side), value)
    return best


def local_ssim(gt: Frame, gen: Frame) -> Floats:
    """Return the SSIM (H, W) of the 7 × 7 px around each pixel's luma (BT.601), edges repeated."""
    from scipy.ndimage import uniform_filter

    weights = np.array([0.299, 0.587, 0.114])
    x, y = gt @ weights, gen @ weights
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my, xx, yy, xy = (uniform_filter(image, 7, mode="nearest") for image in (x, y, x * x, y * y, x * y))
    vx, vy, vxy = xx - mx * mx, yy - my * my, xy - mx * my
    similarity: Floats = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return similarity
