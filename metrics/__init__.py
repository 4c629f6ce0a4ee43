"""The metrics: one file each, pure functions on arrays. `METRICS` says what there is."""

from __future__ import annotations

from . import cpbd, f_lmd, flicker, lvd, m_lmd, ms_ssim, psnr, regions, ssim
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
        ms_ssim.METRIC,
        *regions.METRICS,
        cpbd.METRIC,
        flicker.METRIC,
    )
}
"""All metrics by name, in the order in which tables show them."""
