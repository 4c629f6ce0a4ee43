"""SSIM and PSNR of a part of the face: mouth, eyes, or all of it. Higher is better; read as `ssim` and `psnr`.

The part is a box: what the ground truth's landmarks of the mouth (48–67), the eyes (36–47) or the whole face (0–67)
span, with a quarter of its width added on every side, in whole px, cut at the frame's edge. Both sides are measured in
that same box of the same frame, with the definitions of SSIM and PSNR. A clip's value is that of those metrics.

Source: Wang et al. 2004 and Huynh-Thu and Ghanbari 2008 as in `ssim` and `psnr`; the boxes are talkbench's own.
Missing: a frame in which the ground truth has no face, or in which a side of the box is shorter than 11 px.
Not done: no tracking of the generated face. A head that moves of its own accord leaves the box, and that is an error.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from . import psnr, ssim
from .contract import Frame, Metric

Region = Literal["mouth", "eyes", "face"]
_POINTS = {"mouth": slice(48, 68), "eyes": slice(36, 48), "face": slice(0, 68)}
_SMALLEST = 11
_Points = npt.NDArray[np.floating]
_Box = tuple[slice, slice]


def region_box(points: _Points, height: int, width: int, *, region: Region, margin: float) -> _Box | None:
    """Return the rows and columns of a face's region, None without landmarks or with less than 11 px a side.

    `margin` is what is added on every side, in widths of the points.

    >>> points = np.zeros((68, 2))
    >>> points[48:] = 100, 200
    >>> points[54] = 140, 220
    >>> region_box(points, 256, 256, region="mouth", margin=0.25)
    (slice(190, 231, None), slice(90, 151, None))
    """
    if np.isnan(points).any():
        return None
    chosen = np.asarray(points, np.float64)[_POINTS[region]]
    low, high = chosen.min(axis=0), chosen.max(axis=0)
    extra = margin * (high[0] - low[0])
    left, top = (max(0, math.floor(end - extra)) for end in low)
    right, bottom = (min(limit, math.ceil(end + extra) + 1) for end, limit in zip(high, (width, height), strict=True))
    if right - left < _SMALLEST or bottom - top < _SMALLEST:
        return None
    return slice(top, bottom), slice(left, right)


def region_ssim(
    gt: Frame, gen: Frame, gt_points: _Points, gen_points: _Points, *, region: Region, margin: float = 0.25
) -> float:
    """Return the SSIM of two frames (H, W, 3) in the region of the ground truth's face; NaN where there is none."""
    box = region_box(gt_points, gt.shape[0], gt.shape[1], region=region, margin=margin)
    return math.nan if box is None else ssim.ssim(gt[box], gen[box])


def region_mse(
    gt: Frame, gen: Frame, gt_points: _Points, gen_points: _Points, *, region: Region, margin: float = 0.25
) -> float:
    """Return the MSE of two frames (H, W, 3) in the region of the ground truth's face; NaN where there is none."""
    box = region_box(gt_points, gt.shape[0], gt.shape[1], region=region, margin=margin)
    return math.nan if box is None else psnr.mse(gt[box], gen[box])


def _of(metric: Metric, function: partial[float], region: Region) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}-{region}",
        needs="faces",
        per_frame=partial(function, region=region),
        frame_value=f"{metric.frame_value}-{region}",
        definition=f"{metric.name} in the box of the real {_SPOKEN[region]}, a quarter of its width wider all round",
    )


_SPOKEN = {"mouth": "mouth (48–67)", "eyes": "eyes (36–47)", "face": "face (0–67)"}
METRICS: tuple[Metric, ...] = tuple(
    _of(metric, function, region)
    for metric, function in ((ssim.METRIC, partial(region_ssim)), (psnr.METRIC, partial(region_mse)))
    for region in ("mouth", "eyes", "face")
)
