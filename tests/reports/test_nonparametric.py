import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from talkbench.reports.annex_e import recover
from talkbench.reports.nonparametric import friedman, wilcoxon
from talkbench.reports.significance import holm
from talkbench.reports.sos import sos


def test_friedman_by_its_textbook_formula():
    """12 n / (k (k + 1)) Σ (mean rank - (k + 1) / 2)², without ties; W is that over n (k - 1)."""
    y = np.random.default_rng(0).normal(size=(9, 4)) + np.array([0, 0.5, 1, 0])
    n, k = y.shape
    ranks = stats.rankdata(y, axis=1)
    chi2 = 12 * n / (k * (k + 1)) * np.sum((ranks.mean(axis=0) - (k + 1) / 2) ** 2)
    made = friedman(np.vstack([y, [np.nan, 1, 2, 3]]))
    assert (made.chi2, made.w, made.n, made.df) == pytest.approx((chi2, chi2 / (n * (k - 1)), n, k - 1))
    assert made.p == pytest.approx(stats.chi2.sf(chi2, k - 1))
    assert friedman(y[:, :2]) is None
    assert friedman(np.ones((5, 3))) is None


def test_wilcoxon_with_holm():
    y = np.random.default_rng(1).normal(size=(15, 3)) + np.array([0, 0.7, 1.5])
    pairs = [(0, 1), (0, 2), (1, 2)]
    made = wilcoxon(y, pairs)
    expected = [stats.wilcoxon(y[:, b], y[:, a]).pvalue for a, b in pairs]
    assert [one.p for one in made] == pytest.approx(expected)
    assert [one.p_holm for one in made] == pytest.approx(holm(expected))
    d = y[:, 2] - y[:, 0]
    ranks = stats.rankdata(np.abs(d))
    assert made[1].effect == pytest.approx((ranks[d > 0].sum() - ranks[d < 0].sum()) / ranks.sum())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=9).filter(any))
def test_wilcoxon_with_ties_counts_all_signs(differences):
    """Every choice of signs of the differences that are not 0 is as likely as any other."""
    d = np.array([one for one in differences if one], float)
    ranks = stats.rankdata(np.abs(d))
    sums = [ranks[np.array(signs)].sum() for signs in itertools.product([True, False], repeat=len(d))]
    own = ranks[d > 0].sum()
    expected = min(1.0, 2 * min(np.mean(np.array(sums) <= own), np.mean(np.array(sums) >= own)))
    y = np.column_stack([np.zeros(len(differences)), differences])
    assert wilcoxon(y, [(0, 1)])[0].p == pytest.approx(expected)


def test_wilcoxon_of_many_is_scipys():
    d = np.random.default_rng(0).normal(0.2, 1, 150)
    made = wilcoxon(np.column_stack([np.zeros(150), d]), [(0, 1)])[0]
    assert made.p == pytest.approx(stats.wilcoxon(np.round(d, 9), method="approx").pvalue)


def test_wilcoxon_without_a_difference():
    y = np.tile(np.arange(5.0)[:, None], (1, 2))
    assert wilcoxon(y, [(0, 1)])[0].p is None
    assert wilcoxon(np.full((3, 2), np.nan), [(0, 1)])[0].n == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_sos_is_1_at_the_ends_and_follows_the_variance(seed, n):
    rng = np.random.default_rng(seed)
    y = rng.integers(1, 11, (n, 6)).astype(float)
    found = sos(y)
    if found is not None:
        assert sos(11 - y) == pytest.approx(found)
        assert sos((y - 1) / 9 * 4 + 1, lowest=1, highest=5) == pytest.approx(found)
        assert found >= 0
    ends = np.where(np.arange(200)[:, None] < [100, 50], 1.0, 10.0)
    assert sos(ends) == pytest.approx(200 / 199)
    assert sos(np.full((4, 3), 10.0)) is None


def test_annex_e_finds_bias_and_inconsistency_and_beats_the_mean():
    rng = np.random.default_rng(0)
    quality, bias = rng.uniform(3, 8, 60), rng.normal(0, 1, 20)
    noise = np.array([0.5] * 15 + [4.0] * 5)
    y = quality + bias[:, None] + rng.normal(size=(20, 60)) * noise[:, None]
    y[rng.uniform(size=y.shape) < 0.2] = np.nan
    made = recover(y)
    assert made.bias == pytest.approx(bias - bias.mean(), abs=0.9)
    assert np.median(made.inconsistency[:15]) == pytest.approx(0.5, abs=0.05)
    assert made.inconsistency[15:].min() > 2.5
    centred = quality + bias.mean()
    plain, recovered = (np.sqrt(np.mean((q - centred) ** 2)) for q in (np.nanmean(y, axis=0), made.quality))
    assert recovered < 0.5 * plain
    assert np.mean(np.abs(made.quality - centred) < 1.96 * made.error) > 0.7


def test_annex_e_solves_its_own_equations():
    """At the solution each quality, bias and inconsistency is the stated mean of the others' residuals."""
    y = np.random.default_rng(2).integers(1, 11, (8, 12)).astype(float)
    y[0, 3] = np.nan
    made = recover(y)
    weight = np.where(np.isnan(y), 0, 1) * made.inconsistency[:, None] ** -2
    unbiased = np.nan_to_num(y - made.bias[:, None])
    assert made.quality == pytest.approx((weight * unbiased).sum(axis=0) / weight.sum(axis=0), abs=1e-6)
    bias = np.nanmean(y - made.quality, axis=1)
    assert made.bias == pytest.approx(bias - bias.mean(), abs=1e-6)
    residual = y - made.quality - made.bias[:, None]
    assert made.inconsistency == pytest.approx(np.sqrt(np.nanmean(residual**2, axis=1)), abs=1e-6)


def test_annex_e_of_what_is_not_rated():
    y = np.array([[5.0, 6.0, np.nan], [4.0, 7.0, np.nan], [np.nan] * 3])
    made = recover(y)
    assert np.isnan(made.quality[2])
    assert np.isnan(made.bias[2])
    assert recover(y[:1]) is None
