import warnings

import numpy as np
import pytest

from talkbench.bench.study.simulation import Design, simulate
from talkbench.reports.mixed import TERMS, mixed
from talkbench.reports.ordinal import ordinal
from talkbench.reports.rated import rated

FLAT = {name: {"LS": 5.5} for name in "ABC"}


def scores(seed=0, raters=12, clips=8, means=FLAT, **design):
    return rated(simulate(means, design=Design(raters, clips, **design), seed=seed))[0].scores


def mean_squares(y):
    """Of raters x methods, clips x methods and all that is left, and the sizes, for a study without gaps."""
    s, k, m = y.shape
    rater, clip, method, grand = y.mean((1, 2)), y.mean((0, 2)), y.mean((0, 1)), y.mean()
    rm = y.mean(1) - rater[:, None] - method + grand
    cm = y.mean(0) - clip[:, None] - method + grand
    ms_r, ms_c = k * m * np.sum((rater - grand) ** 2) / (s - 1), s * m * np.sum((clip - grand) ** 2) / (k - 1)
    ms_rm, ms_cm = k * np.sum(rm**2) / ((s - 1) * (m - 1)), s * np.sum(cm**2) / ((k - 1) * (m - 1))
    fitted = rater[:, None, None] + clip[None, :, None] - grand + rm[:, None, :] + cm[None] + (method - grand)
    ms_e = np.sum((y - fitted) ** 2) / (y.size - s - k + 1 - (s + k - 1) * (m - 1))
    return ms_r, ms_c, ms_rm, ms_cm, ms_e


@pytest.mark.parametrize(("seed", "raters", "clips"), [(4, 20, 15), (5, 15, 10), (6, 15, 10), (7, 10, 25), (10, 30, 8)])
def test_without_gaps_it_is_the_analysis_of_variance(seed, raters, clips):
    """Where all estimates are positive, restricted likelihood gives the expected mean squares' variances exactly."""
    y = scores(seed, raters, clips)
    s, k, m = y.shape
    ms_r, ms_c, ms_rm, ms_cm, ms_e = mean_squares(y)
    expected = ((ms_r - ms_rm) / (k * m), (ms_c - ms_cm) / (s * m), (ms_rm - ms_e) / k, (ms_cm - ms_e) / s, ms_e)
    assert min(expected) > 0
    made = mixed(y)
    assert [made.variances[name] for name in (*TERMS, "rest")] == pytest.approx(expected, rel=2e-3)
    assert made.means == pytest.approx(y.mean((0, 1)))
    test = made.contrast(np.array([-1.0, 1.0, 0.0]))
    total = ms_rm + ms_cm - ms_e
    assert test.error == pytest.approx(np.sqrt(2 * total / (s * k)), rel=1e-3)
    rest = y.size - s - k + 1 - (s + k - 1) * (m - 1)
    df = total**2 / (ms_rm**2 / ((s - 1) * (m - 1)) + ms_cm**2 / ((k - 1) * (m - 1)) + ms_e**2 / rest)
    assert test.df == pytest.approx(df, rel=0.02)
    assert made.omnibus().df2 == pytest.approx(df, rel=0.02)
    between = s * k * np.var(y.mean((0, 1)), ddof=1)
    assert made.omnibus().f == pytest.approx(between / total, rel=1e-3)


def test_with_gaps_it_is_statsmodels():
    """Statsmodels 0.15 with Powell's method; with its gradient methods it stops at a lower likelihood, and says so."""
    models = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    import pandas as pd

    y = scores(1, 8, 6)
    y[np.random.default_rng(0).uniform(size=y.shape) < 0.15] = np.nan
    at = np.nonzero(~np.isnan(y))
    data = pd.DataFrame({"y": y[at], "r": at[0], "c": at[1], "m": at[2], "all": 1})
    data = data.assign(rm=data["r"] * 10 + data["m"], cm=data["c"] * 10 + data["m"])
    names = ("r", "c", "rm", "cm")
    terms = {name: f"0 + C({name})" for name in names}
    model = models.MixedLM.from_formula("y ~ 0 + C(m)", data, groups="all", re_formula="0", vc_formula=terms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a variance is 0
        fit = model.fit(method=["powell"])
    made = mixed(y)
    assert made.means == pytest.approx(fit.fe_params.to_numpy(), abs=5e-4)
    found = dict(zip(model.exog_vc.names, fit.vcomp, strict=True))
    assert [made.variances[name] for name in TERMS] == pytest.approx(
        [found[n] for n in ("r", "c", "rm", "cm")], abs=5e-3
    )
    assert made.variances["rest"] == pytest.approx(fit.scale, rel=5e-3)
    errors = np.sqrt(np.diag(fit.cov_params().to_numpy()[:3, :3]))
    assert np.sqrt(np.diag(made.covariance)) == pytest.approx(errors, rel=5e-3)


def test_its_intervals_cover_equal_methods_and_its_tests_do_not_find_them_different():
    """80 studies of 3 equal methods, 12 raters x 8 clips: 95 % of intervals hold 0, F finds 5 %; three errors wide."""
    hits, found, studies = 0, 0, 80
    for seed in range(studies):
        made = mixed(scores(seed))
        test = made.contrast(np.array([-1.0, 0.0, 1.0]))
        hits += test.low <= 0 <= test.high
        found += made.omnibus().p < 0.05
    assert hits / studies == pytest.approx(0.95, abs=0.073)
    assert found / studies == pytest.approx(0.05, abs=0.073)


def test_a_change_of_unit_and_of_order():
    y = scores(2)
    made, other = mixed(y), mixed(3 * y[::-1, ::-1] + 7)
    assert other.means == pytest.approx(3 * made.means + 7)
    assert [other.variances[n] for n in TERMS] == pytest.approx([9 * made.variances[n] for n in TERMS], abs=0.02)


@pytest.mark.parametrize("y", [np.full((3, 3, 2), 5.0), np.ones((1, 4, 2)), np.full((3, 3, 2), np.nan)])
def test_nothing_to_fit(y):
    assert mixed(y) is None


def test_proportional_odds_are_statsmodels_and_its_errors_those_of_a_jackknife():
    models = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    import pandas as pd

    y = scores(3, 40, 30, {"A": {"LS": 4}, "B": {"LS": 5}, "C": {"LS": 7}})
    at = np.nonzero(~np.isnan(y))
    score = pd.Series(pd.Categorical(y[at], ordered=True))
    dummies = pd.get_dummies(pd.Series(at[2])).iloc[:, 1:].astype(float)
    fit = models.OrderedModel(score, dummies, distr="logit").fit(disp=0, method="bfgs")
    made = ordinal(y)
    assert made.effects[1:] == pytest.approx(fit.params.to_numpy()[:2], abs=1e-3)
    log_odds, p = made.contrast(0, 2)
    assert log_odds == pytest.approx(made.effects[2])
    assert p < 0.001
    # Leaving out one rater, or one clip, at a time; the two-way error is at most the two one-way ones together.
    parts = []
    for axis in (0, 1):
        left = [ordinal(np.delete(y, one, axis=axis)).effects[2] for one in range(y.shape[axis])]
        parts.append((y.shape[axis] - 1) * np.var(left))
    assert max(parts) * 0.8 < made.covariance[2, 2] < 1.1 * sum(parts)


def test_proportional_odds_of_equal_methods():
    """80 studies of 20 raters x 20 clips: p < 0.05 in about 5 % (seen: 5 %)."""
    found = sum(ordinal(scores(seed, 20, 20)).contrast(0, 1)[1] < 0.05 for seed in range(80))
    assert found / 80 < 0.125


def test_odds_that_are_infinite_or_numbers():
    y = scores(0)
    assert ordinal(np.concatenate([y[:, :, :2], np.full((*y.shape[:2], 1), y.max())], axis=2)) is None
    assert ordinal(y + np.random.default_rng(0).uniform(size=y.shape)) is None
    assert ordinal(y[:1]) is None
