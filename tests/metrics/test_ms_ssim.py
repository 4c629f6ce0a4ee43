"""MS-SSIM against piq, and what holds for any two frames."""

import cv2
import numpy as np
import piq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from talkbench.metrics.ms_ssim import ms_ssim


def reference(gt, gen):
    one, other = (torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].double() for frame in (gt, gen))
    return piq.multi_scale_ssim(one, other, data_range=255.0).item()


def photograph(height, width):
    return cv2.resize(astronaut(), (width, height), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("size", [(256, 256), (161, 200), (175, 162), (257, 300), (176, 161)])
@pytest.mark.parametrize("damage", ["noise", "blur", "negative", "darker"])
def test_equals_piq(size, damage):
    gt = photograph(*size)
    noise = np.random.default_rng(0).normal(0, 25, gt.shape)
    gen = {
        "noise": np.clip(gt + noise, 0, 255).astype(np.uint8),
        "blur": cv2.GaussianBlur(gt, (0, 0), 3),
        "negative": 255 - gt,
        "darker": gt // 2,
    }[damage]
    assert ms_ssim(gt, gen) == pytest.approx(reference(gt, gen), abs=1e-6)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), height=st.integers(161, 180), width=st.integers(161, 180))
def test_same_is_exactly_one_and_order_does_not_matter(seed, height, width):
    rng = np.random.default_rng(seed)
    gt = rng.integers(0, 256, (height, width, 3), np.uint8)
    gen = np.clip(gt + rng.normal(0, 40, gt.shape), 0, 255).astype(np.uint8)
    assert ms_ssim(gt, gt.copy()) == 1.0
    assert ms_ssim(gt, gen) == pytest.approx(ms_ssim(gen, gt), abs=1e-12)
    assert 0 <= ms_ssim(gt, gen) < 1


def test_falls_as_blur_grows():
    gt = photograph(200, 200)
    values = [ms_ssim(gt, cv2.GaussianBlur(gt, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_small_frames_have_none():
    small = np.zeros((160, 300, 3), np.uint8)
    assert np.isnan(ms_ssim(small, small))
    narrow = np.zeros((300, 160, 3), np.uint8)
    assert np.isnan(ms_ssim(narrow, narrow))


def test_refuses_unequal_frames():
    with pytest.raises(ValueError, match="equal shapes"):
        ms_ssim(np.zeros((200, 200, 3), np.uint8), np.zeros((200, 201, 3), np.uint8))
