import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from talkbench.reports import intervals as intervals_module
from talkbench.reports.best import best
from talkbench.reports.columns import Column, Values
from talkbench.reports.intervals import intervals
from talkbench.reports.significance import holm, paired, sign_flip, smallest_p

DRAWS = {"resamples": 10_000, "seed": 0}
CI = {**DRAWS, "level": 0.95}
SUMS = st.lists(st.integers(-500, 500).map(lambda tenths: tenths / 10), min_size=2, max_size=9)
"""Tenths, which tie often, and not exactly."""


def names(count):
    return [f"{index:04d}" for index in range(count)]


def compared(a, b, units=None, **draws):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return paired(a, b, units or names(len(a)), weights=np.ones(len(a)), **{**DRAWS, **draws})


def scipy_p(sums):
    done = stats.permutation_test(
        (np.asarray(sums),), lambda x, axis: x.sum(axis=axis), permutation_type="samples", vectorized=True,
        n_resamples=math.inf, alternative="two-sided",
    )  # fmt: skip
    return done.pvalue


@settings(max_examples=40, deadline=None)
@given(SUMS)
def test_exact_p_equals_scipys_permutation_test(sums):
    assert sign_flip(np.array(sums), **DRAWS) == (pytest.approx(scipy_p(sums)), True)


def test_clustered_p_equals_scipys_on_the_sums_of_the_speakers():
    rng = np.random.default_rng(3)
    units = ["a", "b", "b", "c", "c", "c", "d", "e", "e", "f"]
    a, b = rng.gamma(2, size=(2, 10))
    b[4] = np.nan
    there = ~np.isnan(b)
    sums = [sum((b - a)[at] for at in range(10) if units[at] == unit and there[at]) for unit in "abcdef"]
    made = compared(a, b, units)
    assert made.test.p == pytest.approx(scipy_p(sums))
    assert (made.n_clips, made.n_units) == (9, 6)
    assert made.test.difference == pytest.approx((b - a)[there].mean())


def test_drawn_signs_agree_with_all_of_them():
    sums = np.random.default_rng(8).normal(0.3, 1, size=14)
    exact, is_exact = sign_flip(sums, resamples=10_000, seed=0)
    drawn, is_drawn = sign_flip(sums, resamples=8_000, seed=0)
    assert (is_exact, is_drawn) == (True, False)
    assert exact == pytest.approx(scipy_p(sums))
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 8_000))
    assert sign_flip(sums, resamples=8_000, seed=0)[0] == drawn
    assert sign_flip(sums, resamples=8_000, seed=1)[0] != drawn


def test_a_drawn_p_is_never_zero():
    assert sign_flip(np.full(200, 1.0), resamples=999, seed=0) == (1 / 1000, False)


@pytest.mark.parametrize("mean", [0.0, 0.03, 0.06])
def test_from_many_units_on_p_is_what_draws_tend_to(monkeypatch, mean):
    sums = np.random.default_rng(4).gamma(4, size=1000) / 2
    sums += mean - sums.mean()
    drawn, exact = sign_flip(sums, resamples=60_000, seed=0)
    monkeypatch.setattr(intervals_module, "MANY", len(sums))
    computed = sign_flip(sums, resamples=60_000, seed=0)[0]
    assert (computed, exact) == (sign_flip(sums, resamples=60_000, seed=1)[0], False)
    assert computed == pytest.approx(drawn, abs=4 * math.sqrt(drawn * (1 - drawn) / 60_000))


def test_differences_that_few_units_rule_are_drawn_however_many_there_are():
    sums = np.where(np.arange(intervals_module.MANY) < 4, 1.0, 0.0)
    assert sign_flip(sums, **DRAWS)[0] == pytest.approx(0.125, abs=0.02)  # 2 of 16 choices; the normal limit has 0.046
    assert sign_flip(np.zeros(intervals_module.MANY), **DRAWS)[0] == 1.0


@pytest.mark.parametrize("count", [2, 5, 14, 15, 300, 6000])
def test_the_smallest_p_is_reached_where_all_differences_agree(count):
    assert sign_flip(np.linspace(1, 2, count), **DRAWS)[0] == pytest.approx(smallest_p(count, 10_000))


@settings(max_examples=60, deadline=None)
@given(SUMS, st.floats(0.01, 100), st.randoms())
def test_p_knows_neither_unit_nor_direction_nor_order(sums, scale, random):
    p = sign_flip(np.array(sums), **DRAWS)[0]
    assert smallest_p(len(sums), 10_000) <= p <= 1
    assert sign_flip(-scale * np.array(sums), **DRAWS)[0] == pytest.approx(p)
    random.shuffle(sums)
    assert sign_flip(np.array(sums), **DRAWS)[0] == pytest.approx(p)


def test_p_of_equal_methods_is_one():
    made = compared([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (made.test.p, made.test.difference, made.test.standardised) == (1.0, 0.0, None)
    assert (made.higher_on, made.lower_on) == (0, 0)


def test_only_clips_that_both_have_count():
    made = compared([1, 2, 3, math.nan, 5], [2, math.nan, 5, 9, 5])
    assert (made.n_clips, made.baseline, made.other) == (3, 3.0, 4.0)
    assert (made.higher_on, made.lower_on) == (2, 0)
    assert made.test.difference == 1.0
    assert made.test.standardised == 1.0  # differences 1, 2, 0: mean 1, standard deviation 1


@pytest.mark.parametrize(
    ("a", "b", "units"),
    [
        ([1.0, math.nan], [2.0, 3.0], None),
        ([1.0, 2.0], [2.0, math.inf], None),
        ([math.inf, 2.0], [math.inf, 3.0], None),
        ([1.0, 2.0], [3.0, 4.0], ["s", "s"]),
        ([math.nan], [math.nan], None),
    ],
)
def test_no_test_where_the_data_allow_none(a, b, units):
    assert compared(a, b, units).test is None


def test_weights_make_a_clip_count_as_often():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 5.0, 3.5])
    weighted = paired(a, b, ["x", "y", "z"], weights=np.array([1.0, 2.0, 1.0]), **DRAWS)
    repeated = compared([1, 2, 2, 3], [2, 5, 5, 3.5], ["x", "y", "y", "z"])
    assert weighted.test.difference == pytest.approx(repeated.test.difference)
    assert weighted.test.p == pytest.approx(repeated.test.p)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closure_of_bonferroni(p):
    """An adjusted p is the largest Bonferroni p of any set of hypotheses that holds its own (Marcus et al. 1976)."""
    places = range(len(p))
    sets = [one for size in places for one in itertools.combinations(places, size + 1)]
    expected = [max(min(1.0, len(one) * min(p[at] for at in one)) for one in sets if place in one) for place in places]
    assert holm(p) == pytest.approx(expected)


def test_holm_equals_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    p = np.random.default_rng(0).uniform(0, 0.2, size=12)
    assert holm(p.tolist()) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_a_false_alarm_is_as_rare_as_it_says_where_clips_share_a_speaker():
    """1,500 experiments without a difference: 8 speakers, 10 clips each, 30 % of the variance is the speaker's."""
    rng = np.random.default_rng(1)
    by_speaker = np.repeat(rng.normal(size=(8, 1500)), 10, axis=0) * math.sqrt(0.3)
    differences = by_speaker + rng.normal(size=(80, 1500)) * math.sqrt(0.7)
    sums = differences.reshape(8, 10, 1500).sum(axis=1)
    right = np.mean([sign_flip(column, **DRAWS)[0] <= 0.05 for column in sums.T])
    wrong = np.mean([sign_flip(column, resamples=400, seed=0)[0] <= 0.05 for column in differences.T[:500]])
    assert 0.03 < right < 0.06
    assert wrong > 0.15  # as if the 80 clips were independent


@pytest.mark.parametrize("skewed", [False, True], ids=["normal", "skewed"])
@pytest.mark.parametrize("speakers", [8, 15, 30])
def test_intervals_of_a_difference_cover_the_truth_93_to_97_times_in_100(speakers, skewed):
    """3,000 experiments: two methods of unequal spread on 10 clips per speaker, 30 % of each spread the speaker's."""
    rng = np.random.default_rng([speakers, skewed])

    def noise(count):
        return (rng.gamma(2, size=(count, 3000)) - 2) / math.sqrt(2) if skewed else rng.normal(size=(count, 3000))

    who = np.repeat(np.arange(speakers), 10)
    one, other = (
        scale * (math.sqrt(0.3) * noise(speakers)[who] + math.sqrt(0.7) * noise(speakers * 10)) for scale in (1.5, 0.7)
    )
    bounds = intervals(other - one, [f"{at:02d}" for at in who], resamples=1000, seed=0, level=0.95)
    assert 0.93 <= np.mean((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0)) <= 0.97


COLUMN = Column("F-LMD", "lower", "px", 2, 0.0, "landmarks")


@pytest.mark.parametrize("methods", [2, 5])
def test_the_truly_best_method_is_bold_95_times_in_100(methods):
    """All methods are equal, so that the first is truly best, while the data choose another one most of the time."""
    rng = np.random.default_rng(methods)
    kept = []
    for _ in range(400):
        values = rng.normal(size=(12, methods, 1)) + rng.normal(size=(12, 1, 1))
        of = Values(names(12), values, np.ones_like(values))
        kept.append(0 in best(values[:, :, 0].mean(axis=0).tolist(), of, 0, COLUMN, CI).bold)
    assert np.mean(kept) >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 400)
