"""Flicker: change from frame to frame that the ground truth does not show. Lower is better, 0 for the ground truth.

With Δ a side's change since the frame compared before, per pixel and channel, in levels of a byte:
    flicker = mean | Δgen − Δgt |.
A clip's value is the mean over its frames but the first.

Source: the mean absolute difference of successive frames, the temporal flickering of VBench (Huang et al., CVPR 2024),
against the ground truth's own, since a face that speaks is not at rest.
Cannot see: an error that stays the same from frame to frame, such as blur or another face. Motion of its own, or late,
counts like flicker.
"""

from __future__ import annotations

from .contract import Frame, Metric, mean_of_frames
from .frames import check_frames


def flicker(gt_before: Frame, gen_before: Frame, gt: Frame, gen: Frame) -> float:
    """Return the mean absolute difference of the two sides' changes, of frames (H, W, 3) of one shape.

    >>> import numpy as np
    >>> still = np.full((8, 8, 3), 90, np.uint8)
    >>> flicker(still, still, still, still + np.uint8(3))
    3.0
    >>> flicker(still, still, still + np.uint8(3), still + np.uint8(3))  # as the real one does
    0.0
    """
    import cv2

    check_frames(gt, gen)
    check_frames(gt_before, gen_before)
    check_frames(gt_before, gt)
    error = cv2.subtract(gen, gt, dtype=cv2.CV_16S)
    error_before = cv2.subtract(gen_before, gt_before, dtype=cv2.CV_16S)
    return float(cv2.norm(error, error_before, cv2.NORM_L1)) / gt.size


METRIC = Metric(
    name="flicker",
    per_frame=flicker,
    frame_value="flicker",
    needs="steps",
    better="lower",
    unit="levels",
    decimals=2,
    version="1",
    definition="mean over pixels and RGB of the absolute difference of both sides' changes since the frame before",
    source="temporal flickering of VBench (Huang et al., CVPR 2024), against the ground truth's own",
    perfect=0.0,
    clip=mean_of_frames,
)
