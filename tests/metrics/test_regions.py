"""SSIM and PSNR of parts of the face, and flicker."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from talkbench.metrics import METRICS
from talkbench.metrics.flicker import flicker
from talkbench.metrics.regions import region_box, region_mse, region_ssim

RNG = np.random.default_rng(0)
FRAME = np.ascontiguousarray(astronaut()[:256, 96:352])
NOISY = np.clip(FRAME + RNG.normal(0, 20, FRAME.shape), 0, 255).astype(np.uint8)
POINTS = RNG.uniform(60, 180, (68, 2)).astype(np.float32)
POINTS[48:] = RNG.uniform((100, 150), (150, 180), (20, 2))
NOBODY = np.full((68, 2), np.nan, np.float32)


def test_what_lies_outside_the_box_does_not_count():
    rows, columns = region_box(POINTS, 256, 256, region="mouth", margin=0.25)
    gen = FRAME.copy()
    gen[: rows.start] = 0
    gen[:, columns.stop :] = 255
    assert region_ssim(FRAME, gen, POINTS, POINTS, region="mouth") == 1.0
    assert region_mse(FRAME, gen, POINTS, POINTS, region="mouth") == 0
    assert region_mse(FRAME, gen, POINTS, POINTS, region="face") > 0


@pytest.mark.parametrize("region", ["mouth", "eyes", "face"])
def test_no_face_or_no_room_is_missing(region):
    assert math.isnan(region_ssim(FRAME, NOISY, NOBODY, POINTS, region=region))
    assert math.isnan(region_mse(FRAME, NOISY, NOBODY, POINTS, region=region))
    outside = POINTS + 400
    assert math.isnan(region_ssim(FRAME, NOISY, outside, POINTS, region=region))
    assert math.isnan(region_mse(FRAME, NOISY, np.full((68, 2), 50.0), POINTS, region=region))  # one px wide


@pytest.mark.parametrize(("region", "first", "end"), [("mouth", 48, 68), ("eyes", 36, 48), ("face", 0, 68)])
def test_the_points_that_span_a_region(region, first, end):
    usual = region_box(POINTS, 256, 256, region=region, margin=0)
    for point in range(68):
        moved = POINTS.copy()
        moved[point] = 250
        assert (region_box(moved, 256, 256, region=region, margin=0) != usual) == (first <= point < end)


def test_eleven_px_are_enough():
    points = np.full((68, 2), 100.0)
    for across, down, there in ((10, 10, True), (9, 10, False), (10, 9, False)):
        points[50] = 100 + across, 100 + down
        box = region_box(points, 256, 256, region="mouth", margin=0)
        assert box == ((slice(100, 111), slice(100, 111)) if there else None)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32), scale=st.floats(0, 300), margin=st.floats(0, 2))
def test_box_lies_in_the_frame(seed, scale, margin):
    points = np.random.default_rng(seed).normal(90, scale, (68, 2))
    box = region_box(points, 180, 200, region="face", margin=margin)
    if box is not None:
        rows, columns = box
        assert 0 <= rows.start < rows.stop <= 180
        assert 0 <= columns.start < columns.stop <= 200


def test_psnr_of_a_region_is_pooled_as_psnr_is():
    metric = METRICS["PSNR-mouth"]
    assert metric.clip(np.array([0.0, 2 * 6.5025])) == 40.0
    assert metric.perfect == math.inf


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_what_does_not_flicker(seed):
    a, b, c = np.random.default_rng(seed).integers(0, 256, (3, 9, 7, 3), np.uint8)
    assert flicker(a, a, c, c) == 0
    assert flicker(a, b, a, b) == 0  # a constant error does not flicker


def test_flicker_grows_with_noise():
    noise = RNG.normal(0, 1, (2, *FRAME.shape))
    frames = [[np.clip(FRAME + s * one, 0, 255).astype(np.uint8) for one in noise] for s in (1, 3, 9)]
    values = [flicker(FRAME, before, FRAME, after) for before, after in frames]
    assert values == sorted(values)
    blurred = cv2.GaussianBlur(FRAME, (0, 0), 4)
    assert flicker(FRAME, blurred, FRAME, blurred) == 0
