"""PSNR and MSE against closed forms and scikit-image, and what holds for any two frames."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from talkbench.metrics.psnr import METRIC, clip_psnr, mse, psnr, psnr_from_mse


def random_pair(seed, shape):
    return np.random.default_rng(seed).integers(0, 256, (2, *shape), np.uint8)


@pytest.mark.parametrize("shape", [(256, 256, 3), (512, 512, 3), (97, 131)])
def test_equals_scikit_image(shape):
    gt, gen = random_pair(0, shape)
    assert mse(gt, gen) == pytest.approx(mean_squared_error(gt, gen), rel=1e-14)
    assert psnr(gt, gen) == pytest.approx(peak_signal_noise_ratio(gt, gen, data_range=255), rel=1e-14)


def test_the_largest_error_of_a_large_frame():
    black, white = np.zeros((4096, 4096, 3), np.uint8), np.full((4096, 4096, 3), 255, np.uint8)
    assert mse(black, white) == mse(white, black) == 65025.0
    assert psnr(black, white) == 0.0
    white[-1, -1, -1] = 254
    assert mse(black, white) == (65025 * (white.size - 1) + 254**2) / white.size


@pytest.mark.parametrize("d", [1, 16, 127, 128, 255])
def test_one_value_off(d):
    gt = np.zeros((16, 16, 3), np.uint8)
    gen = gt.copy()
    gen[3, 5, 1] = d
    # One of 768 values is d off: 10 log10(255² · 768 / d²).
    assert mse(gt, gen) == d * d / 768
    assert psnr(gt, gen) == pytest.approx(20 * math.log10(255 / d) + 10 * math.log10(768), abs=1e-12)


def test_two_unrelated_frames():
    # E (a − b)² of two independent bytes is (256² − 1) / 6; the arithmetic that wraps in uint8 gives 27.9 dB here.
    gt, gen = random_pair(1, (256, 256, 3))
    assert psnr(gt, gen) == pytest.approx(10 * math.log10(255**2 * 6 / (256**2 - 1)), abs=0.05)
    assert psnr(gt, gen) == pytest.approx(7.75, abs=0.05)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_same_is_infinite_order_does_not_matter_and_negatives_are_as_far_apart(seed):
    gt, gen = random_pair(seed, (9, 7, 3))
    assert mse(gt, gt) == 0.0
    assert psnr(gt, gt) == math.inf
    assert mse(gt, gen) == mse(gen, gt) == mse(255 - gt, 255 - gen)


def test_falls_as_noise_grows():
    noise = np.random.default_rng(0).normal(0, 1, (64, 64, 3))
    gt = np.full(noise.shape, 128, np.uint8)
    values = [psnr(gt, np.clip(128 + s * noise, 0, 255).astype(np.uint8)) for s in (1, 2, 5, 10, 20, 40)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 6


def test_any_memory_layout():
    gt, gen = random_pair(2, (31, 45, 3))
    assert mse(gt[::-2, 1::2, ::-1], gen[::-2, 1::2, ::-1]) == mse(gt[::2, 1::2].copy(), gen[::2, 1::2].copy())
    assert mse(gt.transpose(1, 0, 2), gen.transpose(1, 0, 2)) == mse(gt, gen)


def test_clip_is_pooled_before_the_logarithm():
    frames = [random_pair(seed, (8, 8, 3)) for seed in range(5)]
    frames[2][1] = frames[2][0]
    whole = psnr(np.concatenate([gt for gt, _ in frames]), np.concatenate([gen for _, gen in frames]))
    values = np.array([METRIC.per_frame(gt, gen) for gt, gen in frames])
    assert METRIC.clip(values) == pytest.approx(whole, abs=1e-12)
    assert math.isfinite(METRIC.clip(values))


def test_clip_of_known_errors():
    # Mean MSE (0 + 0 + 1.950750) / 3 = 0.65025 = 255² / 10⁵.
    assert clip_psnr(np.array([0.0, 0.0, 1.95075])) == pytest.approx(50.0, abs=1e-12)
    assert clip_psnr(np.zeros(4)) == math.inf
    assert psnr_from_mse(65025.0) == 0.0


@pytest.mark.parametrize(
    ("gt", "gen", "message"),
    [
        (np.zeros((4, 4, 3)), np.zeros((4, 4, 3), np.uint8), "gt: expected uint8 .*, got float64"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), "equal shapes"),
        (np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 2), np.uint8), r"\(H, W, 3\) or \(H, W\)"),
        (np.zeros((0, 4, 3), np.uint8), np.zeros((0, 4, 3), np.uint8), "at least 1 × 1 px, got 0 × 4"),
    ],
)
def test_refuses_other_input(gt, gen, message):
    with pytest.raises(ValueError, match=message):
        mse(gt, gen)
