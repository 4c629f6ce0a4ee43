"""Frames for tests of the metrics on pixels: of every kind that is hard on some implementation."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.data import astronaut


def _stripes(rng, shape):
    frame = np.full(shape, rng.integers(1, 256), np.uint8)
    frame[:, :: rng.integers(2, 4)] -= 1
    return frame


def _gradient(rng, shape):
    across, down = (np.linspace(rng.uniform(0, 255), rng.uniform(0, 255), side) for side in (shape[1], shape[0]))
    ramp = np.round((across[None] + down[:, None]) / 2).astype(np.uint8)
    return ramp if len(shape) == 2 else np.repeat(ramp[..., None], 3, axis=2)


def _photograph(rng, shape):
    side = int(rng.integers(60, 400))
    top, left = rng.integers(0, 512 - side, 2)
    part = np.ascontiguousarray(astronaut()[top : top + side, left : left + side])
    scaled = cv2.resize(part, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return scaled if len(shape) == 3 else np.ascontiguousarray(scaled[..., 1])


KINDS = {
    "noise": lambda rng, shape: rng.integers(0, 256, shape, np.uint8),
    "extremes": lambda rng, shape: (255 * rng.integers(0, 2, shape)).astype(np.uint8),
    "flat": lambda rng, shape: np.full(shape, rng.integers(0, 256), np.uint8),
    "bright": lambda rng, shape: rng.integers(253, 256, shape, np.uint8),
    "dark": lambda rng, shape: rng.integers(0, 3, shape, np.uint8),
    "stripes": _stripes,
    "gradient": _gradient,
    "photograph": _photograph,
}


def pair(rng, *, least=11, most=48, channels=((), (3,))):
    """Two frames of one shape, of any two kinds, or one and the same with noise."""
    shape = (*rng.integers(least, most + 1, 2), *channels[rng.integers(len(channels))])
    one, other = (KINDS[kind] for kind in rng.choice(list(KINDS), 2))
    gt = one(rng, shape)
    if rng.random() < 0.5:
        return gt, other(rng, shape)
    return gt, np.clip(gt + rng.normal(0, rng.uniform(0.1, 60), shape).round(), 0, 255).astype(np.uint8)
