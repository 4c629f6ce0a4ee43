"""SSIM's two windows as fused loops on one thread. Imported at the first call of `ssim`, since numba takes its time.

Everything is written in s = x + y and d = x − y, for which SSIM is
    (us² − ud² + 2 C1) (vs − vd + 2 C2) / ((us² + ud² + 2 C1) (vs + vd + 2 C2)),   u a window's mean, v its variance:
s and d of bytes and their squares are whole numbers, exact in int32 and float64, and d = 0 gives exactly 1.
Images come as (H, W * channels) bytes; a neighbour is then `channels` columns away, for all channels alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]
_Function = TypeVar("_Function", bound=Callable[..., object])

_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

_RADIUS = 5
_BELL = [math.exp(-0.5 * (k / 1.5) ** 2) for k in range(_RADIUS + 1)]
_W0, _W1, _W2, _W3, _W4, _W5 = (w / (_BELL[0] + 2 * math.fsum(_BELL[1:])) for w in _BELL)

# A strip's tile stays in a core's L2 cache: 42 rows of four planes, 180 KiB. The odd eight doubles keep the planes of a
# row, and the rows, from falling on the same cache sets.
_STRIP = 128
_PLANE = _STRIP + 8
_ROW = 4 * _PLANE
_LINE = _STRIP + 40
_BLOCK = 32


def _part(function: _Function) -> _Function:
    """Compile a piece that disappears into its caller, rounding exactly as written."""
    return cast(_Function, numba.njit(error_model="numpy", forceinline=True)(function))


def _filter(function: _Function) -> _Function:
    """Compile a piece whose a*b + c may round once."""
    return cast(_Function, numba.njit(error_model="numpy", forceinline=True, fastmath={"contract"})(function))


def _total(function: _Function) -> _Function:
    """Compile a piece that may add up in another order, always the same: what lets a sum use vectors."""
    return cast(_Function, numba.njit(error_model="numpy", forceinline=True, fastmath={"reassoc"})(function))


def kernel(function: _Function) -> _Function:
    """Compile an entry point, kept on disk where any cache folder can be written.

    Each is called with one signature only: numba's index of several is not safe with several processes at once.
    """
    try:
        return cast(_Function, numba.njit(error_model="numpy", nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(error_model="numpy", nogil=True)(function))


@_part
def _similarity(us: float, ss: float, ud: float, dd: float, c1: float, c2: float) -> float:
    """Return SSIM from the means of s, s², d and d², times any common factor that c1 and c2 have as well."""
    a = us * us
    b = ud * ud
    vs = ss - a
    vd = dd - b
    return ((a - b + c1) * (vs - vd + c2)) / ((a + b + c1) * (vs + vd + c2))


@_part
def _read(x: Bytes, y: Bytes, n: int, line: Reals) -> None:
    """Write s and d of a row piece, one after the other."""
    for j in range(n):
        a = np.int32(x[j])
        b = np.int32(y[j])
        line[j] = np.float64(np.int32(a + b))
        line[j + _LINE] = np.float64(np.int32(a - b))


@_filter
def _along(p: Reals, n: int, step: int, out: Reals) -> None:
    """Filter a line and its square along the row."""
    for j in range(n):
        l5, l4, l3, l2, l1 = p[j], p[j + step], p[j + 2 * step], p[j + 3 * step], p[j + 4 * step]
        m = p[j + 5 * step]
        r1, r2, r3, r4, r5 = p[j + 6 * step], p[j + 7 * step], p[j + 8 * step], p[j + 9 * step], p[j + 10 * step]
        out[j] = _W0 * m + _W1 * (l1 + r1) + _W2 * (l2 + r2) + _W3 * (l3 + r3) + _W4 * (l4 + r4) + _W5 * (l5 + r5)
        out[j + _PLANE] = (
            _W0 * (m * m)
            + _W1 * (l1 * l1 + r1 * r1)
            + _W2 * (l2 * l2 + r2 * r2)
            + _W3 * (l3 * l3 + r3 * r3)
            + _W4 * (l4 * l4 + r4 * r4)
            + _W5 * (l5 * l5 + r5 * r5)
        )


@_filter
def _across(p: Reals, n: int, out: Reals) -> None:
    """Filter fourteen rows of a plane across the rows, into four: more results to a load than one row at a time."""
    for j in range(n):
        r0, r1, r2, r3, r4 = p[j], p[j + _ROW], p[j + 2 * _ROW], p[j + 3 * _ROW], p[j + 4 * _ROW]
        r5, r6, r7, r8, r9 = p[j + 5 * _ROW], p[j + 6 * _ROW], p[j + 7 * _ROW], p[j + 8 * _ROW], p[j + 9 * _ROW]
        r10, r11, r12, r13 = p[j + 10 * _ROW], p[j + 11 * _ROW], p[j + 12 * _ROW], p[j + 13 * _ROW]
        out[j] = _W5 * (r0 + r10) + _W4 * (r1 + r9) + _W3 * (r2 + r8) + _W2 * (r3 + r7) + _W1 * (r4 + r6) + _W0 * r5
        out[j + _ROW] = (
            _W5 * (r1 + r11) + _W4 * (r2 + r10) + _W3 * (r3 + r9) + _W2 * (r4 + r8) + _W1 * (r5 + r7) + _W0 * r6
        )
        out[j + 2 * _ROW] = (
            _W5 * (r2 + r12) + _W4 * (r3 + r11) + _W3 * (r4 + r10) + _W2 * (r5 + r9) + _W1 * (r6 + r8) + _W0 * r7
        )
        out[j + 3 * _ROW] = (
            _W5 * (r3 + r13) + _W4 * (r4 + r12) + _W3 * (r5 + r11) + _W2 * (r6 + r10) + _W1 * (r7 + r9) + _W0 * r8
        )


@_total
def _gaussian_sum(f: Reals, n: int) -> float:
    total = 0.0
    for j in range(n):
        total += _similarity(f[j], f[j + _PLANE], f[j + 2 * _PLANE], f[j + 3 * _PLANE], 2 * _C1, 2 * _C2)
    return total


@kernel
def _gaussian(x: Bytes, y: Bytes, step: int, line: Reals, tile: Reals, smooth: Reals) -> float:
    """Filter a strip of columns along the rows into the tile, then across it; ten rows stay for the next block."""
    height, width = x.shape
    inner = width - 2 * _RADIUS * step
    total = 0.0
    for left in range(0, inner, _STRIP):
        n = min(_STRIP, inner - left)
        rows = 0
        for i in range(height):
            _read(x[i, left:], y[i, left:], n + 2 * _RADIUS * step, line)
            for half in range(2):
                source, filtered = line[half * _LINE :], tile[rows * _ROW + half * 2 * _PLANE :]
                if step == 3:
                    _along(source, n, 3, filtered)
                else:
                    _along(source, n, 1, filtered)
            rows += 1
            if rows == _BLOCK + 2 * _RADIUS or i == height - 1:
                ready = rows - 2 * _RADIUS
                for top in range(0, ready, 4):
                    for plane in range(4):
                        _across(tile[top * _ROW + plane * _PLANE :], n, smooth[plane * _PLANE :])
                    for row in range(min(4, ready - top)):
                        total += _gaussian_sum(smooth[row * _ROW :], n)
                for j in range(2 * _RADIUS * _ROW):
                    tile[j] = tile[j + _BLOCK * _ROW]
                rows = 2 * _RADIUS
    windows: int = inner * (height - 2 * _RADIUS)
    return total / windows


@_part
def _count(x: Bytes, y: Bytes, n: int, sign: int, sums: Sums) -> None:
    """Add a row to the column sums of s, s², d and d², or take it from them."""
    us, ss, ud, dd = sums[0], sums[1], sums[2], sums[3]
    for j in range(n):
        a = np.int32(x[j])
        b = np.int32(y[j])
        s = np.int32(a + b)
        d = np.int32(a - b)
        us[j] = np.int32(us[j] + sign * s)
        ss[j] = np.int32(ss[j] + sign * (s * s))
        ud[j] = np.int32(ud[j] + sign * d)
        dd[j] = np.int32(dd[j] + sign * (d * d))


@_part
def _seven(c: Sums, j: int, step: int) -> float:
    low = c[j] + c[j + step] + c[j + 2 * step]
    return np.float64(np.int32(low + c[j + 3 * step] + c[j + 4 * step] + c[j + 5 * step] + c[j + 6 * step]))


@_total
def _uniform_sum(sums: Sums, n: int, step: int) -> float:
    # Sums over 49 pixels, not means, and 49/48 of the variance: the constants take the factors, the rest is exact.
    us, ss, ud, dd = sums[0], sums[1], sums[2], sums[3]
    c1 = 2 * 49 * 49 * _C1
    c2 = 2 * 49 * 48 * _C2
    total = 0.0
    for j in range(n):
        total += _similarity(
            _seven(us, j, step), 49.0 * _seven(ss, j, step), _seven(ud, j, step), 49.0 * _seven(dd, j, step), c1, c2
        )
    return total


@kernel
def _uniform(x: Bytes, y: Bytes, step: int, sums: Sums) -> float:
    height, width = x.shape
    inner = width - 6 * step
    total = 0.0
    for i in range(height):
        _count(x[i], y[i], width, 1, sums)
        if i > 6:
            _count(x[i - 7], y[i - 7], width, -1, sums)
        if i > 5:
            total += _uniform_sum(sums, inner, 3) if step == 3 else _uniform_sum(sums, inner, 1)
    windows: int = inner * (height - 6)
    return total / windows


def gaussian(x: Bytes, y: Bytes, step: int) -> float:
    """Return the mean SSIM of all channels with the Gaussian window."""
    # Allocated here, since compiling numpy's allocation takes numba a quarter of a second.
    line, tile, smooth = np.empty(2 * _LINE), np.zeros((_BLOCK + 2 * _RADIUS) * _ROW), np.empty(4 * _ROW)
    return _gaussian(x, y, step, line, tile, smooth)


def uniform(x: Bytes, y: Bytes, step: int) -> float:
    """Return the mean SSIM of all channels with the uniform window."""
    return _uniform(x, y, step, np.zeros((4, x.shape[1]), np.int32))
