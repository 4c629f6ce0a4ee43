"""The sound that goes with a clip, per video frame: how loud it is, and where nobody speaks.

Loudness is the RMS in dB over windows of 25 ms, 10 ms apart. Silence is what stays `silence_db` or more below
the clip's loud speech, its 95th percentile, for at least 300 ms. Only level is looked at: music or noise that is
as loud as speech is taken for speech, and then no silence is found rather than a wrong one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .contract import SOUND_RATE, PerFrame

_HOP, _WINDOW = SOUND_RATE // 100, SOUND_RATE // 40
_SHORTEST_S = 0.3
_FAINTEST = 1e-5
"""RMS that counts as digital silence: −100 dB, far below any recording's noise."""


def loudness(sound: npt.NDArray[np.float32]) -> PerFrame:
    """Return the level in dB every 10 ms, of the 25 ms around the middle of each step; at least −100.

    >>> loudness(np.full(480, 0.1, np.float32)).round(1)
    array([-21.5, -20. , -21.5])
    """
    steps = len(sound) // _HOP
    energy = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    starts = np.arange(steps) * _HOP - (_WINDOW - _HOP) // 2
    within = np.clip([starts, starts + _WINDOW], 0, len(sound))
    power = (energy[within[1]] - energy[within[0]]) / _WINDOW
    level: PerFrame = 10 * np.log10(np.maximum(power, _FAINTEST**2))
    return level


def envelope(sound: npt.NDArray[np.float32], *, frames: int, rate: float) -> PerFrame:
    """Return the mean RMS while each of `frames` video frames is shown; NaN where the sound is over."""
    level = 10 ** (loudness(sound) / 20)
    # Of a step's middle: the frame shown then.
    shown = ((np.arange(len(level)) + 0.5) * (_HOP / SOUND_RATE) * rate).astype(np.int64)
    level, shown = level[shown < frames], shown[shown < frames]
    counts = np.bincount(shown, minlength=frames)
    sums = np.bincount(shown, weights=level, minlength=frames)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def silent_frames(
    sound: npt.NDArray[np.float32], *, frames: int, rate: float, silence_db: float
) -> npt.NDArray[np.bool_]:
    """Return which of `frames` video frames lie wholly within a silence."""
    level = loudness(sound)
    silent = np.zeros(frames, np.bool_)
    if not level.size:
        return silent
    quiet = level <= np.percentile(level, 95) - silence_db
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]))) * (_HOP / SOUND_RATE)
    for start, end in edges.reshape(-1, 2):
        if end - start >= _SHORTEST_S - 1e-9:
            silent[int(np.ceil(start * rate - 1e-6)) : int(end * rate + 1e-6)] = True
    return silent
