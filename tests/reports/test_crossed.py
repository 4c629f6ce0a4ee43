import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from talkbench.reports import crossed as module
from talkbench.reports.crossed import crossed

HOW = {"level": 0.95, "resamples": 2000, "seed": 0}


def simulated(rng, raters=30, clips=10, methods=2):
    """Ratings (methods, raters, clips) with a true mean of 5.5; the variances of a typical study of talking heads."""
    y = rng.normal(0, 1.2, (methods, raters, clips))
    y += rng.normal(0, 0.8, (raters, 1)) + rng.normal(0, 0.5, (1, clips))
    y += rng.normal(0, 0.35, (methods, raters, 1)) + rng.normal(0, 0.35, (methods, 1, clips))
    return np.clip(np.round(5.5 + y), 1, 10)


def by_regression(y, level):
    """The same from sums of squares of fitted models, as a textbook's analysis of variance does it."""
    s, k = y.shape
    rater, clip = (np.repeat(np.eye(s), k, axis=0), np.tile(np.eye(k), (s, 1)))
    flat = y.reshape(-1)

    def left_over(*parts):
        design = np.column_stack([np.ones(s * k), *parts])
        return np.sum((flat - design @ np.linalg.lstsq(design, flat, rcond=None)[0]) ** 2)

    ms_r = (left_over() - left_over(rater)) / (s - 1)
    ms_c = (left_over() - left_over(clip)) / (k - 1)
    ms_e = left_over(rater, clip) / ((s - 1) * (k - 1))
    total = ms_r + ms_c - ms_e
    df = total**2 / (ms_r**2 / (s - 1) + ms_c**2 / (k - 1) + ms_e**2 / ((s - 1) * (k - 1)))
    return stats.t.interval(level, df, flat.mean(), math.sqrt(total / (s * k)))


def test_doctests():
    assert doctest.testmod(module).failed == 0


def test_closed_form_equals_an_analysis_of_variance():
    y = simulated(np.random.default_rng(1), 7, 5)[0]
    made = crossed(y, **HOW)
    assert (made.low, made.high) == pytest.approx(by_regression(y, 0.95))
    assert (made.mean, made.n_ratings, made.n_clips, made.complete) == (pytest.approx(y.mean()), 35, 5, True)


def test_p_is_the_level_at_which_the_interval_touches_zero():
    y = simulated(np.random.default_rng(1), 7, 5)[0] - 5.0
    p = crossed(y, **HOW).p
    touching = crossed(y, **{**HOW, "level": 1 - p})
    assert min(abs(touching.low), abs(touching.high)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.4], ids=["complete", "40 % missing"])
def test_covers_the_truth_where_the_pooled_interval_does_not(missing):
    """500 studies of 30 raters and 10 clips; the truth of a difference between the two methods is 0."""
    rng = np.random.default_rng(7)
    hits = {"mean": 0, "difference": 0, "pooled": 0}
    studies = 500
    for _ in range(studies):
        one, other = simulated(rng)
        gaps = rng.uniform(size=one.shape) < missing
        one, other = np.where(gaps, np.nan, one), np.where(gaps, np.nan, other)
        how = {**HOW, "resamples": 500}
        made, difference = crossed(one, **how), crossed(other - one, **how)
        hits["mean"] += made.low <= 5.5 <= made.high
        hits["difference"] += difference.low <= 0 <= difference.high
        flat = one[~np.isnan(one)]
        hits["pooled"] += abs(flat.mean() - 5.5) < 1.96 * flat.std(ddof=1) / math.sqrt(len(flat))
    assert 0.92 <= hits["mean"] / studies <= 0.98
    assert 0.92 <= hits["difference"] / studies <= 0.99
    assert hits["pooled"] / studies < 0.7


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10), st.floats(-20, 20), st.booleans())
def test_follows_a_change_of_unit(seed, scale, shift, gaps):
    rng = np.random.default_rng(seed)
    y = simulated(rng, 5, 4)[0]
    if gaps:
        y[rng.integers(5), rng.integers(4)] = np.nan
    before, after = crossed(y, **HOW), crossed(y * scale + shift, **HOW)
    for name in ("mean", "low", "high"):
        assert getattr(after, name) == pytest.approx(getattr(before, name) * scale + shift, abs=1e-6)
    assert before.low <= before.mean <= before.high


def test_the_order_of_raters_and_clips_is_irrelevant():
    rng = np.random.default_rng(0)
    y = simulated(rng, 6, 5)[0]
    shuffled = y[rng.permutation(6)][:, rng.permutation(5)]
    assert crossed(shuffled, **HOW).low == pytest.approx(crossed(y, **HOW).low)


@pytest.mark.parametrize("y", [[[5.0, 6.0, 7.0]], [[5.0], [6.0]], [[5.0, np.nan], [6.0, np.nan]]])
def test_one_rater_or_one_clip_has_no_interval(y):
    made = crossed(np.array(y), **HOW)
    assert made.mean == np.nanmean(y)
    assert (made.low, made.high, made.p) == (None, None, None)


def test_ratings_that_all_agree():
    made = crossed(np.full((3, 4), 7.0), **HOW)
    assert (made.low, made.high, made.p) == (7.0, 7.0, 0.0)
    assert crossed(np.zeros((3, 4)), **HOW).p == 1.0
    assert crossed(np.full((3, 4), np.nan), **HOW) is None
