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
        blinks.RATE,
        blinks.DURATION,
        mouth_motion.CORRELATION,
        mouth_motion.LAG,
        mouth_motion.AUDIO_CORRELATION,
        mouth_motion.AUDIO_LAG,
        head_pose.METRIC,
        dynamics.LIPS,
        dynamics.BROWS,
        dynamics.HEAD,
        dynamics.SILENT,
        dynamics.SILENT_CLOSENESS,
        dynamics.MEAN,
        timing.M_SHIFTED,
        timing.F_SHIFTED,
        timing.M_DTW,
        timing.F_DTW,
        timing.M_SOFT,
        timing.F_SOFT,
    )
}
"""All metrics by name, in the order in which tables show them."""
