"""MS-SSIM's sums over windows. Imported at the first call of `ms_ssim`, since numba takes its time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .ssim_kernels import kernel

_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_Means = npt.NDArray[np.float32]


@kernel
def channel_sums(
    us: _Means, ss: _Means, ud: _Means, dd: _Means, middle: float, whole: bool, sums: npt.NDArray[np.float64]
) -> None:
    """Add up a scale's similarity into one sum per channel.

    Given are the windows' means of s − middle, its square, d and d², each (h, w · channels); `whole` is with luminance.
    """
    line = np.empty(us.shape[1])  # divided in one loop without a sum, which uses vectors
    for i in range(us.shape[0]):
        for j in range(len(line)):
            u, v = np.float64(us[i, j]), np.float64(ud[i, j])
            vs, vd = np.float64(ss[i, j]) - u * u, np.float64(dd[i, j]) - v * v
            line[j] = (vs - vd + 2 * _C2) / (vs + vd + 2 * _C2)
            if whole:
                a, b = (u + middle) * (u + middle), v * v
                line[j] *= (a - b + 2 * _C1) / (a + b + 2 * _C1)
        for c in range(len(sums)):
            for j in range(c, len(line), len(sums)):
                sums[c] += line[j]
