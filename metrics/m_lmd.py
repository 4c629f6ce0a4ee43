"""M-LMD: how far the mouth's landmarks are from the ground truth's. Lower is better, 0 for the ground truth itself.

Per frame, with c the mean of a side's own 20 mouth points, in px of the measured frame:
    M-LMD = 1/20 Σₖ ‖ (genₖ − c_gen) − (gtₖ − c_gt) ‖,   k = 48 … 67, outer and inner lips.
A clip's value is the mean over the frames in which both sides have a face.

Recorded beside it: `M-LMD-uncentred` (c = 0) and `M-LMD-iod` (in % of the ground truth's inter-ocular distance in the
same frame, between the outer eye corners, points 36 and 45).

Source: the landmark distance of Chen et al., "Lip Movements Generation at a Glance", ECCV 2018, centred on the mouth as
in ATVGnet's (Chen et al., CVPR 2019) and EAT's evaluation (github.com/yuangan/evaluation_eat).
Not done: no scaling, no rotation, no Procrustes fit, no smoothing in time; a turned mouth counts as an error.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from .contract import Landmarks, Metric, PerFrame, mean_of_frames
from .landmarks import MOUTH, Centre, Reduce, Scale, landmark_distance


def mouth_landmark_distance(
    gt: Landmarks, gen: Landmarks, *, centre: Centre = "centroid", reduce: Reduce = "mean", scale: Scale = "px"
) -> PerFrame:
    """Return M-LMD per frame of two tracks (T, 68, 2); NaN where either side has no face.

    >>> import numpy as np
    >>> gt = np.zeros((1, 68, 2))
    >>> gen = gt.copy()
    >>> gen[0, 57] = 0, 20  # the lip falls 20 px, the centroid one px: 19 px once and 1 px 19 times
    >>> mouth_landmark_distance(gt, gen)
    array([1.9])
    """
    return landmark_distance(gt, gen, points=MOUTH, centre=centre, reduce=reduce, scale=scale)


METRIC = Metric(
    name="M-LMD",
    per_frame=mouth_landmark_distance,
    frame_value="M-LMD",
    needs="landmarks",
    better="lower",
    unit="px",
    decimals=2,
    version="1",
    definition="mean over points 48–67 of the Euclidean distance in px, each side centred on its 20 points' mean",
    source="Chen et al., ECCV 2018 (landmark distance); centred on the mouth as in ATVGnet's and EAT's evaluation",
    perfect=0.0,
    clip=mean_of_frames,
)

UNCENTRED = replace(
    METRIC,
    name="M-LMD-uncentred",
    per_frame=partial(mouth_landmark_distance, centre="none"),
    frame_value="M-LMD-uncentred",
    definition="mean over points 48–67 of the Euclidean distance in px, where the mouths are in the frame",
    source="Chen et al., ECCV 2018 (landmark distance)",
)

IOD = replace(
    METRIC,
    name="M-LMD-iod",
    per_frame=partial(mouth_landmark_distance, scale="iod-percent"),
    frame_value="M-LMD-iod",
    unit="%",
    definition="M-LMD in % of the ground truth's distance between the outer eye corners (36, 45) in the same frame",
)
