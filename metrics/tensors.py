"""The metrics on torch tensors, for a GPU: the same numbers as the functions of the same name on arrays, to 1e-9.

Frames are (N, H, W, 3) or (N, H, W) uint8, landmarks (T, 68, 2) px, all on one device; what comes back is float64, (N,)
or (T,). Everything is computed in float64: in float32 the squares of bytes cost SSIM four digits (piq's is 2e-5
away; 1e-4 where one frame is white and the other black), and filters this small wait for memory, not for arithmetic.
Filters are sums of shifted slices: a convolution in float32 would round to ten bits (TF32) on a GPU.

torch is imported at the first call: only who asks for a device needs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .f_lmd import face_landmark_distance as _face_landmark_distance
from .landmarks import FACE, MOUTH, OUTER_EYE_CORNERS, Centre, Reduce, Scale
from .lvd import POINTS, Points
from .lvd import landmark_velocity_difference as _landmark_velocity_difference
from .m_lmd import mouth_landmark_distance as _mouth_landmark_distance
from .psnr import Arithmetic
from .psnr import mse as _mse
from .ssim import Window
from .ssim import ssim as _ssim

if TYPE_CHECKING:
    from torch import Tensor

_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def ssim(gt: Tensor, gen: Tensor, *, window: Window = "gaussian-11", downsample: bool = False) -> Tensor:
    """Return the SSIM of each pair of frames."""
    import torch

    x, y = _channels(gt), _channels(gen)
    block = max(1, round(min(x.shape[2:]) / 256)) if downsample else 1
    if block > 1:
        if window != "gaussian-11":
            raise ValueError(f"downsample: expected the window gaussian-11, got {window!r}")
        x, y = (torch.nn.functional.avg_pool2d(side, block) for side in (x, y))
    weights, bessel = _window(window)
    # In s and d, as in ssim_kernels.py: a frame against itself is exactly 1.
    s, d = x + y, x - y
    us, ud = _smooth(s, weights), _smooth(d, weights)
    vs, vd = bessel * (_smooth(s * s, weights) - us * us), bessel * (_smooth(d * d, weights) - ud * ud)
    a, b = us * us, ud * ud
    similarity = (a - b + 2 * _C1) * (vs - vd + 2 * _C2) / ((a + b + 2 * _C1) * (vs + vd + 2 * _C2))
    return similarity.mean(dim=(1, 2, 3))


def mse(gt: Tensor, gen: Tensor, *, arithmetic: Arithmetic = "exact") -> Tensor:
    """Return the mean squared error of each pair of frames, correctly rounded."""
    error = gt.short() - gen.short()
    squared = error.int() ** 2
    if arithmetic == "uint8-wrap":
        squared = squared % 256
    return squared.flatten(1).sum(dim=1).double() / squared[0].numel()


def landmark_distance(
    gt: Tensor, gen: Tensor, *, points: slice, centre: Centre, reduce: Reduce, scale: Scale
) -> Tensor:
    """Return the distance per frame; NaN where either side misses one of the points."""
    gt, gen = gt.double(), gen.double()
    offset = gen[:, points] - gt[:, points]  # the difference of the centred is the centred difference
    if centre == "centroid":
        offset = offset - offset.mean(dim=1, keepdim=True)
    if reduce == "mean-abs":
        distance = offset.abs().mean(dim=(1, 2))
    else:
        total = offset.norm(dim=2).sum(dim=1)
        distance = total / {"mean": offset.shape[1], "sum": 1, "sum-over-68": 68}[reduce]
    if scale == "px":
        return distance
    right, left = OUTER_EYE_CORNERS
    inter_ocular = (gt[:, left] - gt[:, right]).norm(dim=1)
    share: Tensor = 100 * distance / inter_ocular
    return share.masked_fill(inter_ocular == 0, math.nan)


def face_landmark_distance(
    gt: Tensor, gen: Tensor, *, centre: Centre = "centroid", reduce: Reduce = "mean", scale: Scale = "px"
) -> Tensor:
    """Return F-LMD per frame."""
    return landmark_distance(gt, gen, points=FACE, centre=centre, reduce=reduce, scale=scale)


def mouth_landmark_distance(
    gt: Tensor, gen: Tensor, *, centre: Centre = "centroid", reduce: Reduce = "mean", scale: Scale = "px"
) -> Tensor:
    """Return M-LMD per frame."""
    return landmark_distance(gt, gen, points=MOUTH, centre=centre, reduce=reduce, scale=scale)


def landmark_velocity_difference(gt: Tensor, gen: Tensor, *, points: Points = "mouth") -> Tensor:
    """Return the LVD per frame; NaN in the first and where either side has no face."""
    chosen, divisor = POINTS[points]
    gt, gen = gt.double(), gen.double()
    values = gt.new_full((len(gt),), math.nan)
    seen = (~(gt.isnan() | gen.isnan()).flatten(1).any(dim=1)).nonzero().flatten()
    offset = (gen - gt)[seen][:, chosen]
    values[seen[1:]] = (offset[1:] - offset[:-1]).norm(dim=2).sum(dim=1) / divisor
    return values


ON_TENSORS: Mapping[Callable[..., object], Callable[..., Tensor]] = {
    _ssim: ssim,
    _mse: mse,
    _face_landmark_distance: face_landmark_distance,
    _mouth_landmark_distance: mouth_landmark_distance,
    _landmark_velocity_difference: landmark_velocity_difference,
}
"""By the function on arrays, the one on tensors; `size` and `colour`, which prepare frames, are not theirs."""


def _channels(frames: Tensor) -> Tensor:
    """Return frames as (N, C, H, W) float64."""
    return (frames.permute(0, 3, 1, 2) if frames.ndim == 4 else frames[:, None]).double()


def _window(window: Window) -> tuple[list[float], float]:
    """Return a window's weights along one side, and what its variances are multiplied by."""
    if window == "uniform-7":
        return [1 / 7] * 7, 49 / 48
    if window != "gaussian-11":
        raise ValueError(f"window: expected gaussian-11 or uniform-7, got {window!r}")
    bell = [math.exp(-0.5 * (k / 1.5) ** 2) for k in range(-5, 6)]
    return [weight / math.fsum(bell) for weight in bell], 1.0


def _smooth(planes: Tensor, weights: list[float]) -> Tensor:
    """Filter (N, C, H, W) along both sides, where the whole window fits."""
    for dim in (2, 3):
        inner = planes.shape[dim] - len(weights) + 1
        total = planes.narrow(dim, 0, inner) * weights[0]
        for k, weight in enumerate(weights[1:], start=1):
            total.add_(planes.narrow(dim, k, inner), alpha=weight)
        planes = total
    return planes
