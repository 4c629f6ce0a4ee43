"""The metrics: one file each, pure functions on arrays. `METRICS` says what there is."""

from __future__ import annotations

from . import (
    blinks,
    cpbd,
    csim,
    dynamics,
    emotion,
    f_lmd,
    flicker,
    frechet,
    head_pose,
    jitter,
    lvd,
    m_lmd,
    mouth_motion,
    ms_ssim,
    perceptual,
    psnr,
    regions,
    ssim,
    syncnet,
    timing,
)
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
        perceptual.LPIPS,
        perceptual.DISTS,
        frechet.FID,
        frechet.FVD,
        csim.METRIC,
        csim.ARCFACE,
        syncnet.DISTANCE,
        syncnet.CONFIDENCE,
        syncnet.OFFSET,
        emotion.METRIC,
        jitter.METRIC,
        *blinks.METRICS,
        *mouth_motion.METRICS,
        head_pose.METRIC,
        *dynamics.METRICS,
        *timing.METRICS,
    )
}
"""All metrics by name, in the order in which tables show them."""
