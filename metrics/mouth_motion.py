"""Whether the mouth opens when the real one does, and when the voice does.

Opening is the inner lips' gap over the inter-ocular distance (face_shape.py), loudness the sound's RMS (voice.py). r(k)
is Pearson's correlation of one track with the other k frames later, over the frames in which both are there (at least
ten, and half of all), k within a reach of 400 ms between mouths and 200 ms to the voice. The lag is the k of the
greatest r, of equals the smallest, positive where the take, or the mouth, is late. Where r is greatest at the end of
the reach, or nowhere above 0, there is no lag.
    mouth-correlation        r(0) of the real opening and the take's. 1 for the ground truth; higher is better.
                             Recorded: the lag in ms, and the correlation there.
    mouth-lag                |lag| of the same, in ms. Lower is better, 0 for the ground truth.
    mouth-audio-correlation  the greatest r of a side's own opening and the loudness; the ground truth's, too. Higher
                             is better. Recorded: the lag in ms.
    mouth-audio-lag          |lag_gen − lag_gt| of the same, in ms: the real mouth has a lag, too. Lower is better.

Source: correlation of lip opening and acoustic envelope as in Chandrasekaran et al., "The Natural Statistics of
Audiovisual Speech", PLoS Comput. Biol. 2009, who find the mouth's opening 100 to 300 ms ahead of the voice; the lag
relative to the ground truth is talkbench's.
Not done: no phonemes. A mouth that opens at the right moments in the wrong shape is right here; one that does not move
has no correlation, which is missing and not 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .contract import ClipValue, Facts, Metric, PerFrame
from .face_shape import mouth_opening
from .voice import envelope

_FEWEST = 10


@dataclass(frozen=True)
class Lagged:
    """Correlations of two tracks: at lag 0, the greatest, and the lag in ms where that is; NaN where there is none."""

    at_zero: float
    best: float
    lag_ms: float
    frames: int


def correlate(one: PerFrame, other: PerFrame, *, rate: float, reach_ms: float) -> Lagged:
    """Correlate two tracks (T,) at lags within ±`reach_ms`; positive where `other` is late.

    >>> wave = np.sin(np.arange(50) / 3)
    >>> found = correlate(wave[2:], wave[:-2], rate=25.0, reach_ms=200)
    >>> round(found.best, 9), found.lag_ms
    (1.0, 80.0)
    """
    both = ~(np.isnan(one) | np.isnan(other))
    reach = int(reach_ms * rate / 1000 + 1e-9)
    by_lag = {k: _pearson(one, other, k) for k in sorted(range(-reach, reach + 1), key=abs)}
    there = {k: r for k, r in by_lag.items() if not np.isnan(r)}
    if not there:
        return Lagged(by_lag[0], float("nan"), float("nan"), int(both.sum()))
    lag = max(there, key=lambda k: there[k])
    stands_out = there[lag] > 0 and (abs(lag) < reach or not reach)
    return Lagged(by_lag[0], there[lag], 1000 * lag / rate if stands_out else float("nan"), int(both.sum()))


def _pearson(one: PerFrame, other: PerFrame, lag: int) -> float:
    count = len(one) - abs(lag)
    x, y = one[max(0, -lag) :][: max(0, count)], other[max(0, lag) :][: max(0, count)]
    both = ~(np.isnan(x) | np.isnan(y))
    if both.sum() < max(_FEWEST, len(one) / 2):
        return float("nan")
    x, y = x[both], y[both]
    # Not a deviation of 0: the mean of equal numbers may be off in its last bit.
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    # The root of the product, not the product of the roots: a track against itself is then exactly 1.
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(np.clip(x @ y / size, -1, 1))


def mouth_correlation(gt: Facts, gen: Facts, *, reach_ms: float = 400.0) -> ClipValue:
    """Return the correlation of the two sides' mouth openings."""
    found = _with_the_real_mouth(gt, gen, reach_ms)
    if np.isnan(found.at_zero):
        return ClipValue.missing(_why(gt, gen))
    return ClipValue(found.at_zero, found.frames, parts={"lag_ms": found.lag_ms, "best": found.best})


def mouth_lag(gt: Facts, gen: Facts, *, reach_ms: float = 400.0) -> ClipValue:
    """Return how much earlier or later a take's mouth opens than the real one, in ms."""
    found = _with_the_real_mouth(gt, gen, reach_ms)
    if np.isnan(found.lag_ms):
        return ClipValue.missing(_why(gt, gen))
    return ClipValue(abs(found.lag_ms), found.frames, parts={"lag_ms": found.lag_ms, "best": found.best})


def mouth_audio_correlation(one: Facts, *, reach_ms: float = 200.0) -> ClipValue:
    """Return the correlation of a side's mouth opening with the loudness at the best lag."""
    if one.sound is None:
        return ClipValue.missing("no sound")
    found = _with_the_voice(one, reach_ms)
    if np.isnan(found.best):
        return ClipValue.missing(_why(one))
    return ClipValue(found.best, found.frames, parts={"lag_ms": found.lag_ms})


def mouth_audio_lag(gt: Facts, gen: Facts, *, reach_ms: float = 200.0) -> ClipValue:
    """Return how far the take's lag behind the voice is from the real mouth's, in ms."""
    if gt.sound is None:
        return ClipValue.missing("no sound")
    real, fake = (_with_the_voice(one, reach_ms) for one in (gt, gen))
    if np.isnan(real.lag_ms + fake.lag_ms):
        return ClipValue.missing(_why(gt, gen))
    parts = {"gt": real.lag_ms, "gen": fake.lag_ms}
    return ClipValue(abs(fake.lag_ms - real.lag_ms), min(real.frames, fake.frames), parts=parts)


def _with_the_real_mouth(gt: Facts, gen: Facts, reach_ms: float) -> Lagged:
    return correlate(mouth_opening(gt.landmarks), mouth_opening(gen.landmarks), rate=gt.rate, reach_ms=reach_ms)


def _with_the_voice(one: Facts, reach_ms: float) -> Lagged:
    assert one.sound is not None  # noqa: S101 - the callers looked
    voice = envelope(one.sound, frames=len(one.landmarks), rate=one.rate)
    return correlate(voice, mouth_opening(one.landmarks), rate=one.rate, reach_ms=reach_ms)


def _why(*sides: Facts) -> str:
    openings = [mouth_opening(one.landmarks) for one in sides]
    if (~np.isnan(np.sum(openings, axis=0))).sum() < max(_FEWEST, len(openings[0]) / 2):
        return "too few frames with a face"
    if any(np.ptp(opening[~np.isnan(opening)]) == 0 for opening in openings):
        return "a mouth that does not move"
    return "no lag within reach at which they go together"


CORRELATION = Metric(
    name="mouth-correlation",
    needs="facts",
    better="higher",
    unit="",
    decimals=2,
    version="1",
    definition="Pearson correlation of the two sides' mouth openings, frame by frame",
    source="talkbench (Chandrasekaran et al., 2009, for the opening)",
    perfect=1.0,
    per_clip=mouth_correlation,
    parts=("lag_ms", "best"),
)

LAG = replace(
    CORRELATION,
    name="mouth-lag",
    better="lower",
    unit="ms",
    decimals=0,
    definition="lag at which the two sides' mouth openings correlate best, without its sign",
    perfect=0.0,
    per_clip=mouth_lag,
)

AUDIO_CORRELATION = replace(
    CORRELATION,
    name="mouth-audio-correlation",
    definition="Pearson correlation of the mouth's opening with the sound's RMS, at the best lag within 200 ms",
    source="Chandrasekaran et al., PLoS Comput. Biol. 2009",
    perfect=None,
    limits=(-1.0, 1.0),
    sides="one",
    per_clip=mouth_audio_correlation,
    parts=("lag_ms",),
    sound=True,
)

AUDIO_LAG = replace(
    LAG,
    name="mouth-audio-lag",
    definition="difference of the sides' lags at which the mouth's opening correlates best with the sound's RMS",
    source="talkbench (Chandrasekaran et al., 2009)",
    per_clip=mouth_audio_lag,
    parts=("gt", "gen"),
    sound=True,
)

METRICS = (CORRELATION, LAG, AUDIO_CORRELATION, AUDIO_LAG)
