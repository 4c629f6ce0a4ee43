"""Jitter: how much the face trembles, against how much the real one does. Lower is better, 0 for the ground truth.

Of one side, over its frames t with faces at t − 1, t and t + 1, with x the 68 points in px and d the clip's median
inter-ocular distance:
    jitter = 100 / d · mean over t and k of ‖ xₖ(t + 1) − 2 xₖ(t) + xₖ(t − 1) ‖,   in % of the inter-ocular distance.
A second difference passes over steady motion and shows what changes from frame to frame. A clip's value is
|jitter_gen − jitter_gt|: a face smoother than the real one is as wrong as one that trembles. Both are recorded.

Source: acceleration is the usual measure of smoothness of tracks; its form on 68 points is talkbench's.
Not done: no time unit but the frame, so 25 and 30 fps differ; noise of the landmark detector counts on both sides.
"""

from __future__ import annotations

import numpy as np

from .contract import ClipValue, Facts, Landmarks, Metric
from .face_shape import has_face
from .landmarks import inter_ocular


def jitter(track: Landmarks) -> float:
    """Return the jitter of one track (T, 68, 2) in %; NaN where no three frames in a row have a face.

    >>> still = np.zeros((5, 68, 2))
    >>> still[:, 45] = 50, 0
    >>> jitter(still), jitter(still + np.array([0, 1, 0, 1, 0])[:, None, None] * [0, 1])
    (0.0, 4.0)
    """
    seen = has_face(track)
    rows = np.flatnonzero(seen[:-2] & seen[1:-1] & seen[2:])
    if not rows.size:
        return float("nan")
    x = track.astype(np.float64)
    bend = x[rows + 2] - 2 * x[rows + 1] + x[rows]
    return float(100 * np.linalg.norm(bend, axis=2).mean() / np.nanmedian(inter_ocular(track)))


def jitter_difference(gt: Facts, gen: Facts) -> ClipValue:
    """Return how far a take's jitter is from the real one."""
    real, fake = jitter(gt.landmarks), jitter(gen.landmarks)
    for side, value in (("the ground truth", real), ("the take", fake)):
        if np.isnan(value):
            return ClipValue.missing(f"no three frames in a row in which {side} has a face")
    frames = int((has_face(gt.landmarks) & has_face(gen.landmarks)).sum())
    return ClipValue(abs(fake - real), frames, parts={"gt": real, "gen": fake})


METRIC = Metric(
    name="jitter",
    needs="facts",
    better="lower",
    unit="%",
    decimals=3,
    version="1",
    definition="difference of the sides' mean second differences of the 68 points, in % of the inter-ocular distance",
    source="talkbench (mean acceleration of the landmarks)",
    perfect=0.0,
    per_clip=jitter_difference,
    parts=("gt", "gen"),
)
