"""SSIM against scikit-image, both timed in the same run, in turns, on one thread."""

import statistics
import sys
import time

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.metrics import structural_similarity

from talkbench.metrics.ssim import ssim

SETTINGS = {
    "gaussian-11": {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
    "uniform-7": {},
}
AT_LEAST = 8
TURNS = 15


def photographs(side):
    gt = np.tile(astronaut(), (side // 512 + 1, side // 512 + 1, 1))[:side, :side]
    gen = np.clip(gt + np.random.default_rng(0).normal(0, 12, gt.shape), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(gt), gen


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@pytest.mark.parametrize("window", SETTINGS)
@pytest.mark.parametrize("side", [256, 512])
def test_ssim_against_scikit_image(benchmark, capsys, side, window):
    gt, gen = photographs(side)

    def ours():
        return ssim(gt, gen, window=window)

    def theirs():
        return structural_similarity(gt, gen, data_range=255, channel_axis=2, **SETTINGS[window])

    difference = abs(ours() - theirs())
    turns = [(seconds(theirs), seconds(ours)) for _ in range(TURNS)]
    slow, fast = (min(times) for times in zip(*turns, strict=True))
    ratio = statistics.median(their / our for their, our in turns)
    benchmark.extra_info |= {"ratio_of_best": slow / fast, "median_ratio": ratio, "difference": difference}
    benchmark(ours)
    with capsys.disabled():
        sys.stdout.write(
            f"\nSSIM {window} {side}²: scikit-image {slow * 1e3:.1f} ms, ours {fast * 1e3:.2f} ms, "
            f"{slow / fast:.1f}× (median {ratio:.1f}×), difference {difference:.0e}\n"
        )
    assert difference < 1e-6
    assert slow / fast >= AT_LEAST
