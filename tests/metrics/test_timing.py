"""The timing-tolerant distances against all paths one by one, and what holds for any two tracks."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.metrics import METRICS
from talkbench.metrics.contract import Facts
from talkbench.metrics.timing import dtw, shifted, soft_dtw

REGIONS = {"mouth": "M-LMD", "face": "F-LMD"}
regions = pytest.mark.parametrize("points", REGIONS)
seeds = st.integers(0, 2**32)


def facts(track, rate=25.0):
    return Facts(track, rate, (256, 256))


def tracks(seed, frames=30, noise=1.0):
    """Two float32 tracks: smooth motion, and the same with noise."""
    rng = np.random.default_rng(seed)
    motion = np.cumsum(rng.normal(0, 1.5, (frames, 68, 2)), axis=0) + rng.normal(128, 30, (68, 2))
    return motion.astype(np.float32), (motion + rng.normal(0, noise, motion.shape)).astype(np.float32)


def plain(gt, gen, points):
    metric = METRICS[REGIONS[points]]
    values = metric.per_frame(gt, gen)
    return metric.clip(values[~np.isnan(values)])


def distance(x, y):
    """One pair of frames, point by point."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return sum(math.hypot(*(b - a)) for a, b in zip(x, y, strict=True)) / len(x)


def all_paths(count, reach):
    """Every path from (0, 0) to (count − 1, count − 1) within the band."""

    def further(path):
        i, j = path[-1]
        if (i, j) == (count - 1, count - 1):
            yield path
            return
        for di, dj in ((1, 1), (1, 0), (0, 1)):
            if max(i + di, j + dj) < count and abs(i + di - j - dj) <= reach:
                yield from further([*path, (i + di, j + dj)])

    return list(further([(0, 0)]))


def path_sums(x, y, reach, points):
    chosen = slice(48, 68) if points == "mouth" else slice(0, 68)
    x, y = x[:, chosen].astype(np.float64), y[:, chosen].astype(np.float64)
    apart = [[distance(one, other) for other in y] for one in x]
    return np.array([sum(apart[i][j] for i, j in path) for path in all_paths(len(x), reach)])


@regions
@pytest.mark.parametrize("function", [shifted, dtw, soft_dtw])
@settings(deadline=None, max_examples=25)
@given(seed=seeds, holes=st.lists(st.integers(0, 29), max_size=8))
def test_a_rigid_alignment_is_the_plain_metric_to_the_last_bit(points, function, seed, holes):
    gt, gen = tracks(seed)
    gen[holes] = np.nan
    found = function(facts(gt), facts(gen), band_ms=0, points=points)
    assert found.value == found.parts["plain"] == plain(gt, gen, points)
    assert found.frames == 30 - len(set(holes))


@regions
@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_dtw_is_the_least_of_all_paths(points, seed):
    gt, gen = tracks(seed, frames=5)
    expected = path_sums(gt, gen, 2, points).min() / 5
    assert dtw(facts(gt), facts(gen), band_ms=80, points=points).value == pytest.approx(expected, rel=1e-12)


@regions
@settings(deadline=None, max_examples=10)
@given(seed=seeds, gamma=st.floats(0.05, 5))
def test_soft_dtw_is_the_divergence_over_all_paths(points, seed, gamma):
    gt, gen = tracks(seed, frames=5)

    def soft(x, y):
        sums = path_sums(x, y, 2, points)
        return sums.min() - gamma * math.log(np.exp((sums.min() - sums) / gamma).sum())

    expected = (soft(gt, gen) - soft(gt, gt) / 2 - soft(gen, gen) / 2) / 5
    found = soft_dtw(facts(gt), facts(gen), band_ms=80, gamma_px=gamma, points=points)
    assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-12)


@regions
@settings(deadline=None, max_examples=25)
@given(seed=seeds)
def test_a_wider_band_is_never_worse(points, seed):
    gt, gen = tracks(seed)
    for function in (shifted, dtw):
        values = [function(facts(gt), facts(gen), band_ms=band, points=points).value for band in (0, 40, 80, 200)]
        assert all(b <= a + 1e-12 for a, b in itertools.pairwise(values))


@regions
@settings(deadline=None, max_examples=25)
@given(seed=seeds, late=st.integers(1, 5))
def test_a_late_take_is_forgiven(points, seed, late):
    gt, _ = tracks(seed, frames=60)
    gen = np.concatenate([np.repeat(gt[:1], late, axis=0), gt[:-late]])
    found = shifted(facts(gt), facts(gen), band_ms=200, points=points)
    assert found.value == 0
    assert found.parts["offset_ms"] == late * 40
    back = shifted(facts(gen), facts(gt), band_ms=200, points=points)
    assert (back.value, back.parts["offset_ms"]) == (0, -late * 40)
    rigid = found.parts["plain"]
    for function in (dtw, soft_dtw):
        assert function(facts(gt), facts(gen), band_ms=200, points=points).value < 0.4 * rigid


@regions
@settings(deadline=None, max_examples=25)
@given(seed=seeds, noise=st.floats(0.01, 5))
def test_soft_dtw_is_symmetric_and_never_below_zero(points, seed, noise):
    gt, gen = tracks(seed, noise=noise)
    one = soft_dtw(facts(gt), facts(gen), points=points).value
    assert one == pytest.approx(soft_dtw(facts(gen), facts(gt), points=points).value, rel=1e-9)
    assert one > -1e-12


@regions
def test_soft_dtw_goes_to_dtw_as_gamma_goes_to_zero(points):
    gt, gen = tracks(3)
    hard = dtw(facts(gt), facts(gen), points=points).value
    assert soft_dtw(facts(gt), facts(gen), gamma_px=1e-6, points=points).value == pytest.approx(hard, rel=1e-6)


def test_the_band_is_in_time_also_where_frames_are_missing():
    # Frames 1–4 have no face: frame 5 is then the second, and may not be matched with the first, 200 ms before.
    gt, gen = tracks(5, frames=8)
    gen[1:5] = np.nan
    seen = [0, 5, 6, 7]
    near = path_sums(gt[[5, 6, 7]], gen[[5, 6, 7]], 1, "mouth").min() + path_sums(gt[:1], gen[:1], 0, "mouth")[0]
    found = dtw(facts(gt), facts(gen), band_ms=40, points="mouth")
    assert found.frames == len(seen)
    assert found.value == pytest.approx(near / 4, rel=1e-12)


def test_the_band_is_in_time_also_where_fewer_frames_have_a_face_than_it_has():
    # Of frames 0, 4 and 5 any two are within 200 ms of each other; the take is one of the three late.
    gt, gen = tracks(6, frames=6)
    gen[[4, 5]] = gt[[0, 4]]
    gen[1:4] = np.nan
    seen = [0, 4, 5]
    sums = path_sums(gt[seen], gen[seen], 2, "mouth")
    assert sums.min() < path_sums(gt[seen], gen[seen], 0, "mouth")[0]
    assert dtw(facts(gt), facts(gen), band_ms=200, points="mouth").value == pytest.approx(sums.min() / 3, rel=1e-12)


def test_the_band_follows_the_rate():
    gt, _ = tracks(1, frames=60)
    gen = np.concatenate([gt[:1], gt[:1], gt[:-2]])  # two frames: 80 ms at 25 fps, 40 ms at 50
    assert shifted(facts(gt), facts(gen), band_ms=40, points="mouth").value > 0
    assert shifted(facts(gt, 50.0), facts(gen, 50.0), band_ms=40, points="mouth").value == 0


def test_dtw_against_another_library():
    # dtw-python 1.9.0 on the matrix of F-LMDs (`distance`) between all frames of these two tracks, with the step
    # pattern "symmetric1", the window "sakoechiba" and its size 5; .distance / 30.
    gt, gen = tracks(11)
    late = np.concatenate([gen[:1], gen[:1], gen[:1], gen[:-3]])
    assert dtw(facts(gt), facts(late), points="face").value == pytest.approx(1.5191332806815852, rel=1e-9)


@regions
def test_two_frames_can_be_one_apart(points):
    first, second = np.random.default_rng(0).normal(128, 30, (2, 68, 2))
    found = shifted(facts(np.stack([first, second])), facts(np.stack([second, first])), band_ms=200, points=points)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert abs(found.parts["offset_ms"]) == 40
