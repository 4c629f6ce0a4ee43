"""Mel-frequency cepstral coefficients as python_speech_features makes them with its defaults: what SyncNet hears."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

_Reals = npt.NDArray[np.float64]
_RATE, _LENGTH, _STEP, _FFT = 16_000, 400, 160, 512
_FILTERS, _KEPT, _LIFTER, _EMPHASIS = 26, 13, 22, 0.97


def mfcc(samples: _Reals) -> _Reals:
    """Return 13 coefficients (T, 13) per 10 ms of sound at 16 kHz, samples (N,) in 16-bit steps.

    Windows of 25 ms without a taper, pre-emphasis 0.97, 26 triangular filters from 0 to 8 kHz on the power spectrum of
    512 points, logarithm, orthonormal DCT-II, liftering by 22; the first coefficient is the log of the window's energy.

    >>> mfcc(np.zeros(1600)).shape
    (9, 13)
    """
    from scipy.fft import dct

    emphasised = np.append(samples[:1], samples[1:] - _EMPHASIS * samples[:-1])
    count = 1 + max(0, -(-(len(samples) - _LENGTH) // _STEP))
    padded = np.pad(emphasised, (0, max(0, (count - 1) * _STEP + _LENGTH - len(emphasised))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _LENGTH)[::_STEP][:count]
    power = np.abs(np.fft.rfft(windows, _FFT)) ** 2 / _FFT
    tiny = np.finfo(float).eps
    energy, bands = power.sum(axis=1), power @ _filters().T
    bands, energy = (np.where(values == 0, tiny, values) for values in (bands, energy))
    kept = dct(np.log(bands), type=2, axis=1, norm="ortho")[:, :_KEPT]
    kept = kept * (1 + _LIFTER / 2 * np.sin(np.pi * np.arange(_KEPT) / _LIFTER))
    kept[:, 0] = np.log(energy)
    coefficients: _Reals = kept
    return coefficients


@cache
def _filters() -> _Reals:
    """Return the triangles (26, 257), evenly spaced in mel, their corners at whole bins."""
    highest = 2595 * np.log10(1 + _RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, _FILTERS + 2) / 2595) - 1)
    corners = np.floor((_FFT + 1) * hertz / _RATE)
    bins = np.arange(_FFT // 2 + 1)
    rising = (bins - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - bins) / (corners[2:] - corners[1:-1])[:, None]
    up = (bins >= corners[:-2, None]) & (bins < corners[1:-1, None])
    down = (bins >= corners[1:-1, None]) & (bins < corners[2:, None])
    return np.where(up, rising, 0) + np.where(down, falling, 0)
