"""The pictures of a video: ground truth and methods side by side, with the landmarks found drawn on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from .. import palette
from ..table import GROUND_TRUTH
from . import canvas
from .regions import CONTOURS
from .tracks import Floats, Scale, Track, gt_landmarks, shown, time_title, tracks

if TYPE_CHECKING:
    from ...bench.results import Results

Frame = npt.NDArray[np.uint8]
Moment = tuple[int, Mapping[str, Frame | None]]
"""The number of a frame of the clip, and each row's picture there; None where it has none."""
METRICS = ("M-LMD",)
_PANEL = 384
_HEAD, _FOOT = 26, 24
_PER_ROW = 4
_SHIFT = 4  # bits of a pixel's fraction in OpenCV's drawing


def overlay_frames(
    results: Results, clip: str, moments: Iterator[Moment], *, metrics: Sequence[str] = METRICS
) -> Iterator[Frame]:
    """Yield a picture (H, W, 3), of even width and height, for each moment: a panel per video, its values below it.

    The ground truth's contours are grey, and lie under each method's where the frames have one size; a method's are in
    its colour. A panel without a picture says why.
    """
    found = {track.method: track for track in tracks(results, clip)}
    scales = shown(results, metrics)
    styles = palette.styles(results.run["methods"])
    names = [GROUND_TRUTH, *found]
    heads: dict[str, Frame] = {}
    size = (0, 0)
    for number, pictures in moments:
        truth = pictures.get(GROUND_TRUTH)
        if not heads:
            size = _panel_size(pictures)
            heads = {name: _head(name, size[0], styles) for name in names}
        panels = []
        for name in names:
            gt = gt_landmarks(list(found.values()), number)
            picture = pictures.get(name)
            same = truth is not None and picture is not None and picture.shape == truth.shape
            track = found.get(name)
            place = None if track is None else track.row(number)
            panel = _panel(picture, size, _why(track, place))
            if picture is not None:
                factor = size[0] / picture.shape[1], size[1] / picture.shape[0]
                if name == GROUND_TRUTH or same:
                    _draw(panel, gt, factor, palette.NEUTRAL)
                if track is not None and place is not None:
                    _draw(panel, track.gen[place], factor, styles[name].colour)
            foot = time_title(results, number) if track is None else _values(track, place, scales)
            panels.append(np.concatenate([heads[name], panel, _text_strip(size[0], foot)]))
        yield _tiled(panels)


def _head(name: str, width: int, styles: Mapping[str, palette.Style]) -> Frame:
    """Return the strip above a panel: a video's name on its colour."""
    colour = styles[name].colour if name in styles else palette.NEUTRAL_ON_WHITE
    dpi = 120
    with canvas.house_style():
        figure = canvas.new_figure(width / dpi, _HEAD / dpi, dpi=dpi)
        figure.set_facecolor(colour)
        text, ink = canvas.plain(name, width // 9), palette.ink_on(colour)
        canvas.write(figure, width / dpi / 2, _HEAD / dpi / 2, text, va="center", fontsize=9, color=ink)
        drawn: Any = figure.canvas
        drawn.draw()
        return np.asarray(drawn.buffer_rgba())[..., :3].copy()


def _panel_size(pictures: Mapping[str, Frame | None]) -> tuple[int, int]:
    """Return width and height of a panel: the first picture's aspect, its longer side 384 px, both even."""
    first = next((picture for picture in pictures.values() if picture is not None), None)
    if first is None:
        return _PANEL, _PANEL
    height, width = first.shape[:2]
    scale = _PANEL / max(height, width)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _panel(picture: Frame | None, size: tuple[int, int], why: str) -> Frame:
    if picture is None:
        panel = _strip(size[0], size[1], why, "#595959", background="#EDEDED")
        return panel.copy()
    shrinks = picture.shape[1] > size[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=method).astype(np.uint8))


def _why(track: Track | None, place: int | None) -> str:
    return "not compared" if track is not None and place is None else "no picture"


def _values(track: Track, place: int | None, scales: Sequence[Scale]) -> str:
    if place is None:
        return "not compared"
    return "   ".join(track.text(scale, place) for scale in scales)


def _draw(panel: Frame, face: Floats, factor: tuple[float, float], colour: str) -> None:
    """Draw a face's contours, given in px of the picture, with a dark edge; nothing where there is no face."""
    if np.isnan(face).any():
        return
    scaled = (face + 0.5) * np.array(factor) - 0.5
    lines = [np.round(scaled[list(contour)] * 2**_SHIFT).astype(np.int32) for contour in CONTOURS]
    rgb = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    cv2.polylines(panel, lines, False, (30, 30, 30), 3, cv2.LINE_AA, _SHIFT)
    cv2.polylines(panel, lines, False, rgb, 1, cv2.LINE_AA, _SHIFT)


@cache
def _font(size: int) -> Any:  # noqa: ANN401
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def _strip(width: int, height: int, text: str, colour: str, *, background: str) -> Frame:
    """Return a strip (height, width, 3) with one line of text in its middle."""
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (width, height), background)
    size = 15
    text = canvas.plain(text, 40)
    while size > 8 and _font(size).getlength(text) > width - 8:
        size -= 1
    ImageDraw.Draw(strip).text((width / 2, height / 2), text, fill=colour, font=_font(size), anchor="mm")
    return np.asarray(strip)


def _text_strip(width: int, text: str) -> Frame:
    return _strip(width, _FOOT, text, "#111111", background="#FFFFFF")


def _tiled(panels: Sequence[Frame]) -> Frame:
    """Put panels side by side, up to four in a row; rows are filled up with white."""
    across = len(panels) if len(panels) <= _PER_ROW else -(-len(panels) // -(-len(panels) // _PER_ROW))
    blank = np.full_like(panels[0], 255)
    filled = [*panels, *[blank] * (-len(panels) % across)]
    return np.concatenate([np.concatenate(filled[at : at + across], axis=1) for at in range(0, len(filled), across)])
