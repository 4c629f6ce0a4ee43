"""PSNR: peak signal-to-noise ratio of a clip, in dB. Higher is better, ∞ for the ground truth itself and nothing else.

Per frame, over all pixels and the three RGB channels alike: MSE = mean (gen − gt)², of bytes and exact.
    PSNR = 10 log₁₀ (255² / mean of the frames' MSE).
The mean is taken before the logarithm (pooled, as for the average of ffmpeg's psnr filter): a frame without an error
does not make the clip infinite, and the value is that of all the clip's pixels taken as one picture.

Source: Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment", Electronics Letters
44(13), 2008; 255 is the range of a byte.
Not done: no luma or Y'CbCr weighting, no mean of the frames' dB, no cap at 100 dB, and no arithmetic in uint8, which
wraps and lifts two unrelated pictures from 8 to 28 dB.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from .contract import Frame, Metric, PerFrame, mean_of_frames
from .frames import Colour, check_frames, prepared

Arithmetic = Literal["exact", "uint8-wrap"]


def mse(
    gt: Frame,
    gen: Frame,
    *,
    colour: Colour = "rgb",
    size: int | None = None,
    arithmetic: Arithmetic = "exact",
) -> float:
    """Return the mean squared error of two frames (H, W, 3) or (H, W), correctly rounded.

    `colour` and `size` prepare both frames first (see `frames.prepared`). With "uint8-wrap" differences and squares
    wrap modulo 256, as where a script subtracts bytes: the error of unlike pictures then cannot exceed some 105.

    >>> gt = np.zeros((2, 2, 3), np.uint8)
    >>> gen = gt.copy()
    >>> gen[0, 0, 0] = 6  # one of twelve values is 6 off
    >>> mse(gt, gen)
    3.0
    """
    # cv2.norm(NORM_L2SQR) is faster, but squares a rounded root: not a whole number for every second pair of frames.
    gt, gen = (prepared(frame, size=size, colour=colour) for frame in (gt, gen))
    check_frames(gt, gen)
    error = np.maximum(gt, gen) - np.minimum(gt, gen)
    if arithmetic == "uint8-wrap":  # (−e)² and e² are the same modulo 256
        return int(np.square(error, dtype=np.uint8).sum(dtype=np.uint64)) / error.size
    return int(np.square(error, dtype=np.uint16).sum(dtype=np.uint64)) / error.size


def psnr_from_mse(mse: float) -> float:
    """Return the PSNR in dB of a mean squared error of bytes.

    >>> psnr_from_mse(65025 / 100)
    20.0
    >>> psnr_from_mse(0)
    inf
    """
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def psnr(gt: Frame, gen: Frame) -> float:
    """Return the PSNR in dB of two frames; of a clip, give all frames' mean MSE to `psnr_from_mse`.

    >>> gt = np.zeros((10, 10, 3), np.uint8)
    >>> round(psnr(gt, gt + np.uint8(255)), 2)
    0.0
    """
    return psnr_from_mse(mse(gt, gen))


def clip_psnr(
    values: PerFrame,
    *,
    pool: Literal["mse", "db"] = "mse",
    identical: Literal["inf", "100", "epsilon"] = "inf",
) -> float:
    """Return a clip's PSNR in dB from its frames' MSE.

    `pool`: "mse" takes the mean error before the logarithm, "db" the mean of the frames' dB.
    `identical` is what "db" takes for a frame without error: ∞, 100 dB, or 80 dB and a little less for every frame by
    an epsilon of 1e-8 added to the error on a scale of 0 to 1 (piq).

    >>> clip_psnr(np.array([0.0, 2 * 6.5025]))
    40.0
    >>> clip_psnr(np.array([0.0, 65025 / 100]), pool="db", identical="100")
    60.0
    """
    if pool == "mse":
        return psnr_from_mse(mean_of_frames(values))
    return mean_of_frames(np.array([_frame_db(float(value), identical) for value in values]))


def _frame_db(error: float, identical: str) -> float:
    if identical == "epsilon":
        return -10 * math.log10(error / 255**2 + 1e-8)
    return 100.0 if error == 0 and identical == "100" else psnr_from_mse(error)


METRIC = Metric(
    name="PSNR",
    per_frame=mse,
    frame_value="MSE",
    needs="frames",
    better="higher",
    unit="dB",
    decimals=2,
    version="1",
    definition="10 log10(255² / MSE), the MSE of RGB bytes pooled over the clip's frames; ∞ only for identical clips",
    source="Huynh-Thu and Ghanbari, Electronics Letters 44(13), 2008; pooled like the average of ffmpeg's psnr filter",
    perfect=math.inf,
    clip=clip_psnr,
)
