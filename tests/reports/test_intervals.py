import doctest
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from talkbench.reports import escape, intervals, table
from talkbench.reports.intervals import intervals as bounds_of

CI = {"resamples": 2000, "seed": 0, "level": 0.95}


def names(count):
    return [f"{index:06d}" for index in range(count)]


def naive(values, units, resamples, seed, level):
    """The definition, read aloud: one draw at a time, in plain loops."""
    speakers = sorted({unit for unit, value in zip(units, values, strict=True) if not math.isnan(value)})
    groups = [
        [value for unit, value in zip(units, values, strict=True) if unit == speaker and not math.isnan(value)]
        for speaker in speakers
    ]

    def mean_and_error(groups):
        count = sum(len(group) for group in groups)
        mean = sum(sum(group) for group in groups) / count
        residual = sum((sum(group) - mean * len(group)) ** 2 for group in groups)
        return mean, math.sqrt(len(groups) / (len(groups) - 1) * residual) / count

    mean, error = mean_and_error(groups)
    limit = 2 * stats.t.ppf((1 + level) / 2, len(groups) - 1)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(resamples):
        chosen = [groups[index] for index in rng.integers(0, len(groups), size=len(groups))]
        drawn_mean, drawn_error = mean_and_error(chosen)
        if drawn_error < 1e-12:
            draws.append(math.copysign(limit, drawn_mean - mean))
        else:
            draws.append(min(max((drawn_mean - mean) / drawn_error, -limit), limit))
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return mean - high * error, mean - low * error


@pytest.mark.parametrize("module", [escape, intervals, table])
def test_doctests(module):
    assert doctest.testmod(module).failed == 0


def test_equals_a_plain_loop_over_clips():
    values = np.random.default_rng(3).gamma(2, size=7)
    expected = naive(values, names(7), **CI)
    assert bounds_of(values[:, np.newaxis], names(7), **CI)[0] == pytest.approx(expected, rel=1e-9)


def test_equals_a_plain_loop_over_speakers_of_unequal_size_with_missing_values():
    units = ["a", "a", "b", "b", "b", "c", "d", "d", "e", "f", "f"]
    values = np.random.default_rng(4).normal(30, 2, size=len(units))
    values[[2, 8]] = np.nan  # one clip of b, and all there is of e
    expected = naive(values, units, **CI)
    assert bounds_of(values[:, np.newaxis], units, **CI)[0] == pytest.approx(expected, rel=1e-9)


def test_approaches_students_interval_where_there_is_much_data():
    values = np.random.default_rng(0).normal(5, 1, size=(400, 1))
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values[:, 0]))
    assert bounds_of(values, names(400), resamples=10_000, seed=0, level=0.95)[0] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    "column",
    [
        [math.nan] * 4,
        [1.0, math.nan, math.nan, math.nan],
        [1.0, 2.0, math.inf, 3.0],
        [1.0, 2.0, math.nan, math.nan],  # two clips of one speaker
    ],
)
def test_no_interval_where_the_data_allow_none(column):
    good = [1.0, 2.0, 3.0, 4.0]
    bounds = bounds_of(np.array([column, good]).T, ["a", "a", "b", "c"], **CI)
    assert np.isnan(bounds[0]).all()
    assert np.isfinite(bounds[1]).all()


def test_two_clips_have_a_wide_but_finite_interval():
    low, high = bounds_of(np.array([[1.0], [2.0]]), names(2), **CI)[0]
    student = stats.t.ppf(0.975, 1) * 0.5
    assert low == pytest.approx(1.5 - 2 * student)
    assert high == pytest.approx(1.5 + 2 * student)


@pytest.mark.parametrize("value", [0.0, 0.1, 32.123456789])
def test_equal_clips_have_an_interval_without_width(value):
    assert bounds_of(np.full((6, 1), value), names(6), **CI)[0] == pytest.approx([value, value], rel=1e-12)


def test_stays_within_the_possible_values():
    values = np.array([[0.9, 0.1], [1.0, 0.9]])
    bounds = bounds_of(values, names(2), **CI, limits=np.array([[-np.inf, 1.0], [0.0, np.inf]]))
    assert bounds[0, 1] == 1.0
    assert bounds[1, 0] == 0.0


def test_a_column_does_not_depend_on_its_neighbours():
    values = np.random.default_rng(1).normal(size=(12, 3))
    values[[0, 5], 1] = np.nan
    together = bounds_of(values, names(12), **CI)
    apart = np.concatenate([bounds_of(values[:, [column]], names(12), **CI) for column in range(3)])
    assert together == pytest.approx(apart, rel=1e-9)


def test_the_same_clips_get_the_same_resamples():
    values = np.random.default_rng(1).normal(size=12)
    shifted = bounds_of(np.stack([values, values + 1], axis=1), names(12), **CI)
    assert shifted[1] - 1 == pytest.approx(shifted[0], abs=1e-9)


def test_same_numbers_on_every_run_and_others_for_another_seed():
    values = np.random.default_rng(1).normal(size=(12, 3))
    first = bounds_of(values, names(12), **CI)
    assert (bounds_of(values, names(12), **CI) == first).all()
    assert (bounds_of(values, names(12), **{**CI, "seed": 1}) != first).all()


def test_the_size_of_a_batch_of_draws_is_irrelevant(monkeypatch):
    values = np.random.default_rng(1).normal(size=(12, 3))
    whole = bounds_of(values, names(12), **CI)
    monkeypatch.setattr(intervals, "_WEIGHTS_AT_ONCE", 100)
    assert bounds_of(values, names(12), **CI) == pytest.approx(whole, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0, 50), min_size=3, max_size=12).filter(lambda values: np.std(values) > 1e-3),
    st.floats(0.1, 10),
    st.floats(-100, 100),
)
def test_follows_a_change_of_unit(values, scale, shift):
    column = np.array(values)[:, np.newaxis]
    before = bounds_of(column, names(len(values)), resamples=200, seed=0, level=0.95)
    after = bounds_of(column * scale + shift, names(len(values)), resamples=200, seed=0, level=0.95)
    assert after == pytest.approx(before * scale + shift, rel=1e-6, abs=1e-6 * scale)
    assert (before[:, 0] <= column.mean()).all()
    assert (column.mean() <= before[:, 1]).all()


@pytest.mark.parametrize("skewed", [False, True], ids=["normal", "skewed"])
@pytest.mark.parametrize(("count", "clustered"), [(5, 0), (10, 0), (20, 0), (50, 0), (5, 10), (8, 10), (15, 10)])
def test_covers_the_truth_as_often_as_it_says(count, clustered, skewed):
    """2,000 experiments, one per column; in clusters of 10 clips, 30 % of the variance is the speaker's."""
    rng = np.random.default_rng([count, clustered, skewed])
    experiments = 2000

    def noise(size):
        return (
            (rng.gamma(2, size=(size, experiments)) - 2) / math.sqrt(2)
            if skewed
            else rng.normal(size=(size, experiments))
        )

    if clustered:
        speakers = np.repeat(np.arange(count), clustered)
        values = math.sqrt(0.3) * noise(count)[speakers] + math.sqrt(0.7) * noise(count * clustered)
        units = [f"{speaker:02d}" for speaker in speakers]
    else:
        values, units = noise(count), names(count)
    bounds = bounds_of(values, units, resamples=1000, seed=0, level=0.95)
    covered = np.mean((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0))
    means = values.reshape(count, -1, experiments).mean(axis=1)
    plain = percentile_coverage(means)
    assert 0.92 <= covered <= 0.97
    assert abs(covered - 0.95) < abs(plain - 0.95) + 0.01
    if count <= 8:
        assert plain < 0.91


def percentile_coverage(unit_means, resamples=1000):
    """How often the plain percentile interval covers 0; all units hold as many clips."""
    count = len(unit_means)
    drawn = np.random.default_rng(0).integers(0, count, size=(resamples, count))
    weights = np.stack([np.bincount(draw, minlength=count) for draw in drawn]) / count
    low, high = np.quantile(weights @ unit_means, [0.025, 0.975], axis=0)
    return np.mean((low <= 0) & (high >= 0))


def many(count, columns=24):
    """Values of so many clips, skewed in the first half of the columns; in the second they follow their weights."""
    rng = np.random.default_rng(count)
    half = (count, columns // 2)
    weights = np.concatenate([np.ones(half), rng.uniform(0, 2, size=half)], axis=1)
    values = np.concatenate([rng.gamma(8, size=half), rng.normal(size=half)], axis=1) + 4 * weights
    return values, weights


def in_errors(bounds, values, weights):
    """How many standard errors the ends (C, 2) lie from the means."""
    means = (values * weights).sum(axis=0) / weights.sum(axis=0)
    errors = np.sqrt((((values - means) * weights) ** 2).sum(axis=0)) / weights.sum(axis=0)
    return (bounds - means[:, np.newaxis]) / errors[:, np.newaxis]


def test_from_many_units_on_the_interval_is_what_draws_tend_to(monkeypatch):
    """On a third of the units, where skewness and weights move the ends the more, against 60,000 draws."""
    values, weights = many(1500)
    how = {"resamples": 60_000, "seed": 0, "level": 0.95, "weights": weights}
    drawn = in_errors(bounds_of(values, names(len(values)), **how), values, weights)
    monkeypatch.setattr(intervals, "MANY", len(values))
    computed = in_errors(bounds_of(values, names(len(values)), **how), values, weights)
    assert (computed != drawn).all()
    for kind in (slice(0, 12), slice(12, 24)):
        # Each end scatters by 0.011, their mean over 12 columns by 0.003.
        assert np.abs((computed - drawn)[kind].mean(axis=0)).max() < 0.008
    assert np.abs([-1.96, 1.96] - drawn[:12].mean(axis=0)).min() > 0.02  # Student's, without the skewness
    assert np.abs(computed - drawn).max() < 0.05


def test_what_few_units_rule_is_drawn_however_many_there_are():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(intervals.MANY, 3))
    values[7, 1] = 1000.0
    values[:, 2] = 0.1
    one, other = (
        bounds_of(values, names(len(values)), resamples=50, seed=seed, level=0.95, weights=np.ones_like(values))
        for seed in (0, 1)
    )
    assert (one[0] == other[0]).all()
    assert (one[1] != other[1]).any()
    assert one[2] == pytest.approx([0.1, 0.1], rel=1e-12)
    few = [bounds_of(values[1:, :1], names(len(values) - 1), resamples=50, seed=seed, level=0.95) for seed in (0, 1)]
    assert (few[0] != few[1]).all()


def test_very_many_clips_need_no_room_for_their_draws():
    values, weights = many(30_000, columns=4)
    units = names(len(values))
    tracemalloc.start()
    bounds_of(values, units, resamples=10_000, seed=0, level=0.95, weights=weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * values.nbytes  # 19 MB; one batch of draws alone takes 48 MB, all of them 2.4 GB


def test_memory_stays_bounded_on_very_many_clips():
    tracemalloc.start()
    draws = intervals._draws(300_000, 10_000, 0)
    batches = [len(next(draws)) for _ in range(3)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert batches == [6, 6, 6]
    assert peak < 150e6  # all 10,000 draws at once would take 24 GB


def test_every_draw_is_of_as_many_units_as_there_are():
    weights = np.concatenate(list(intervals._draws(7, 500, 0)))
    assert weights.shape == (500, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)
