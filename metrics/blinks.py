"""Blinks against the real ones: how often, and how long. Lower is better, 0 for the ground truth itself.

The eye aspect ratio (EAR, see face_shape.py) is divided by the clip's open eye, its 80th percentile. A blink is a run
of frames below `closed` that lasts 60 to 500 ms, not cut off by a frame without a face or by the clip's ends; a longer
one is an eye that is kept shut.
    blink-rate      |blinks per minute, gen − gt|
    blink-duration  |mean duration of a blink, gen − gt| in ms; missing where a side has no blink
Both sides' own values are recorded as `gt` and `gen`.

Source: EAR of Soukupová and Čech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016; a threshold
relative to the open eye, since the ratio of open eyes differs from face to face.
Not done: winks and half blinks that stay above the threshold are not seen. A blink lasts 100 to 400 ms, three to ten
frames at 25 fps, so that durations come in steps of a frame. People blink about every three seconds: below some ten
seconds a clip's rate says little, and only the mean over clips does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .contract import ClipValue, Facts, Metric
from .face_shape import eye_aspect_ratio

_SHORTEST_S, _LONGEST_S = 0.06, 0.5


@dataclass(frozen=True)
class Blinks:
    """A side's blinks: their durations in s, and how long its eyes were watched."""

    durations: tuple[float, ...]
    watched_s: float

    @property
    def per_minute(self) -> float:
        """Blinks per minute."""
        return 60 * len(self.durations) / self.watched_s


def find_blinks(one: Facts, *, closed: float) -> Blinks:
    """Return the blinks of a side.

    >>> face = np.zeros((50, 68, 2))
    >>> face[:, [39, 45], 0] = 20
    >>> face[:, [37, 38, 43, 44], 1] = -6
    >>> face[20:23, [37, 38, 43, 44], 1] = -1  # three frames
    >>> find_blinks(Facts(face, 25.0, (256, 256)), closed=0.6)
    Blinks(durations=(0.12,), watched_s=2.0)
    """
    ratio = eye_aspect_ratio(one.landmarks)
    watched = float((~np.isnan(ratio)).sum() / one.rate)
    if not watched:
        return Blinks((), 0.0)
    state = np.where(np.isnan(ratio), -1, ratio < closed * np.nanpercentile(ratio, 80))
    edges = np.flatnonzero(np.diff(state)) + 1
    starts, ends = np.array([0, *edges]), np.array([*edges, len(state)])
    durations = []
    for start, end in zip(starts, ends, strict=True):
        cut = start == 0 or end == len(state) or state[start - 1] == -1 or state[end] == -1
        if state[start] == 1 and not cut and _SHORTEST_S <= (end - start) / one.rate <= _LONGEST_S:
            durations.append(float((end - start) / one.rate))
    return Blinks(tuple(durations), watched)


def blink_rate(gt: Facts, gen: Facts, *, closed: float = 0.6) -> ClipValue:
    """Return the difference of the blinks per minute."""
    real, fake = (find_blinks(one, closed=closed) for one in (gt, gen))
    if not (real.watched_s and fake.watched_s):
        return ClipValue.missing("no face in the ground truth" if not real.watched_s else "no face in the take")
    rates = {"gt": real.per_minute, "gen": fake.per_minute}
    return ClipValue(abs(rates["gen"] - rates["gt"]), _frames(gt, gen), parts=rates)


def blink_duration(gt: Facts, gen: Facts, *, closed: float = 0.6) -> ClipValue:
    """Return the difference of the blinks' mean durations in ms."""
    real, fake = (find_blinks(one, closed=closed).durations for one in (gt, gen))
    if not (real and fake):
        return ClipValue.missing("no blink in the ground truth" if not real else "no blink in the take")
    means = {"gt": 1000 * float(np.mean(real)), "gen": 1000 * float(np.mean(fake))}
    return ClipValue(abs(means["gen"] - means["gt"]), _frames(gt, gen), parts=means)


def _frames(gt: Facts, gen: Facts) -> int:
    both = eye_aspect_ratio(gt.landmarks) + eye_aspect_ratio(gen.landmarks)
    return int((~np.isnan(both)).sum())


RATE = Metric(
    name="blink-rate",
    needs="facts",
    better="lower",
    unit="/min",
    decimals=1,
    version="1",
    definition="difference of the sides' blinks per minute, found by the eye aspect ratio",
    source="Soukupová and Čech, CVWW 2016 (eye aspect ratio)",
    perfect=0.0,
    per_clip=blink_rate,
    parts=("gt", "gen"),
)

DURATION = replace(
    RATE,
    name="blink-duration",
    unit="ms",
    decimals=0,
    definition="difference of the mean durations of the sides' blinks, found by the eye aspect ratio",
    per_clip=blink_duration,
)

METRICS = (RATE, DURATION)
