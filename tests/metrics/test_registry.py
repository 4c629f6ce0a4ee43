"""What holds for every metric, and for the package as a whole."""

import doctest
import importlib
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from talkbench.metrics import METRICS
from talkbench.metrics.contract import mean_of_frames

MODULES = [
    "contract",
    "frames",
    "landmarks",
    "f_lmd",
    "m_lmd",
    "lvd",
    "psnr",
    "ssim",
    "ms_ssim",
    "regions",
    "cpbd",
    "flicker",
]


def identical(metric):
    rng = np.random.default_rng(0)
    if metric.needs == "frames":
        return rng.integers(0, 256, (32, 32, 3), np.uint8)
    return rng.normal(128, 30, (4, 68, 2)).astype(np.float32)


def measured(metric, gt, gen):
    """The frames' values that a clip is made from: those that are there."""
    values = np.atleast_1d(np.asarray(metric.per_frame(gt, gen), np.float64))
    return values[~np.isnan(values)]


def test_names_in_the_order_of_the_table():
    paper = ["F-LMD", "M-LMD", "SSIM", "PSNR"]
    assert list(METRICS) == [*paper, "F-LMD-uncentred", "M-LMD-uncentred", "F-LMD-iod", "M-LMD-iod", "F-LVD", "M-LVD"]
    assert all(name == metric.name for name, metric in METRICS.items())


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_declaration(metric):
    for text in (metric.definition, metric.source):
        assert text
        assert "\n" not in text
    assert metric.frame_value == ("MSE" if metric.name == "PSNR" else metric.name)
    assert pickle.loads(pickle.dumps(metric)).name == metric.name  # noqa: S301


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_take_identical_to_its_ground_truth_is_perfect(metric):
    same = identical(metric)
    values = measured(metric, same, same.copy())
    assert metric.clip(values) == metric.perfect
    assert isinstance(metric.clip(values), float)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_any_difference_is_worse_than_perfect(metric):
    gt = identical(metric)
    gen = gt.copy()
    gen[tuple(n // 2 for n in gt.shape[:-1])] += gt.dtype.type(40)
    if metric.needs == "landmarks":
        gen[:, 50] += 10
        gen[2, 50] += 10
    values = measured(metric, gt, gen)
    if metric.better == "lower":
        assert metric.clip(values) > metric.perfect
    else:
        assert metric.clip(values) < metric.perfect


def test_mean_does_not_depend_on_the_order_of_frames():
    values = np.random.default_rng(0).lognormal(0, 8, 1000)
    expected = mean_of_frames(values)
    assert mean_of_frames(values[::-1]) == mean_of_frames(np.sort(values)) == expected
    assert mean_of_frames(np.array([1e16, 1.0, -1e16])) == 1 / 3
    assert math.isfinite(expected)


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    result = doctest.testmod(importlib.import_module(f"talkbench.metrics.{module}"))
    assert result.failed == 0
    assert result.attempted > 0 or module in ("contract", "frames")


def test_importing_the_metrics_loads_nothing_heavy():
    program = """
import sys
import talkbench.metrics
print([name for name in ("numba", "scipy", "skimage", "cv2", "pandas", "torch") if name in sys.modules])
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
