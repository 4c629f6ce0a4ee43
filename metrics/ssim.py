"""SSIM: structural similarity of two frames. Higher is better, 1 for the ground truth itself; −1 at worst.

Per window, x and y being the same place of the two frames, with means μ, variances σ² and covariance σxy:
    SSIM = (2 μx μy + C₁)(2 σxy + C₂) / ((μx² + μy² + C₁)(σx² + σy² + C₂)),   C₁ = (0.01 · 255)², C₂ = (0.03 · 255)².
A frame's value is the mean over every window that fits into the frame, and over the three RGB channels.
    gaussian-11   11 × 11, Gaussian weights of σ 1.5, population covariance: the window of Wang et al.
    uniform-7     7 × 7, equal weights, sample covariance (divided by 48): scikit-image's default.
Both equal scikit-image's `structural_similarity` with those settings and `data_range=255, channel_axis=2`: the largest
difference seen is 1.3e-12. A clip's value is the mean over its frames.

Source: Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
IEEE Transactions on Image Processing 13(4), 2004.
Not done: no down-sampling beforehand (piq does), no padding at the borders (torchmetrics does), no conversion to luma.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from .contract import Frame, Metric, mean_of_frames
from .frames import check_frames, prepared

Window = Literal["gaussian-11", "uniform-7"]
_SIDES = {"gaussian-11": 11, "uniform-7": 7}


def ssim(
    gt: Frame, gen: Frame, *, window: Window = "gaussian-11", size: int | None = None, downsample: bool = False
) -> float:
    """Return the SSIM of two frames (H, W, 3), or of one channel (H, W), on one thread.

    `size` scales both frames to size × size first (OpenCV's INTER_AREA). `downsample` averages blocks of
    round(min(H, W) / 256) px a side first, as piq does by default; it needs the Gaussian window.

    The first call on a machine compiles for some seconds; later processes load what it left in the cache.

    >>> gt = np.full((16, 16, 3), 100, np.uint8)
    >>> gen = np.full((16, 16, 3), 150, np.uint8)
    >>> round(ssim(gt, gen), 6)  # without structure, (2 · 100 · 150 + C₁) / (100² + 150² + C₁) is left
    0.923092
    >>> ssim(gt, gt, window="uniform-7")
    1.0
    """
    if window not in _SIDES:
        raise ValueError(f"window: expected {' or '.join(_SIDES)}, got {window!r}")
    if size is not None:
        gt, gen = (prepared(frame, size=size, colour="rgb") for frame in (gt, gen))
    check_frames(gt, gen, at_least=_SIDES[window])
    block = max(1, round(min(gt.shape[:2]) / 256)) if downsample else 1
    if block > 1:
        return _ssim_of_blocks(gt, gen, block, window)
    from . import ssim_kernels

    kernel = ssim_kernels.gaussian if window == "gaussian-11" else ssim_kernels.uniform
    return kernel(_rows(gt), _rows(gen), 1 if gt.ndim == 2 else 3)


def _rows(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return the frame as (H, W · channels), read-only, so that numba sees one type whatever the caller's array is."""
    rows = np.ascontiguousarray(frame).reshape(frame.shape[0], -1)
    rows.flags.writeable = False
    return rows


def _ssim_of_blocks(gt: Frame, gen: Frame, block: int, window: Window) -> float:
    """Return the Gaussian SSIM of two frames after averaging block × block px; a rest at the far edges is dropped."""
    if window != "gaussian-11":
        raise ValueError(f"downsample: expected the window gaussian-11, got {window!r}")
    from scipy.ndimage import correlate1d

    offsets = np.arange(-5, 6)
    weights = np.exp(-0.5 * (offsets / 1.5) ** 2)
    weights /= weights.sum()

    def blurred(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        rows = correlate1d(image, weights, axis=0)[5:-5]
        smooth: npt.NDArray[np.float64] = correlate1d(rows, weights, axis=1)[:, 5:-5]
        return smooth

    def averaged(frame: Frame) -> npt.NDArray[np.float64]:
        height, width = (side // block * block for side in frame.shape[:2])
        blocks = frame[:height, :width].astype(np.float64).reshape(height // block, block, width // block, block, -1)
        means: npt.NDArray[np.float64] = blocks.mean(axis=(1, 3))
        return means

    x, y = averaged(gt), averaged(gen)
    mx, my = blurred(x), blurred(y)
    vx, vy, vxy = blurred(x * x) - mx * mx, blurred(y * y) - my * my, blurred(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(similarity.mean())


METRIC = Metric(
    name="SSIM",
    per_frame=ssim,
    frame_value="SSIM",
    needs="frames",
    better="higher",
    unit="",
    decimals=2,
    version="1",
    definition="Gaussian window 11 × 11, σ 1.5, population covariance, range 255, windows inside the frame, RGB mean",
    source="Wang et al., IEEE Transactions on Image Processing 13(4), 2004; equals scikit-image with these settings",
    perfect=1.0,
    clip=mean_of_frames,
)
