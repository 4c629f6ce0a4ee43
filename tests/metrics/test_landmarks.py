"""M-LMD and F-LMD against hand-computed values, and what holds for any two tracks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.metrics import METRICS
from talkbench.metrics.f_lmd import face_landmark_distance
from talkbench.metrics.landmarks import FACE, landmark_distance
from talkbench.metrics.m_lmd import mouth_landmark_distance

CENTRED = ["F-LMD", "M-LMD"]
UNCENTRED = ["F-LMD-uncentred", "M-LMD-uncentred"]
IOD = ["F-LMD-iod", "M-LMD-iod"]
ALL = CENTRED + UNCENTRED + IOD


def measure(name, gt, gen):
    return METRICS[name].per_frame(gt, gen)


def track(seed, frames=5, dtype=np.float64):
    """Return a track of random faces of some 100 px, with eyes apart."""
    rng = np.random.default_rng(seed)
    points = rng.normal(128, 25, (frames, 68, 2))
    points[:, 36], points[:, 45] = (100, 100), (150, 90)
    return points.astype(dtype)


seeds = st.integers(0, 2**32)
names = pytest.mark.parametrize("name", ALL)


def test_every_mouth_point_moved_apart():
    # Outer lips 12 points 3 px up, inner lips 8 points 2 px down: centroid (−36 + 16) / 20 = −1, so 2 px and 3 px.
    gt = np.zeros((1, 68, 2))
    gen = gt.copy()
    gen[0, 48:60, 1] = -3
    gen[0, 60:68, 1] = 2
    assert measure("M-LMD", gt, gen) == pytest.approx([(12 * 2 + 8 * 3) / 20], abs=1e-14)
    assert measure("M-LMD-uncentred", gt, gen) == pytest.approx([(12 * 3 + 8 * 2) / 20], abs=1e-14)
    assert measure("F-LMD-uncentred", gt, gen) == pytest.approx([(12 * 3 + 8 * 2) / 68], abs=1e-14)


def test_one_point_moved():
    # One of n points moves by d: it is d (n − 1) / n from its centroid's view, the others d / n; mean 2 d (n − 1) / n².
    gt = np.zeros((2, 68, 2))
    gt[:, 45] = 6, 8  # 10 px between the outer eye corners
    gen = gt.copy()
    gen[0, 60] += (5, 12)  # 13 px, in the mouth
    gen[1, 0] += (-3, 4)  # 5 px, on the jaw
    assert measure("M-LMD", gt, gen) == pytest.approx([2 * 13 * 19 / 400, 0], abs=1e-14)
    assert measure("F-LMD", gt, gen) == pytest.approx([2 * 13 * 67 / 68**2, 2 * 5 * 67 / 68**2], abs=1e-14)
    assert measure("M-LMD-uncentred", gt, gen) == pytest.approx([13 / 20, 0], abs=1e-14)
    assert measure("F-LMD-uncentred", gt, gen) == pytest.approx([13 / 68, 5 / 68], abs=1e-14)
    assert measure("M-LMD-iod", gt, gen) == pytest.approx([10 * 2 * 13 * 19 / 400, 0], abs=1e-13)
    assert measure("F-LMD-iod", gt, gen) == pytest.approx(
        [10 * 2 * 13 * 67 / 68**2, 10 * 2 * 5 * 67 / 68**2], abs=1e-13
    )


def test_shift_is_seen_where_nothing_is_centred():
    gt = track(0)
    assert measure("F-LMD-uncentred", gt, gt + np.array([3, -4])) == pytest.approx(5, abs=1e-12)
    assert measure("M-LMD-uncentred", gt, gt + np.array([3, -4])) == pytest.approx(5, abs=1e-12)


@names
@settings(deadline=None)
@given(seed=seeds)
def test_same_is_zero(name, seed):
    gt = track(seed)
    assert (measure(name, gt, gt.copy()) == 0).all()


@pytest.mark.parametrize("name", CENTRED + UNCENTRED)
@settings(deadline=None)
@given(seed=seeds)
def test_order_does_not_matter(name, seed):
    gt, gen = track(seed), track(seed + 1)
    assert (measure(name, gt, gen) == measure(name, gen, gt)).all()


@pytest.mark.parametrize("name", CENTRED + IOD)
@settings(deadline=None)
@given(seed=seeds, x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_shift_of_either_side_does_not_matter(name, seed, x, y):
    gt, gen = track(seed), track(seed + 1)
    expected = measure(name, gt, gen)
    assert measure(name, gt, gen + np.array([x, y])) == pytest.approx(expected, rel=1e-9)
    assert measure(name, gt + np.array([x, y]), gen) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None)
@given(seed=seeds)
def test_mouth_moved_as_a_whole_is_no_mouth_error(seed):
    gt = track(seed)
    gen = gt.copy()
    gen[:, 48:68] += (7, 9)
    assert measure("M-LMD", gt, gen) == pytest.approx(0, abs=1e-12)
    assert (measure("F-LMD", gt, gen) > 1).all()


@names
@settings(deadline=None)
@given(seed=seeds)
def test_doubling_the_size_doubles_pixels_and_leaves_shares(name, seed):
    gt, gen = track(seed), track(seed + 1)
    factor = 1 if "iod" in name else 2
    assert (measure(name, 2 * gt, 2 * gen) == factor * measure(name, gt, gen)).all()


@names
def test_grows_with_noise(name):
    gt = track(0, frames=20)
    noise = np.random.default_rng(1).normal(0, 1, gt.shape)
    values = [measure(name, gt, gt + s * noise).mean() for s in (0, 0.5, 1, 2, 4, 8)]
    assert values == sorted(values)
    assert len(set(values)) == 6


@names
def test_missing_face_is_nan_in_its_own_frame_only(name):
    gt, gen = track(0), track(1)
    expected = measure(name, gt, gen)
    gt[1], gen[3] = np.nan, np.nan
    values = measure(name, gt, gen)
    assert np.isnan(values).tolist() == [False, True, False, True, False]
    assert (values[[0, 2, 4]] == expected[[0, 2, 4]]).all()


@pytest.mark.filterwarnings("error")
@names
def test_no_face_at_all_and_no_frame_at_all(name):
    gone = np.full((3, 68, 2), np.nan)
    assert np.isnan(measure(name, gone, gone)).all()
    assert measure(name, gone[:0], gone[:0]).shape == (0,)


@pytest.mark.filterwarnings("error")
def test_no_share_of_a_distance_of_zero():
    gt, gen = track(0), track(1)
    gt[2, 45] = gt[2, 36]
    gt[3, 45] = gt[3, 36] + (0.5, 0)
    assert np.isnan(measure("F-LMD-iod", gt, gen)).tolist() == [False, False, True, False, False]


@names
def test_float32_is_measured_in_float64(name):
    gt, gen = track(0, dtype=np.float32) + np.float32(1e4), track(1, dtype=np.float32) + np.float32(1e4)
    values = measure(name, gt, gen)
    assert values.dtype == np.float64
    assert (values == measure(name, gt.astype(np.float64), gen.astype(np.float64))).all()


def test_whole_numbers_of_a_detector():
    gt, gen = track(0).astype(np.int32), track(1).astype(np.int32)
    assert (measure("F-LMD", gt, gen) == measure("F-LMD", gt.astype(float), gen.astype(float))).all()


def test_input_stays_as_it_is():
    gt, gen = track(0), track(1)
    copies = gt.copy(), gen.copy()
    for name in ALL:
        measure(name, gt, gen)
    assert (gt == copies[0]).all()
    assert (gen == copies[1]).all()


@pytest.mark.parametrize("distance", [face_landmark_distance, mouth_landmark_distance])
def test_refuses_other_shapes(distance):
    with pytest.raises(ValueError, match=r"equal shape, got \(5, 68, 2\) and \(4, 68, 2\)"):
        distance(track(0), track(0, frames=4))
    with pytest.raises(ValueError, match=r"expected \(T, 68, 2\), got \(5, 20, 2\)"):
        distance(track(0)[:, 48:], track(0)[:, 48:])


@pytest.mark.parametrize(
    ("switch", "message"),
    [
        ({"centre": "nose"}, "centre: expected none or centroid, got 'nose'"),
        ({"reduce": "median"}, "reduce: expected mean or sum or mean-abs or sum-over-68, got 'median'"),
        ({"scale": "cm"}, "scale: expected px or iod-percent, got 'cm'"),
    ],
)
def test_refuses_unknown_switches(switch, message):
    switches = {"points": FACE, "centre": "none", "reduce": "mean", "scale": "px"} | switch
    with pytest.raises(ValueError, match=message):
        landmark_distance(track(0), track(1), **switches)
