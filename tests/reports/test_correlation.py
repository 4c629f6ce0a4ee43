import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reports.correlation import correlate, match
from talkbench.reports.correlation_report import correlation_report
from talkbench.reports.rated import rated
from talkbench.reports.sections import to_json

METHODS = ("Ours", "EVP", "Baseline", "Other", "Fifth")


def made_up(quality, noise=0.0, seed=0, clips=None):
    """Ratings that follow `quality` (clips, methods), and a run whose M-LMD is 10 less it and whose SSIM is noise."""
    rng = np.random.default_rng(seed)
    names = clips or [f"M003/happy/{k:03d}" for k in range(len(quality))]
    ratings = pd.DataFrame(
        [
            (f"r{rater}", clip, method, "LS", np.clip(quality[k, m] + noise * rng.normal(), 1, 10))
            for rater in range(4)
            for k, clip in enumerate(names)
            for m, method in enumerate(METHODS)
        ],
        columns=["rater", "clip", "method", "scale", "score"],
    )
    metric = {"unit": "", "decimals": 2, "over": "clips", "shown": True}
    run = {
        "methods": ["ours", *METHODS[1:], "unrated"],
        "signature": "talkbench-1|made-up",
        "metrics": [
            metric | {"name": "M-LMD", "better": "lower", "perfect": 0, "needs": "landmarks"},
            metric | {"name": "SSIM", "better": "higher", "perfect": 1, "needs": "frames"},
        ],
    }
    rows = [
        (clip, method, 10 - quality[k, m] if m < 5 else 1.0, rng.uniform())
        for k, clip in enumerate(names)
        for m, method in enumerate(run["methods"])
    ]
    return ratings, Results(run, pd.DataFrame(rows, columns=["clip", "method", "M-LMD", "SSIM"]), pd.DataFrame(), [])


QUALITY = np.random.default_rng(0).uniform(2, 9, (12, 5))


def of(found, metric, over):
    return next(one for one in found if one.column.name == metric and one.over == over)


def test_a_metric_that_says_what_raters_say():
    ratings, results = made_up(QUALITY)
    found, matched = correlate(rated(ratings), results)
    assert matched.methods == ("ours", *METHODS[1:])
    for over in ("clips", "clips within methods", "methods"):
        one = of(found, "M-LMD", over)
        assert one.pearson.value == pytest.approx(-1)
        assert one.spearman.value == pytest.approx(-1)
        assert one.n == (5 if over == "methods" else 60)
    noise = of(found, "SSIM", "clips").pearson
    assert noise.low < 0 < noise.high


def test_by_scipy_with_gaps():
    ratings, results = made_up(QUALITY, noise=2.0)
    ratings.loc[(ratings["clip"] == "M003/happy/003") & (ratings["method"] == "EVP"), "score"] = np.nan
    results.clips.loc[7, "M-LMD"] = np.nan
    results.clips.loc[9, "SSIM"] = np.inf
    found, matched = correlate(rated(ratings), results)
    mos, metric = matched.ratings["LS"], matched.metrics["M-LMD"]
    there = np.isfinite(mos) & np.isfinite(metric)
    one = of(found, "M-LMD", "clips")
    assert one.n == there.sum() == 58
    assert one.pearson.value == pytest.approx(stats.pearsonr(metric[there], mos[there]).statistic)
    assert one.spearman.value == pytest.approx(stats.spearmanr(metric[there], mos[there]).statistic)
    assert one.pearson.low < one.pearson.value < one.pearson.high
    expected = (
        ratings.groupby(["clip", "method"])["score"].mean().unstack().to_numpy()[:, np.argsort(np.argsort(METHODS))]
    )
    assert np.allclose(mos, expected, equal_nan=True)
    means = [np.nanmean(values, axis=0) for values in (np.where(there, metric, np.nan), np.where(there, mos, np.nan))]
    by_method = of(found, "M-LMD", "methods").pearson
    assert by_method.value == pytest.approx(stats.pearsonr(*means).statistic)
    interval = stats.pearsonr(*means).confidence_interval(0.95)
    assert (by_method.low, by_method.high) == pytest.approx((interval.low, interval.high))


def test_which_method_is_told_from_which_clip():
    """The metric knows the methods, and nothing of clips: over all videos it looks good, within methods it is not."""
    by_method = np.tile([2.0, 4, 5, 7, 9], (30, 1))
    ratings, results = made_up(by_method, noise=0.8)
    ours = results.clips["method"] != "unrated"
    noise = np.random.default_rng(1).normal(0, 0.3, int(ours.sum()))
    results.clips.loc[ours, "M-LMD"] += noise
    found, _ = correlate(rated(ratings), results)
    assert of(found, "M-LMD", "clips").pearson.value < -0.9
    within = of(found, "M-LMD", "clips within methods").pearson
    assert within.low < 0 < within.high


def test_the_interval_covers_the_truth():
    """60 studies of 20 clips x 5 methods, true correlation over all videos 0.6; three standard errors."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(60):
        clip = rng.normal(size=(20, 1, 2)) * 0.5
        shared = clip + rng.normal(size=(20, 5, 2)) * np.sqrt(0.75)
        x, z = shared[..., 0], shared[..., 1]
        quality = 5.5 + 0.8 * (0.6 * x + 0.8 * z)
        ratings, results = made_up(quality)
        results.clips.loc[results.clips["method"] != "unrated", "M-LMD"] = x.reshape(-1)
        one = of(correlate(rated(ratings), results)[0], "M-LMD", "clips").pearson
        hits += one.low <= 0.6 <= one.high
    assert hits / 60 == pytest.approx(0.94, abs=0.09)


def test_few_methods_have_no_interval():
    ratings, results = made_up(QUALITY)
    four = of(correlate(rated(ratings[ratings["method"] != "Fifth"]), results)[0], "SSIM", "methods")
    assert (four.n, four.pearson.low) == (4, None)
    two = of(correlate(rated(ratings[ratings["method"].isin(["Ours", "EVP"])]), results)[0], "SSIM", "methods")
    assert (two.n, two.pearson) == (2, None)


def test_clips_by_their_last_part():
    ratings, results = made_up(QUALITY)
    short = ratings.assign(clip=ratings["clip"].str.rsplit("/").str[-1])
    assert match(rated(short), results).clips == match(rated(ratings), results).clips
    twice = Results(results.run, results.clips.replace("M003/happy/001", "W009/sad/000"), results.frames, [])
    assert "W009/sad/000" not in match(rated(short), twice).clips


def test_nothing_in_common():
    ratings, results = made_up(QUALITY)
    with pytest.raises(TalkbenchError, match="share no clip: rated were xM003/happy/000"):
        correlate(rated(ratings.assign(clip="x" + ratings["clip"])), results)
    with pytest.raises(TalkbenchError, match="share no method: rated were"):
        correlate(rated(ratings.assign(method="x" + ratings["method"])), results)


def test_the_report_carries_both_signatures():
    ratings, results = made_up(QUALITY, noise=1.0)
    data = json.loads(to_json(correlation_report(ratings, results)))
    assert data["signature"].startswith("ratings-1|raters:4|")
    assert data["signature"].endswith("|correlation-1|talkbench-1|made-up")
    assert data["clips"][0]["pearson"]["value"] == pytest.approx(-1, abs=0.2)
    assert data["methods"][0]["n"] == 5
