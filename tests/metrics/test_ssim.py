"""SSIM against a naive loop, closed forms and scikit-image, and what holds for any two frames."""

import math
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import made_frames
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut
from skimage.metrics import structural_similarity

import talkbench.metrics
from talkbench.metrics.ssim import ssim

WINDOWS = ["gaussian-11", "uniform-7"]
SIDE = {"gaussian-11": 11, "uniform-7": 7}
# The promise is 1e-6; both sides compute in float64.
TOLERANCE = 1e-10


def scikit_image(gt, gen, window):
    channel_axis = 2 if gt.ndim == 3 else None
    if window == "uniform-7":
        return structural_similarity(gt, gen, data_range=255, channel_axis=channel_axis)
    return structural_similarity(
        gt,
        gen,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=channel_axis,
    )


def naive(gt, gen, window):
    """Every window of every channel in a literal double loop."""
    side = SIDE[window]
    offsets = range(-(side // 2), side // 2 + 1)
    if window == "gaussian-11":
        weights = np.array([[math.exp(-(i * i + j * j) / (2 * 1.5**2)) for j in offsets] for i in offsets])
        bessel = 1.0
    else:
        weights = np.ones((side, side))
        bessel = 49 / 48
    weights = weights / weights.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for channel in range(3):
        for i in range(gt.shape[0] - side + 1):
            for j in range(gt.shape[1] - side + 1):
                x = gt[i : i + side, j : j + side, channel].astype(float)
                y = gen[i : i + side, j : j + side, channel].astype(float)
                mx, my = (weights * x).sum(), (weights * y).sum()
                vx = bessel * (weights * (x - mx) ** 2).sum()
                vy = bessel * (weights * (y - my) ** 2).sum()
                vxy = bessel * (weights * (x - mx) * (y - my)).sum()
                values.append((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return sum(values) / len(values)


def pairs(channels=((), (3,))):
    return st.integers(0, 2**32).map(lambda seed: made_frames.pair(np.random.default_rng(seed), channels=channels))


# Around the kernel's strips of 128 values and blocks of 32 rows: (138 − 10) · 3 = 3 · 128, 42 = 32 + 10.
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("height", [11, 12, 41, 42, 43, 44, 45, 46, 74, 75])
@pytest.mark.parametrize("width", [11, 53, 137, 138, 139, 300])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_equals_scikit_image_around_its_blocks(window, height, width, channels):
    rng = np.random.default_rng(height * width)
    gt = rng.integers(0, 256, (height, width, *channels), np.uint8)
    gen = (gt // 2 + rng.integers(0, 128, gt.shape)).astype(np.uint8)
    assert ssim(gt, gen, window=window) == pytest.approx(scikit_image(gt, gen, window), abs=TOLERANCE)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("side", [128, 256, 512])
def test_equals_scikit_image_on_a_photograph(window, side):
    gt = np.ascontiguousarray(astronaut()[:side, :side])
    gen = np.clip(gt + np.random.default_rng(0).normal(0, 15, gt.shape), 0, 255).astype(np.uint8)
    assert ssim(gt, gen, window=window) == pytest.approx(scikit_image(gt, gen, window), abs=TOLERANCE)


@pytest.mark.parametrize("window", WINDOWS)
def test_smallest_frame(window):
    rng = np.random.default_rng(7)
    gt, gen = rng.integers(0, 256, (2, SIDE[window], SIDE[window], 3), np.uint8)
    assert ssim(gt, gen, window=window) == pytest.approx(naive(gt, gen, window), abs=TOLERANCE)


@pytest.mark.parametrize("window", WINDOWS)
def test_equals_a_naive_loop(window):
    rng = np.random.default_rng(3)
    gt = rng.integers(0, 256, (14, 17, 3), np.uint8)
    gen = np.clip(gt + rng.normal(0, 30, gt.shape), 0, 255).astype(np.uint8)
    assert ssim(gt, gen, window=window) == pytest.approx(naive(gt, gen, window), abs=TOLERANCE)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("a", "b"), [(0, 255), (255, 155), (255, 100), (0, 90), (20, 33), (254, 255), (128, 127)])
def test_flat_frames_have_a_closed_form(window, a, b):
    gt, gen = np.full((40, 50, 3), a, np.uint8), np.full((40, 50, 3), b, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(gt, gen, window=window) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-12)


@pytest.mark.parametrize("window", WINDOWS)
def test_negative_of_black_and_white_is_nearly_the_opposite(window):
    gt = (255 * (np.indices((64, 64)).sum(axis=0) % 2)).astype(np.uint8)
    value = ssim(gt, 255 - gt, window=window)
    assert -1 <= value < -0.99
    assert value == pytest.approx(scikit_image(gt, 255 - gt, window), abs=TOLERANCE)


@pytest.mark.parametrize("window", WINDOWS)
@settings(deadline=None)
@given(pair=pairs())
def test_same_is_exactly_one_and_order_does_not_matter(window, pair):
    gt, gen = pair
    assert ssim(gt, gt, window=window) == 1.0
    value = ssim(gt, gen, window=window)
    assert value == ssim(gen, gt, window=window)
    assert -1 <= value <= 1


@pytest.mark.parametrize("window", WINDOWS)
@settings(deadline=None)
@given(pair=pairs(channels=[(3,)]))
def test_frame_is_the_mean_of_its_channels(window, pair):
    gt, gen = pair
    channels = [ssim(gt[..., c], gen[..., c], window=window) for c in range(3)]
    assert ssim(gt, gen, window=window) == pytest.approx(sum(channels) / 3, abs=1e-12)


@pytest.mark.parametrize("window", WINDOWS)
def test_falls_as_noise_grows(window):
    gt = np.ascontiguousarray(astronaut()[:128, :128])
    noise = np.random.default_rng(0).normal(0, 1, gt.shape)
    values = [ssim(gt, np.clip(gt + s * noise, 0, 255).astype(np.uint8), window=window) for s in (0, 2, 5, 10, 20, 40)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 6


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[..., ::-1],
        lambda a: a[::2, 1::3],
        lambda a: a.transpose(1, 0, 2),
        lambda a: a[3:, 5:],
        np.asfortranarray,
    ],
)
def test_any_memory_layout(window, view):
    rng = np.random.default_rng(1)
    gt, gen = rng.integers(0, 256, (2, 61, 70, 3), np.uint8)
    gt, gen = view(gt), view(gen)
    value = ssim(gt, gen, window=window)
    assert value == ssim(gt.copy(order="C"), gen.copy(order="C"), window=window)
    assert value == pytest.approx(scikit_image(gt, gen, window), abs=TOLERANCE)


@pytest.mark.parametrize("window", WINDOWS)
def test_same_bits_at_any_address_and_on_any_thread(window):
    rng = np.random.default_rng(2)
    gt, gen = rng.integers(0, 256, (2, 100, 90, 3), np.uint8)
    expected = ssim(gt, gen, window=window)
    for shift in range(1, 33):
        buffer = np.empty(gt.size + shift, np.uint8)
        moved = buffer[shift:].reshape(gt.shape)
        moved[:] = gt
        assert ssim(moved, gen, window=window) == expected
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: ssim(gt, gen, window=window), range(64))) == {expected}


@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 3)])
def test_frames_may_be_read_only_and_stay_as_they_are(shape):
    gt, gen = np.random.default_rng(4).integers(0, 256, (2, *shape), np.uint8)
    before = gt.copy()
    value = ssim(gt, gen)
    assert gt.flags.writeable
    assert (gt == before).all()
    gt.flags.writeable = False
    assert ssim(gt, gen) == value


@pytest.mark.parametrize(
    ("gt", "gen", "message"),
    [
        (np.zeros((20, 20, 3)), np.zeros((20, 20, 3), np.uint8), r"gt: expected uint8 .*, got float64"),
        (np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20, 3), np.int64), r"gen: expected uint8 .*, got int64"),
        (np.zeros((20, 20, 3), bool), np.zeros((20, 20, 3), bool), r"expected uint8 .*, got bool"),
        (
            np.zeros((20, 20, 3), np.uint8),
            np.zeros((20, 21, 3), np.uint8),
            r"equal shapes, got \(20, 20, 3\) and \(20, 21, 3\)",
        ),
        (
            np.zeros((20, 20, 4), np.uint8),
            np.zeros((20, 20, 4), np.uint8),
            r"\(H, W, 3\) or \(H, W\), got \(20, 20, 4\)",
        ),
        (np.zeros(20, np.uint8), np.zeros(20, np.uint8), r"\(H, W, 3\) or \(H, W\), got \(20,\)"),
        (np.zeros((10, 20, 3), np.uint8), np.zeros((10, 20, 3), np.uint8), r"at least 11 × 11 px, got 10 × 20"),
        (np.zeros((20, 10, 3), np.uint8), np.zeros((20, 10, 3), np.uint8), r"at least 11 × 11 px, got 20 × 10"),
    ],
)
def test_refuses_other_input(gt, gen, message):
    with pytest.raises(ValueError, match=message):
        ssim(gt, gen)


def test_refuses_other_windows():
    frame = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="window: expected gaussian-11 or uniform-7, got 'gaussian-7'"):
        ssim(frame, frame, window="gaussian-7")
    with pytest.raises(ValueError, match="at least 7 × 7 px, got 6 × 20"):
        ssim(frame[:6], frame[:6], window="uniform-7")


PROGRAM = """
import numpy as np
from talkbench.metrics.ssim import ssim
gt, gen = np.random.default_rng(0).integers(0, 256, (2, 30, 30, 3), np.uint8)
print(ssim(gt, gen, window="uniform-7").hex())
"""


def start(**environment):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def expected_output():
    gt, gen = np.random.default_rng(0).integers(0, 256, (2, 30, 30, 3), np.uint8)
    return ssim(gt, gen, window="uniform-7").hex() + "\n"


def locked_package(folder):
    """Copy the metrics to where numba cannot keep its cache: the name of the cache folder is taken by a file."""
    package = folder / "talkbench"
    shutil.copytree(
        Path(talkbench.metrics.__file__).parent, package / "metrics", ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "__init__.py").touch()
    (package / "metrics" / "__pycache__").touch()
    return str(folder)


def test_processes_that_fill_the_cache_at_once(tmp_path):
    running = [start(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert [process.communicate()[0] for process in running] == 2 * [expected_output()]
    assert list(tmp_path.rglob("*_uniform*.nbc"))
    later = start(NUMBA_CACHE_DIR=str(tmp_path))
    assert later.communicate()[0] == expected_output()


def test_cache_goes_to_the_users_folder_where_the_package_is_locked(tmp_path):
    cache = tmp_path / "cache"
    process = start(PYTHONPATH=locked_package(tmp_path / "site"), XDG_CACHE_HOME=str(cache), NUMBA_CACHE_DIR="")
    assert process.communicate()[0] == expected_output()
    assert list(cache.rglob("*_uniform*.nbc"))


def test_works_where_no_cache_can_be_kept(tmp_path):
    taken = tmp_path / "taken"
    taken.touch()
    process = start(PYTHONPATH=locked_package(tmp_path / "site"), XDG_CACHE_HOME=str(taken), NUMBA_CACHE_DIR="")
    assert process.communicate()[0] == expected_output()
