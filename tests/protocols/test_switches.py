"""The switches that protocols are made of: what holds for each, and a value worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.bench.alignment import Alignment
from talkbench.metrics.landmarks import FACE, MOUTH, landmark_distance
from talkbench.metrics.lvd import clip_lvd, landmark_velocity_difference
from talkbench.metrics.psnr import clip_psnr, mse
from talkbench.metrics.ssim import ssim

seeds = st.integers(0, 2**32)
loose = settings(deadline=None, max_examples=30)


def tracks(seed, frames=5):
    return np.random.default_rng(seed).normal(128, 25, (2, frames, 68, 2))


def noise(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, (2, *shape), np.uint8)


def distance(gt, gen, **switches):
    return landmark_distance(gt, gen, **{"points": MOUTH, "centre": "none", "reduce": "mean", "scale": "px"} | switches)


def flat(value, *shape):
    return np.full(shape, value, np.uint8)


# reduce and centre


def test_reductions_by_hand():
    # Two mouth points move by (3, 4), 5 px, one by (0, −2), 2 px; 17 stay.
    gt = np.zeros((1, 68, 2))
    gen = gt.copy()
    gen[0, [48, 67]], gen[0, 60] = (3, 4), (0, -2)
    assert distance(gt, gen, reduce="sum") == pytest.approx([5 + 5 + 2], abs=1e-14)
    assert distance(gt, gen, reduce="mean") == pytest.approx([12 / 20], abs=1e-14)
    assert distance(gt, gen, reduce="sum-over-68") == pytest.approx([12 / 68], abs=1e-14)
    assert distance(gt, gen, reduce="mean-abs") == pytest.approx([(3 + 4 + 3 + 4 + 0 + 2) / 40], abs=1e-14)
    # Centred, by (6 / 20, 6 / 20) on that side: the 17 that stay are √2 · 0.3 px off.
    moved = 2 * math.hypot(2.7, 3.7) + math.hypot(-0.3, -2.3) + 17 * math.hypot(0.3, 0.3)
    assert distance(gt, gen, reduce="sum", centre="centroid") == pytest.approx([moved], abs=1e-13)


@loose
@given(seeds)
def test_reductions_differ_by_their_divisors(seed):
    gt, gen = tracks(seed)
    for points, count in ((MOUTH, 20), (FACE, 68)):
        mean = distance(gt, gen, points=points)
        assert distance(gt, gen, points=points, reduce="sum") == pytest.approx(count * mean, rel=1e-12)
        assert distance(gt, gen, points=points, reduce="sum-over-68") == pytest.approx(count / 68 * mean, rel=1e-12)
        per_axis = distance(gt, gen, points=points, reduce="mean-abs")
        # max(|x|, |y|) ≤ √(x² + y²) ≤ |x| + |y|, and the mean over two coordinates halves the sum.
        assert (per_axis <= mean).all()
        assert (mean <= 2 * per_axis).all()


@loose
@given(seeds, st.floats(-90, 90), st.floats(-90, 90))
def test_only_the_centred_distance_forgets_a_shift(seed, x, y):
    gt, _ = tracks(seed)
    for reduce in ("mean", "sum", "sum-over-68", "mean-abs"):
        shifted = gt + np.array([x, y])
        assert distance(gt, shifted, reduce=reduce, centre="centroid") == pytest.approx(0, abs=1e-10)
    assert distance(gt, shifted) == pytest.approx(math.hypot(x, y), abs=1e-10)


# arithmetic


def test_bytes_that_wrap_by_hand():
    # 15² = 225 fits a byte; 16² = 256 wraps to 0; 20² = 400 to 144; 255 is −1 modulo 256, whose square is 1.
    for error, wrapped in ((15, 225), (16, 0), (20, 144), (255, 1)):
        for gt, gen in ((flat(0, 4, 4, 3), flat(error, 4, 4, 3)), (flat(error, 4, 4, 3), flat(0, 4, 4, 3))):
            assert mse(gt, gen, arithmetic="uint8-wrap") == wrapped
            assert mse(gt, gen) == error**2


@loose
@given(seeds)
def test_bytes_that_wrap_are_those_of_numpy(seed):
    gt, gen = noise(seed, 9, 7, 3)
    assert mse(gt, gen, arithmetic="uint8-wrap") == pytest.approx(np.mean((gt - gen) ** 2), rel=1e-14)
    assert mse(gt, gen, arithmetic="uint8-wrap") <= min(mse(gt, gen), 255)
    near = gt // 18  # 0 to 14: no square leaves the byte
    assert mse(near, gen // 18, arithmetic="uint8-wrap") == mse(near, gen // 18)


# pool and identical


def test_pools_by_hand():
    # 20 dB and 40 dB: errors of 255² / 10² and 255² / 10⁴. Their mean, 255² · 0.00505, is 22.967 dB.
    errors = np.array([65025 / 1e2, 65025 / 1e4])
    assert clip_psnr(errors, pool="db") == pytest.approx(30, abs=1e-12)
    assert clip_psnr(errors, pool="mse") == pytest.approx(-10 * math.log10(0.00505), abs=1e-12)


@loose
@given(st.lists(st.floats(1e-3, 65025), min_size=1, max_size=9))
def test_decibels_are_never_less_than_the_pooled_error(errors):
    values = np.array(errors)
    assert clip_psnr(values, pool="db") >= clip_psnr(values, pool="mse") - 1e-9
    alike = np.full(3, errors[0])
    assert clip_psnr(alike, pool="db") == pytest.approx(clip_psnr(alike, pool="mse"), abs=1e-9)


def test_identical_frames_by_hand():
    none, one = np.array([0.0]), np.array([0.0, 65025 / 1e2])
    assert clip_psnr(none, pool="db", identical="inf") == math.inf
    assert clip_psnr(none, pool="db", identical="100") == 100
    assert clip_psnr(none, pool="db", identical="epsilon") == 80  # −10 log₁₀ 10⁻⁸
    assert clip_psnr(one, pool="db", identical="inf") == math.inf
    assert clip_psnr(one, pool="db", identical="100") == pytest.approx(60, abs=1e-12)
    # The epsilon is added to every frame: −10 log₁₀ (10⁻² + 10⁻⁸), and 80.
    expected = (80 - 10 * math.log10(1e-2 + 1e-8)) / 2
    assert clip_psnr(one, pool="db", identical="epsilon") == pytest.approx(expected, abs=1e-12)


@loose
@given(st.lists(st.floats(1, 65025), min_size=1, max_size=9))
def test_the_rule_for_identical_frames_touches_no_other(errors):
    values = np.array(errors)
    exact = clip_psnr(values, pool="db", identical="inf")
    assert clip_psnr(values, pool="db", identical="100") == exact
    # 10 log₁₀ (1 + 10⁻⁸ · 255²) = 0.0028 dB at an error of 1, less at larger ones.
    assert exact - 0.003 < clip_psnr(values, pool="db", identical="epsilon") <= exact


# size and colour


def test_size_by_hand():
    # 4 × 4 px to 2 × 2: one block holds 2, 4, 6 and 4, of mean 4. A quarter of the picture is 4 off: 4² / 4.
    gt = flat(0, 4, 4, 3)
    gen = gt.copy()
    gen[:2, :2] = np.array([[2, 4], [6, 4]])[..., None]
    assert mse(gt, gen, size=2) == 4
    assert mse(gt, gen) == (2**2 + 4**2 + 6**2 + 4**2) / 16


@loose
@given(seeds)
def test_size_changes_nothing_where_frames_have_it(seed):
    gt, gen = noise(seed, 24, 24, 3)
    assert mse(gt, gen, size=24) == mse(gt, gen)
    assert ssim(gt, gen, window="uniform-7", size=24) == ssim(gt, gen, window="uniform-7")


def test_size_is_applied_to_flat_frames_too():
    # Flat frames of any shape have SSIM (2 · 100 · 150 + C₁) / (100² + 150² + C₁), C₁ = 2.55².
    gt, gen = flat(100, 30, 50, 3), flat(150, 30, 50, 3)
    expected = (30000 + 6.5025) / (32500 + 6.5025)
    assert ssim(gt, gen, window="uniform-7", size=16) == pytest.approx(expected, abs=1e-12)


def test_grey_by_hand():
    # Pure red on black: 0.299 · 255 = 76.2, so 76² in grey; 255² in one of three channels in colour.
    black, red = flat(0, 8, 8, 3), flat(0, 8, 8, 3)
    red[..., 0] = 255
    assert mse(black, red, colour="grey") == 76**2
    assert mse(black, red, colour="rgb") == 255**2 / 3


@loose
@given(seeds)
def test_grey_frames_have_one_error(seed):
    gt, gen = (np.repeat(frame, 3, axis=2) for frame in noise(seed, 9, 7, 1))
    assert mse(gt, gen, colour="grey") == pytest.approx(mse(gt, gen, colour="rgb"), rel=1e-14)


# downsample and window


def test_downsampling_by_hand():
    # A chessboard of single px of 100 and 150 is flat 125 once 2 × 2 blocks are averaged.
    board = (100 + 50 * (np.indices((400, 400)).sum(axis=0) % 2)).astype(np.uint8)
    gen = np.repeat(board[..., None], 3, axis=2)
    assert ssim(flat(125, 400, 400, 3), gen, downsample=True) == pytest.approx(1, abs=1e-12)
    assert ssim(flat(125, 400, 400, 3), gen) < 0.2


@pytest.mark.parametrize(("height", "width", "block"), [(383, 900, 1), (384, 400, 2), (641, 700, 3)])
def test_downsampling_averages_from_384_px_on(height, width, block):
    gt, gen = noise(height, height // block, width // block, 3)
    large = [frame.repeat(block, axis=0).repeat(block, axis=1) for frame in (gt, gen)]
    rest = [np.pad(frame, ((0, height % block), (0, width % block), (0, 0))) for frame in large]
    assert ssim(*rest, downsample=True) == pytest.approx(ssim(gt, gen), abs=1e-10)


def test_windows_differ():
    gt, gen = noise(0, 40, 40, 3)
    assert abs(ssim(gt, gen, window="uniform-7") - ssim(gt, gen, window="gaussian-11")) > 1e-4


# Alignment by evenly spaced indices


def test_linspace_by_hand():
    # 5 / 3 = 1.67: 0, 1.67 and 3.33, cut to 0, 1 and 3.
    assert Alignment("linspace").matches(3, 5) == [(0, 0), (1, 1), (2, 3)]
    assert Alignment("linspace").matches(5, 3) == [(0, 0), (1, 1), (3, 2)]


@given(st.integers(1, 400), st.integers(1, 400))
def test_linspace_is_numpys(gt, gen):
    count = min(gt, gen)
    expected = [np.linspace(0, length, count, False).astype(np.int32).tolist() for length in (gt, gen)]
    assert Alignment("linspace").matches(gt, gen) == list(zip(*expected, strict=True))


# Velocity


def test_velocities_by_hand():
    # Frame 1: one mouth point moves (3, 4), one of the jaw (0, 34). Frame 2 shows no face. Frame 3: all have returned.
    gt = np.zeros((4, 68, 2))
    gen = gt.copy()
    gen[1, 50], gen[1, 8] = (3, 4), (0, 34)
    gt[2] = np.nan
    mouth, face, bug = (
        landmark_velocity_difference(gt, gen, points=points)[[1, 3]] for points in ("mouth", "face", "mouth-over-68")
    )
    assert mouth == pytest.approx([5 / 20, 5 / 20], abs=1e-14)
    assert face == pytest.approx([39 / 68, 39 / 68], abs=1e-14)
    assert bug == pytest.approx([5 / 68, 5 / 68], abs=1e-14)
    # Three frames with faces make two differences: the script divides by three.
    assert clip_lvd(mouth) == pytest.approx(5 / 20, abs=1e-14)
    assert clip_lvd(mouth, divide="frames") == pytest.approx((5 / 20 + 5 / 20) / 3, abs=1e-14)


@loose
@given(seeds)
def test_velocity_equals_a_loop_and_the_bug_is_20_of_68(seed):
    gt, gen = tracks(seed, frames=6)
    gt[seed % 6], gen[seed % 5] = np.nan, np.nan
    last, expected = None, []
    for a, b in zip(gt, gen, strict=True):
        if np.isnan(a).any() or np.isnan(b).any():
            expected.append(math.nan)
            continue
        total = sum(
            math.hypot(*((b[k] - last[1][k]) - (a[k] - last[0][k]))) if last is not None else math.nan
            for k in range(48, 68)
        )
        expected.append(total / 20)
        last = (a, b)
    mouth = landmark_velocity_difference(gt, gen)
    np.testing.assert_allclose(mouth, expected, rtol=1e-12)
    bug = landmark_velocity_difference(gt, gen, points="mouth-over-68")
    np.testing.assert_allclose(bug, 20 / 68 * mouth, rtol=1e-12)


@loose
@given(seeds, st.floats(-9, 9))
def test_velocity_forgets_where_the_face_is(seed, shift):
    gt, gen = tracks(seed)
    for points in ("mouth", "face"):
        moved = landmark_velocity_difference(gt, gen + shift, points=points)
        np.testing.assert_allclose(moved, landmark_velocity_difference(gt, gen, points=points), rtol=1e-9)
        assert (landmark_velocity_difference(gt, gt, points=points)[1:] == 0).all()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_dividing_by_frames_divides_by_one_more(values):
    differences = clip_lvd(np.array(values))
    assert clip_lvd(np.array(values), divide="frames") * (len(values) + 1) == pytest.approx(
        differences * len(values), rel=1e-12
    )
