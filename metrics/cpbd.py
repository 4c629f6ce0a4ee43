"""CPBD: sharpness of a frame, the share of its edges at which no blur is noticed. Higher is sharper, from 0 to 1.

The ground truth is measured as well: its value, and not 1, is what a method can be expected to reach.
Blocks of 64 × 64 px count in which Canny finds edges at more than 0.2 % of the pixels. At each vertical edge (Sobel)
in one, w is the edge's width along the row: how far the grey level keeps falling or rising on either side. An observer
notices blur there with probability
    P = 1 − exp(−(w / w_JNB)^3.6),   w_JNB = 5 px where the block's contrast is at most 50, else 3 px;
CPBD is the share of edges with P, rounded to a percent, below 64 %: not above that of just noticeable blur, 63 %.
Grey is OpenCV's. A clip's value is the mean over its frames.

Source: Narvekar and Karam, "A no-reference image blur metric based on the cumulative probability of blur detection
(CPBD)", IEEE Transactions on Image Processing 20(9), 2011; its edge detectors are those of the `cpbd` package, whose
values it reproduces.
Missing: a frame without an edge in any block, or smaller than a block (there the package says 0).
Cannot see: whose edges they are. Noise and block artefacts count as sharp, and another person may score well.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .contract import Frame, Metric, mean_of_frames
from .frames import prepared

_BLOCK = 64
_EDGES = 0.002 * _BLOCK**2
_LOW, _HIGH = 0.1, 0.2
"""Canny's thresholds, which scikit-image means for values up to 1: with bytes they pass nearly every crest."""


def cpbd(frame: Frame) -> float:
    """Return the CPBD of a frame (H, W, 3) or (H, W); NaN where it has no edge.

    >>> stripes = np.zeros((64, 64), np.uint8)
    >>> stripes[:, 32:] = 100
    >>> stripes[:, 33:] = 200  # an edge of 2 px
    >>> cpbd(stripes)
    1.0
    >>> cpbd(np.zeros((64, 64), np.uint8))
    nan
    """
    if frame.dtype != "uint8":
        raise ValueError(f"frame: expected uint8 values from 0 to 255, got {frame.dtype}")
    if min(frame.shape[:2]) < _BLOCK:
        return math.nan
    from . import cpbd_kernels

    grey = np.ascontiguousarray(prepared(frame, size=None, colour="grey"))
    sharp, edges = cpbd_kernels.count(grey, _edge_blocks(grey))
    return sharp / edges if edges else math.nan


def _edge_blocks(grey: Frame) -> npt.NDArray[np.bool_]:
    """Tell which blocks Canny's edges make edge blocks: more than 8 of 4096 px.

    The crests above the high threshold are edges for certain and usually enough; Canny itself decides the other blocks.
    """
    from . import cpbd_kernels

    sure, possible = cpbd_kernels.crests(grey, _LOW, _HIGH)
    if ((sure > _EDGES) == (possible > _EDGES)).all():
        return sure > _EDGES
    from skimage.feature import canny

    rows, columns = sure.shape
    edges = canny(grey.astype(np.float64), low_threshold=_LOW, high_threshold=_HIGH)
    blocks = edges[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return np.asarray(blocks.sum(axis=(1, 3)) > _EDGES)


METRIC = Metric(
    name="CPBD",
    per_frame=cpbd,
    frame_value="CPBD",
    needs="frames",
    sides="one",
    better="higher",
    unit="",
    decimals=3,
    version="1",
    definition="share of a frame's vertical edges, in 64 px blocks that have edges, at which no blur is noticed",
    source="Narvekar and Karam, IEEE Transactions on Image Processing 20(9), 2011; equals the cpbd package",
    perfect=None,
    limits=(0.0, 1.0),
    clip=mean_of_frames,
)
