"""F-LMD: how far the face's landmarks are from the ground truth's. Lower is better, 0 for the ground truth itself.

Per frame, with c the mean of a side's own 68 points, in px of the measured frame:
    F-LMD = 1/68 Σₖ ‖ (genₖ − c_gen) − (gtₖ − c_gt) ‖,   k = 0 … 67, mouth included.
A clip's value is the mean over the frames in which both sides have a face.

Recorded beside it: `F-LMD-uncentred` (c = 0) and `F-LMD-iod` (in % of the ground truth's inter-ocular distance in the
same frame, between the outer eye corners, points 36 and 45).

Source: the landmark distance of Chen et al., "Lip Movements Generation at a Glance", ECCV 2018, over the whole face and
centred as in EAT's evaluation (github.com/yuangan/evaluation_eat).
Not done: no scaling, no rotation, no Procrustes fit, no smoothing in time; a turned head counts as an error.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from .contract import Landmarks, Metric, PerFrame, mean_of_frames
from .landmarks import FACE, Centre, Reduce, Scale, landmark_distance


def face_landmark_distance(
    gt: Landmarks, gen: Landmarks, *, centre: Centre = "centroid", reduce: Reduce = "mean", scale: Scale = "px"
) -> PerFrame:
    """Return F-LMD per frame of two tracks (T, 68, 2); NaN where either side has no face.

    >>> import numpy as np
    >>> gt = np.zeros((1, 68, 2))
    >>> gen = gt.copy()
    >>> gen[0, 8] = 0, 34  # the chin falls 34 px, the centroid half a px: 33.5 px once and 0.5 px 67 times
    >>> face_landmark_distance(gt, gen) * 68
    array([67.])
    """
    return landmark_distance(gt, gen, points=FACE, centre=centre, reduce=reduce, scale=scale)


METRIC = Metric(
    name="F-LMD",
    per_frame=face_landmark_distance,
    frame_value="F-LMD",
    needs="landmarks",
    better="lower",
    unit="px",
    decimals=2,
    version="1",
    definition="mean over all 68 points of the Euclidean distance in px, each side centred on its 68 points' mean",
    source="Chen et al., ECCV 2018 (landmark distance); whole face, centred, as in EAT's evaluation",
    perfect=0.0,
    clip=mean_of_frames,
)

UNCENTRED = replace(
    METRIC,
    name="F-LMD-uncentred",
    per_frame=partial(face_landmark_distance, centre="none"),
    frame_value="F-LMD-uncentred",
    definition="mean over all 68 points of the Euclidean distance in px, where the faces are in the frame",
    source="Chen et al., ECCV 2018 (landmark distance); whole face",
)

IOD = replace(
    METRIC,
    name="F-LMD-iod",
    per_frame=partial(face_landmark_distance, scale="iod-percent"),
    frame_value="F-LMD-iod",
    unit="%",
    definition="F-LMD in % of the ground truth's distance between the outer eye corners (36, 45) in the same frame",
)
