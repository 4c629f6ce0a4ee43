import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.reports.agreement import against_the_others, alpha, icc

N = np.nan
SHROUT_FLEISS = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7.0]])
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)


def study(rng, raters=12, stimuli=20, missing=0.0):
    y = rng.normal(0, 1, stimuli) + rng.normal(0, 0.5, (raters, 1)) + rng.normal(0, 1, (raters, stimuli))
    y = np.clip(np.round(5.5 + 1.5 * y), 1, 10)
    return np.where(rng.uniform(size=y.shape) < missing, np.nan, y)


def test_icc_of_shrout_and_fleiss():
    """ICC(2,1) 0.29 and ICC(2,4) 0.62: Shrout & Fleiss 1979, table 4. Intervals: R package psych 2.3, ICC2, ICC2k."""
    one, mean = icc(SHROUT_FLEISS)
    assert (one.value, one.low, one.high) == pytest.approx((0.29, 0.019, 0.76), abs=0.005)
    assert (mean.value, mean.low, mean.high) == pytest.approx((0.62, 0.071, 0.93), abs=0.005)


def test_icc_covers_the_share_of_variance():
    """1.0 of stimuli, 0.25 of raters, 1.0 of the rest: ICC(A,1) = 4/9; 300 studies, three standard errors."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        y = rng.normal(0, 1, 20) + rng.normal(0, 0.5, (12, 1)) + rng.normal(0, 1, (12, 20))
        found = icc(y)[0]
        hits += found.low <= 4 / 9 <= found.high
    assert hits / 300 == pytest.approx(0.95, abs=0.038)


def test_icc_with_gaps_is_near_that_without():
    rng = np.random.default_rng(1)
    y = study(rng, 25, 40)
    whole, gaps = icc(y), icc(np.where(rng.uniform(size=y.shape) < 0.2, np.nan, y))
    assert gaps[0].value == pytest.approx(whole[0].value, abs=0.03)
    assert gaps[0].low is None
    touched = y.copy()
    touched[0, 0] = np.nan
    assert icc(touched)[0].value == pytest.approx(whole[0].value, abs=0.002)


def test_icc_of_too_little():
    assert icc(np.array([[1.0, 2.0]])) is None
    assert icc(np.full((3, 4), 5.0)) is None


def test_ordinal_alpha_of_krippendorff():
    """0.815: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section D, ordinal."""
    assert alpha(KRIPPENDORFF, resamples=0).value == pytest.approx(0.815, abs=5e-4)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_alpha_is_evalicas(missing):
    evalica = pytest.importorskip("evalica")
    import pandas as pd

    y = study(np.random.default_rng(3), missing=missing)
    assert alpha(y, resamples=0).value == pytest.approx(
        evalica.alpha(pd.DataFrame(y), distance="ordinal").alpha, abs=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_alpha_looks_at_the_order_alone_and_not_at_who_or_what(seed):
    rng = np.random.default_rng(seed)
    y = study(rng, 5, 8, missing=0.2)
    found = alpha(y, resamples=0)
    again = alpha((y**3)[rng.permutation(5)][:, rng.permutation(8)], resamples=0)
    assert again.value == pytest.approx(found.value)
    assert found.value <= 1


def test_alpha_of_perfect_agreement_and_of_chance():
    rng = np.random.default_rng(0)
    assert alpha(np.tile(rng.integers(1, 11, 30).astype(float), (4, 1))).value == pytest.approx(1)
    assert alpha(rng.integers(1, 11, (20, 200)).astype(float), resamples=0).value == pytest.approx(0, abs=0.02)
    assert alpha(np.full((3, 4), 5.0)) is None


def test_the_interval_of_alpha_covers_what_many_raters_agree_on():
    """60 studies of 15 raters; the truth is alpha of 3,000 raters on the same stimuli."""
    rng = np.random.default_rng(5)
    quality = rng.normal(0, 1, 25)

    def raters(count):
        return np.clip(
            np.round(5.5 + 1.5 * (quality + rng.normal(0, 0.5, (count, 1)) + rng.normal(0, 1, (count, 25)))), 1, 10
        )

    truth = alpha(raters(3000), resamples=0).value
    found = [alpha(raters(15), resamples=200) for _ in range(60)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.85
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=0.02)


def test_against_the_others_by_a_loop():
    y = study(np.random.default_rng(2), 6, 15, missing=0.2)
    found = against_the_others(y)
    for at in range(6):
        others = np.nanmean(np.delete(y, at, axis=0), axis=0)
        both = ~np.isnan(y[at]) & ~np.isnan(others)
        assert found[at] == pytest.approx(np.corrcoef(y[at][both], others[both])[0, 1])
    assert np.isnan(against_the_others(np.vstack([y, np.full(15, 7.0)]))[-1])
