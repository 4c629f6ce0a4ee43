"""The metrics: one file each, pure functions on arrays. `METRICS` says what there is."""

from __future__ import annotations

from . import blinks, dynamics, f_lmd, head_pose, jitter, lvd, m_lmd, mouth_motion, psnr, ssim, timing
from .contract import Metric

__all__ = ["METRICS", "Metric"]

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        f_lmd.METRIC,
        m_lmd.METRIC,
        ssim.METRIC,
        psnr.METRIC,
        f_lmd.UNCENTRED,
        m_lmd.UNCENTRED,
        f_lmd.IOD,
        m_lmd.IOD,
        lvd.FACE_METRIC,
        lvd.MOUTH_METRIC,
        jitter.METRIC,
        *blinks.METRICS,
        *mouth_motion.METRICS,
        head_pose.METRIC,
        *dynamics.METRICS,
        *timing.METRICS,
    )
}
"""All metrics by name, in the order in which tables show them."""
