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
Kernel = Callable[[Bytes, Bytes], float]
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

_THREE, _ONE = np.int64(3), np.int64(1)
_MORE, _LESS = 1, -1


def _part(function: _Function) -> _Function:
    """Compile a piece that disappears into its caller, rounding exactly as written."""
    return cast(_Function, numba.njit(error_model="numpy", forceinline=True)(function))


def _filter(function: _Function) -> _Function:
    """Compile a piece whose a*b + c may round once."""
    return cast(_Function, numba.njit(error_model="numpy", forceinline=True, fastmath={"contract"})(function))


def _total(function: _Function) -> _Function:
    """Compile a piece that may add up in another order, always the same: what lets a sum use vectors."""
    return cast(_Function, numba.njit(error_model="numpy", forceinline=True, fastmath={"reassoc"})(function))


def _kernel(function: Kernel) -> Kernel:
    """Compile an entry point, kept on disk where any cache folder can be written.

    Each has one signature only: numba's index of several is not safe with several processes starting at once.
    """
    try:
        return cast(Kernel, numba.njit(error_model="numpy", nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(Kernel, numba.njit(error_model="numpy", nogil=True)(function))


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
        el, dl, cl, bl, al = p[j], p[j + step], p[j + 2 * step], p[j + 3 * step], p[j + 4 * step]
        m = p[j + 5 * step]
        ar, br, cr, dr, er = p[j + 6 * step], p[j + 7 * step], p[j + 8 * step], p[j + 9 * step], p[j + 10 * step]
        out[j] = _W0 * m + _W1 * (al + ar) + _W2 * (bl + br) + _W3 * (cl + cr) + _W4 * (dl + dr) + _W5 * (el + er)
        out[j + _PLANE] = (
            _W0 * (m * m)
            + _W1 * (al * al + ar * ar)
            + _W2 * (bl * bl + br * br)
            + _W3 * (cl * cl + cr * cr)
            + _W4 * (dl * dl + dr * dr)
            + _W5 * (el * el + er * er)
        )


@_filter
def _across(q: Reals, n: int, out: Reals) -> None:
    """Filter a plane of fourteen rows across the rows, into four."""
    for j in range(n):
        a, b, c, d, e = q[j], q[j + _ROW], q[j + 2 * _ROW], q[j + 3 * _ROW], q[j + 4 * _ROW]
        f, g, h, i, k = q[j + 5 * _ROW], q[j + 6 * _ROW], q[j + 7 * _ROW], q[j + 8 * _ROW], q[j + 9 * _ROW]
        m, o, r, t = q[j + 10 * _ROW], q[j + 11 * _ROW], q[j + 12 * _ROW], q[j + 13 * _ROW]
        out[j] = _W5 * (a + m) + _W4 * (b + k) + _W3 * (c + i) + _W2 * (d + h) + _W1 * (e + g) + _W0 * f
        out[j + _ROW] = _W5 * (b + o) + _W4 * (c + m) + _W3 * (d + k) + _W2 * (e + i) + _W1 * (f + h) + _W0 * g
        out[j + 2 * _ROW] = _W5 * (c + r) + _W4 * (d + o) + _W3 * (e + m) + _W2 * (f + k) + _W1 * (g + i) + _W0 * h
        out[j + 3 * _ROW] = _W5 * (d + t) + _W4 * (e + r) + _W3 * (f + o) + _W2 * (g + m) + _W1 * (h + k) + _W0 * i


@_total
def _gaussian_sum(f: Reals, n: int) -> float:
    total = 0.0
    for j in range(n):
        total += _similarity(f[j], f[j + _PLANE], f[j + 2 * _PLANE], f[j + 3 * _PLANE], 2 * _C1, 2 * _C2)
    return total


@_kernel
def _gaussian(x: Bytes, y: Bytes, step: int, line: Reals, tile: Reals, smooth: Reals) -> float:
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
                    _along(source, n, _THREE, filtered)
                else:
                    _along(source, n, _ONE, filtered)
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
    return total / (inner * (height - 2 * _RADIUS))


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
    # Sums over 49 pixels instead of means, and 49/48 of the variance: the constants take the factors, all else is exact.
    us, ss, ud, dd = sums[0], sums[1], sums[2], sums[3]
    c1 = 2 * 49 * 49 * _C1
    c2 = 2 * 49 * 48 * _C2
    total = 0.0
    for j in range(n):
        total += _similarity(
            _seven(us, j, step), 49.0 * _seven(ss, j, step), _seven(ud, j, step), 49.0 * _seven(dd, j, step), c1, c2
        )
    return total


@_kernel
def _uniform(x: Bytes, y: Bytes, step: int, sums: Sums) -> float:
    height, width = x.shape
    inner = width - 6 * step
    total = 0.0
    for i in range(height):
        _count(x[i], y[i], width, _MORE, sums)
        if i > 6:
            _count(x[i - 7], y[i - 7], width, _LESS, sums)
        if i > 5:
            total += _uniform_sum(sums, inner, _THREE) if step == 3 else _uniform_sum(sums, inner, _ONE)
    return total / (inner * (height - 6))


def gaussian(x: Bytes, y: Bytes, step: int) -> float:
    """Return the mean SSIM of all channels with the Gaussian window."""
    # Allocated here, since compiling numpy's allocation takes numba a quarter of a second.
    line, tile, smooth = np.empty(2 * _LINE), np.zeros((_BLOCK + 2 * _RADIUS) * _ROW), np.empty(4 * _ROW)
    return _gaussian(x, y, step, line, tile, smooth)


def uniform(x: Bytes, y: Bytes, step: int) -> float:
    """Return the mean SSIM of all channels with the uniform window."""
    return _uniform(x, y, step, np.zeros((4, x.shape[1]), np.int32))
