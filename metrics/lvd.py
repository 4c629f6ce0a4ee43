"""LVD: how differently the landmarks move. Lower is better, 0 for the ground truth itself.

Per frame, with vₖ a side's motion of point k since the last frame in which both sides have a face, in px per frame:
    LVD = 1/n Σₖ ‖ v_genₖ − v_gtₖ ‖,   over the 20 mouth points (M-LVD) or all 68 (F-LVD).
A clip's value is the mean over those frames; the first has no motion and no value.

Source: landmark velocity difference of Chen et al., "Talking-head Generation with Rhythmic Head Motion", ECCV 2020,
with the switches of EAT's evaluation (github.com/yuangan/evaluation_eat, code/test_lmd.py).
Not done: no centring (a moving head counts), no time unit but the frame.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from .contract import Landmarks, Metric, PerFrame
from .landmarks import FACE, MOUTH

Points = Literal["mouth", "face", "mouth-over-68"]
POINTS: dict[str, tuple[slice, int]] = {"mouth": (MOUTH, 20), "face": (FACE, 68), "mouth-over-68": (MOUTH, 68)}


def landmark_velocity_difference(gt: Landmarks, gen: Landmarks, *, points: Points = "mouth") -> PerFrame:
    """Return the LVD per frame of two tracks (T, 68, 2); NaN in the first frame and where either side has no face.

    "mouth-over-68" divides the mouth's sum by 68: what EAT's script reports as its face value.

    >>> gt = np.zeros((3, 68, 2))
    >>> gen = gt.copy()
    >>> gen[2] = 3, 4
    >>> landmark_velocity_difference(gt, gen)
    array([nan,  0.,  5.])
    """
    chosen, divisor = POINTS[points]
    values = np.full(len(gt), np.nan)
    seen = np.flatnonzero(~np.isnan(gt).any(axis=(1, 2)) & ~np.isnan(gen).any(axis=(1, 2)))
    real, fake = (np.diff(side[seen][:, chosen].astype(np.float64), axis=0) for side in (gt, gen))
    values[seen[1:]] = np.linalg.norm(fake - real, axis=2).sum(axis=1) / divisor
    return values


def clip_lvd(values: PerFrame, *, divide: Literal["differences", "frames"] = "differences") -> float:
    """Return a clip's LVD; "frames" divides by one more than there are differences, as EAT's script does."""
    return float(np.sum(values)) / (len(values) + (divide == "frames"))


MOUTH_METRIC = Metric(
    name="M-LVD",
    per_frame=landmark_velocity_difference,
    frame_value="M-LVD",
    needs="landmarks",
    better="lower",
    unit="px",
    decimals=2,
    version="1",
    definition="mean over points 48–67 of the Euclidean distance of the two sides' motion since the last frame, in px",
    source="Chen et al., ECCV 2020 (landmark velocity difference)",
    perfect=0.0,
    clip=clip_lvd,
)

FACE_METRIC = replace(
    MOUTH_METRIC,
    name="F-LVD",
    per_frame=partial(landmark_velocity_difference, points="face"),
    frame_value="F-LVD",
    definition="mean over all 68 points of the Euclidean distance of the two sides' motion since the last frame, in px",
)
