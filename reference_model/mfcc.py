"""MFCC windows: what the model hears of each video frame.

16 kHz samples in −1…1; 25 ms windows every 10 ms, rectangular; pre-emphasis 0.97; power spectrum of 512 points; 26 mel
filters from 0 to 8000 Hz; logarithm; orthonormal DCT-II, 13 coefficients; lifter 22; log energy in place of c0. These
are the defaults of python_speech_features, which ATVGnet and EVP use, and the numbers agree with it. The windows drop
the energy and keep 12 coefficients.

One video frame is 40 ms, four hops. Frame t is given 28 hops, 0.04t − 0.12 s … 0.04t + 0.175 s. ATVGnet and EVP pad
both sides of the sound by 1920 samples and get T − 1 windows for T frames. The right side wants 2160, what a window is
longer than a hop more; then there are 4T + 24 hops, and a window for every frame.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

Floats = npt.NDArray[np.float32]

SAMPLE_RATE = 16000
SAMPLES_PER_FRAME = 640
HOPS_PER_FRAME = 4
HOPS = 28
"""Hops in a window, 0.28 s."""
COEFFICIENTS = 12
LEFT, RIGHT = 1920, 2160
"""Zeros before and after the sound, in samples."""

_WINDOW, _HOP, _FFT = 400, 160, 512
_PRE_EMPHASIS, _CEPSTRA, _FILTERS, _LIFTER = 0.97, 13, 26, 22
_EPSILON = np.finfo(np.float64).eps


def mfcc(samples: npt.NDArray[np.floating], frames: int) -> Floats:
    """Return the MFCC (4T + 24, 13) of the sound of T `frames`, (640·T,) samples at 16 kHz, padded with silence.

    >>> mfcc(np.zeros(640), 1).shape
    (28, 13)
    """
    if samples.shape != (SAMPLES_PER_FRAME * frames,) or not frames:
        raise ValueError(f"samples: expected 640 for each of {frames} frames, (640·T,), got {samples.shape}")
    padded = np.pad(samples.astype(np.float64), (LEFT, RIGHT))
    emphasised = np.append(padded[0], padded[1:] - _PRE_EMPHASIS * padded[:-1])
    windows = np.lib.stride_tricks.sliding_window_view(emphasised, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(windows, _FFT)) ** 2 / _FFT
    energy, bands = (np.where(values == 0, _EPSILON, values) for values in (power.sum(axis=1), power @ _filters().T))
    cepstra = dct(np.log(bands), type=2, axis=1, norm="ortho")[:, :_CEPSTRA]
    cepstra *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(_CEPSTRA) / _LIFTER)
    cepstra[:, 0] = np.log(energy)
    return np.asarray(cepstra, dtype=np.float32)


def windows(features: Floats, frames: int) -> Floats:
    """Return the windows (T, 28, 12) of T `frames` from their MFCC (4T + 24, 13), without the energy.

    >>> windows(mfcc(np.zeros(640 * 25), 25), 25).shape
    (25, 28, 12)
    """
    if features.shape != (HOPS_PER_FRAME * frames + 24, _CEPSTRA) or not frames:
        raise ValueError(f"features: expected (4T + 24, 13) for {frames} frames, got {features.shape}")
    view = np.lib.stride_tricks.sliding_window_view(features[:, 1:], HOPS, axis=0)[::HOPS_PER_FRAME]
    return np.ascontiguousarray(view.transpose(0, 2, 1))


@cache
def _filters() -> npt.NDArray[np.float64]:
    """Return the triangular mel filters (26, 257), their corners at whole FFT bins."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    corners = np.floor((_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(_FFT // 2 + 1)
    low, middle, high = (corners[k : k + _FILTERS, None] for k in range(3))
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    inside = (bins >= low) & (bins < high)
    return np.where(inside, np.where(bins < middle, rising, falling), 0.0)
