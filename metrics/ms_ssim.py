"""MS-SSIM: structural similarity of two frames at five scales. Higher is better, 1 for the ground truth itself.

At scale j both frames have been averaged over 2 × 2 px and halved j − 1 times. With csⱼ the mean over the windows of
SSIM's second factor, (2 σxy + C₂) / (σx² + σy² + C₂), and SSIM₅ the mean of the whole SSIM at the last scale:
    MS-SSIM = cs₁^0.0448 · cs₂^0.2856 · cs₃^0.3001 · cs₄^0.2363 · SSIM₅^0.1333,
per RGB channel, negative factors counted as 0, then the mean of the channels. Windows are those of `ssim`: 11 × 11,
Gaussian of σ 1.5, inside the frame. An odd side is first lengthened by its first row or column, repeated.

Equals piq's `multi_scale_ssim`: within 1e-6 on photographs, within 2e-4 where flat areas differ in brightness, since
squares are kept in float32. A clip's value is the mean over its frames.

Source: Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
Missing: a frame of less than 161 px a side has no whole window at the fifth scale.
Not done: no conversion to luma (the paper's own test images were grey).
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import numpy.typing as npt

from .contract import Frame, Metric, mean_of_frames
from .frames import check_frames

_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SMALLEST = 10 * 2 ** (len(_EXPONENTS) - 1) + 1
_MIDDLE = 255.0
_BELL = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_BELL = (_BELL / _BELL.sum()).astype(np.float32)
Reals = npt.NDArray[np.float32]


def ms_ssim(gt: Frame, gen: Frame) -> float:
    """Return the MS-SSIM of two frames (H, W, 3); NaN where a side is shorter than 161 px.

    >>> gt = np.full((161, 161, 3), 100, np.uint8)
    >>> gen = np.full((161, 161, 3), 150, np.uint8)
    >>> round(ms_ssim(gt, gen), 4)  # 0.923092 ** 0.1333: without structure, only the last scale's brightness counts
    0.9894
    >>> ms_ssim(gt[:160], gen[:160])
    nan
    """
    check_frames(gt, gen)
    if min(gt.shape[:2]) < _SMALLEST:
        return math.nan
    import cv2

    from .ms_ssim_kernels import channel_sums

    # In s = x + y and d = x − y, as in `ssim_kernels`; s about 0, since float32 keeps more of a small number's square.
    s = cast(Reals, cv2.add(gt, gen, dtype=cv2.CV_32F)) - np.float32(_MIDDLE)
    d = cast(Reals, cv2.subtract(gt, gen, dtype=cv2.CV_32F))
    product = np.ones(gt.shape[2] if gt.ndim == 3 else 1)
    for scale, exponent in enumerate(_EXPONENTS):
        if scale:
            s, d = _halved(s), _halved(d)
        us, ss, ud, dd = (_smooth(planes) for planes in (s, s * s, d, d * d))
        sums = np.zeros(len(product))
        channel_sums(us, ss, ud, dd, _MIDDLE, scale == len(_EXPONENTS) - 1, sums)
        product *= np.maximum(sums / (us.size // len(product)), 0) ** exponent
    return float(product.mean())


def _smooth(planes: Reals) -> Reals:
    """Return the windows' weighted means (h, w · channels) of planes (H, W, channels), of the windows inside."""
    import cv2

    smooth = cast(Reals, cv2.sepFilter2D(planes, -1, _BELL, _BELL))[5:-5, 5:-5]
    return np.ascontiguousarray(smooth).reshape(smooth.shape[0], -1)


def _halved(planes: Reals) -> Reals:
    """Return the means of 2 × 2 px."""
    import cv2

    odd = max(planes.shape[0] % 2, planes.shape[1] % 2)
    if odd:
        planes = cast(Reals, cv2.copyMakeBorder(planes, 1, 0, 1, 0, cv2.BORDER_REPLICATE))
    height, width = planes.shape[0] // 2, planes.shape[1] // 2
    whole = planes[: 2 * height, : 2 * width]
    return cast(Reals, cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


METRIC = Metric(
    name="MS-SSIM",
    per_frame=ms_ssim,
    frame_value="MS-SSIM",
    needs="frames",
    better="higher",
    unit="",
    decimals=3,
    version="1",
    definition="SSIM at five scales with the paper's exponents, Gaussian window 11 × 11 inside the frame, RGB mean",
    source="Wang, Simoncelli and Bovik, Asilomar 2003; equals piq's multi_scale_ssim",
    perfect=1.0,
    clip=mean_of_frames,
)
