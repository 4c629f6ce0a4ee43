"""A metric against time: every method over one clip, above the ground truth's sound on the same time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .. import palette
from . import canvas
from .tracks import Floats, Scale, Track, rate, scale_of, tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...bench.results import Results

CAPTION = (
    "Each method's value in every compared frame. A ring marks each method's worst frame; a tick along the foot, in "
    "the method's colour, a frame that has no value because a face was not found."
)
Sound = tuple[npt.NDArray[np.floating], int]
"""Mono samples (N,), −1 to 1, the first of them at the first frame, and their rate in Hz."""


def curves_figure(
    results: Results, clip: str, metric: str, *, sound: Sound | None = None, width: float = canvas.DOUBLE
) -> Figure:
    """Draw a metric's values over a clip. Raises TalkbenchError for a clip or metric that the run does not have.

    A frame's PSNR is that of its own MSE: their mean is not the clip's PSNR. Where it is ∞ the curve has a gap.
    """
    found = tracks(results, clip)
    scale = scale_of(results, metric)
    fps = rate(results)
    step = 1.0 if fps is None else float(1 / fps)
    styles = palette.styles(results.run["methods"])
    with canvas.house_style():
        height = (1.6 if width < 5 else 1.9) + (0.5 if sound else 0.0)
        names = [track.method for track in found]
        figure = canvas.charted(results, width, height, names)
        ratios = {"height_ratios": [1, 0.28]} if sound else None
        rows = figure.subplots(2 if sound else 1, 1, sharex=True, squeeze=False, gridspec_kw=ratios)[:, 0]
        upper: Axes = rows[0]
        handles = [_curve(upper, track, track.values(scale), step, styles[track.method]) for track in found]
        for track in found:
            _worst(upper, track, track.values(scale), step, scale, styles[track.method].colour)
        _missing(upper, found, scale, step, styles)
        upper.set_ylabel(scale.label)
        upper.set_title(canvas.plain(clip, int(width * 13)), loc="left", parse_math=False)
        end = (max(int(track.at[-1]) for track in found) + 1) * step
        if sound is not None:
            _waveform(rows[1], sound, last=end)
        rows[-1].set_xlim(-0.01 * end, 1.01 * end)
        rows[-1].set_xlabel("Frame" if fps is None else "Time (s)")
        canvas.legend(figure, handles, names)
    return figure


def _curve(axes: Axes, track: Track, values: Floats, step: float, style: palette.Style) -> object:
    """Draw one method; frames that were not compared, and values that are not finite, are gaps."""
    time = np.arange(track.at[0], track.at[-1] + 1)
    shown = np.full(len(time), np.nan)
    shown[track.at - track.at[0]] = np.where(np.isfinite(values), values, np.nan)
    (line,) = axes.plot(time * step, shown, color=style.colour, linestyle=style.dash, linewidth=0.9)
    # a value between two gaps has no line
    alone = ~np.isnan(shown) & np.isnan(np.r_[np.nan, shown[:-1]]) & np.isnan(np.r_[shown[1:], np.nan])
    axes.plot(time[alone] * step, shown[alone], ".", color=style.colour, markersize=2)
    return line


def _worst(axes: Axes, track: Track, values: Floats, step: float, scale: Scale, colour: str) -> None:
    finite = np.where(np.isfinite(values), values, np.nan)
    if np.isnan(finite).all():
        return
    place = int(np.nanargmax(finite) if scale.better == "lower" else np.nanargmin(finite))
    axes.plot(
        track.at[place] * step, finite[place], "o", markerfacecolor="white", markeredgecolor=colour,
        markeredgewidth=1.1, markersize=4.5, zorder=6,
    )  # fmt: skip


def _missing(axes: Axes, found: list[Track], scale: Scale, step: float, styles: dict[str, palette.Style]) -> None:
    """Draw a tick for every frame without a value, a row of them per method that has any, below the curves."""
    number = 0
    for track in found:
        absent = np.isnan(track.values(scale))
        if absent.any():
            low = 0.012 + 0.035 * number
            axes.vlines(
                track.at[absent] * step, low, low + 0.03, transform=axes.get_xaxis_transform(),
                colors=styles[track.method].colour, linewidths=0.8,
            )  # fmt: skip
            number += 1
    if number:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - (top - bottom) * 0.045 * number, top)


def _waveform(axes: Axes, sound: Sound, *, last: float) -> None:
    """Draw the sound's lowest and highest sample in each of at most 1000 slices of the clip."""
    samples, hertz = sound
    samples = samples[: max(1, round(last * hertz))]
    parts = np.array_split(samples, min(1000, len(samples)))
    middles = (np.cumsum([len(part) for part in parts]) - [len(part) / 2 for part in parts]) / hertz
    axes.fill_between(
        middles, [part.min() for part in parts], [part.max() for part in parts], color="#8C8C8C", linewidth=0
    )
    loudest = max(float(np.abs(samples).max()), 1e-3)
    axes.set_ylim(-1.05 * loudest, 1.05 * loudest)
    axes.set_yticks([])
    axes.set_ylabel("Sound")
    axes.spines["left"].set_visible(False)
