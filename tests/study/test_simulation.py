import numpy as np
import pandas as pd
import pytest
from command import talkbench
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.baselines.published import PAPERS
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.study.planning import plan
from talkbench.bench.study.simulation import Design, Spread, published_means, simulate
from talkbench.reports.crossed import crossed
from talkbench.reports.rated import rated

TRUTH = published_means(PAPERS["msef-2023"])
HOW = {"level": 0.95, "resamples": 500, "seed": 0}


def test_the_means_are_those_that_the_paper_prints():
    assert TRUTH["Ours"] == {"LS": 5.25, "EE": 7.49, "VPQ": 5.82}
    assert list(TRUTH) == ["Baseline", "EVP", "Audio2Head", "Ours"]
    with pytest.raises(TalkbenchError, match="no table of LS, EE and VPQ"):
        published_means(next(paper for paper in PAPERS.values() if paper.id != "msef-2023"))


@pytest.mark.parametrize("mean", [1.2, 5.5, 9.6])
def test_rounding_and_clipping_do_not_move_the_mean(mean):
    alone = Spread(0, 0, 0, 0, 2.0)
    made = simulate({"A": {"LS": mean}}, design=Design(400, 100), spread=alone)
    assert made["score"].mean() == pytest.approx(mean, abs=4 * 2.0 / np.sqrt(40_000))
    assert made["score"].between(1, 10).all()


def test_each_term_has_its_stated_spread():
    """With one term alone and the others 0, the spread over that term's levels is the stated one."""
    for term in ("rater", "clip", "rater_method", "clip_method"):
        spread = Spread(**dict.fromkeys(("rater", "clip", "rater_method", "clip_method", "rest"), 0.0) | {term: 1.5})
        of = rated(simulate({"A": {"LS": 5.5}, "B": {"LS": 5.5}}, design=Design(60, 60), spread=spread))[0].scores
        by_rater, by_clip = of.mean(axis=(1, 2)).std(), of.mean(axis=(0, 2)).std()
        apart_rater, apart_clip = np.ptp(of.mean(axis=1), axis=1).std(), np.ptp(of.mean(axis=0), axis=1).std()
        assert (by_rater > 0.5, by_clip > 0.5) == (term.startswith("rater"), term.startswith("clip"))
        assert (apart_rater > 0.5, apart_clip > 0.5) == (term == "rater_method", term == "clip_method")
        if term == "rater":
            assert by_rater == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.25)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 2**31), st.data())
def test_every_clip_is_seen_equally_often_and_no_video_twice(raters, clips, seed, data):
    per = data.draw(st.integers(1, clips))
    design = Design(raters, clips, per, repeats=data.draw(st.integers(0, per)))
    made = simulate({"A": {"LS": 4}, "B": {"LS": 6}}, design=design, seed=seed)
    main = made[made["kind"] == "main"]
    assert len(main) == raters * per * 2
    assert not main.duplicated(["rater", "clip", "method"]).any()
    seen = (
        main.groupby("clip")["rater"]
        .nunique()
        .reindex([f"c{k + 1:0{len(str(max(raters, clips)))}d}" for k in range(clips)])
    )
    assert seen.fillna(0).max() - seen.fillna(0).min() <= 1
    assert (made[made["kind"] == "repeat"].groupby("rater").size() == design.repeats).all()
    assert made.groupby("rater")["position"].apply(sorted).map(lambda of: of == list(range(1, len(of) + 1))).all()
    pd.testing.assert_frame_equal(made, simulate({"A": {"LS": 4}, "B": {"LS": 6}}, design=design, seed=seed))


def test_who_does_not_watch():
    made = simulate(TRUTH, design=Design(6, 10, random=1, constant=2))
    spreads = made.groupby(["rater", "scale"])["score"].std().unstack()
    assert (spreads.loc[["r05", "r06"]] == 0).all(axis=None)
    assert (spreads.loc["r04"] > 2.2).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"raters": 0},
        {"per_rater": 21},
        {"random": 20, "constant": 11},
        {"repeats": 30},
    ],
)
def test_designs_that_cannot_be(bad):
    with pytest.raises(TalkbenchError, match="Expected"):
        Design(**bad)


def test_a_mean_off_the_scale():
    with pytest.raises(TalkbenchError, match="between 1 and 10, got 10"):
        simulate({"A": {"LS": 10}})


def test_the_papers_table_2_comes_back_within_its_intervals():
    """30 raters, 20 clips, 60 studies of 4 methods on 3 scales: 93 to 97 % of 720 intervals hold the paper's mean.

    Methods of one study share raters and clips, so that 720 intervals say less than 720 independent ones would: the
    bounds are 93 and 97 % widened by two standard errors of the studies' own coverages.
    """
    hits, wrong, pairs = [], 0, 0
    names = list(TRUTH)
    for seed in range(60):
        covered = []
        for of in rated(simulate(TRUTH, seed=seed)):
            found = {name: crossed(of.scores[:, :, of.methods.index(name)], **HOW) for name in names}
            covered += [found[name].low <= TRUTH[name][of.scale] <= found[name].high for name in names]
            for at, one in enumerate(names):
                for other in names[at + 1 :]:
                    a, b = (of.scores[:, :, of.methods.index(name)] for name in (one, other))
                    difference = crossed(b - a, **HOW)
                    truth = TRUTH[other][of.scale] - TRUTH[one][of.scale]
                    pairs += 1
                    wrong += (difference.low > 0 > truth) or (difference.high < 0 < truth)
        hits.append(np.mean(covered))
    error = np.std(hits, ddof=1) / np.sqrt(len(hits))
    assert 0.93 - 2 * error <= np.mean(hits) <= 0.97 + 2 * error
    assert wrong / pairs < 0.01


@pytest.mark.parametrize(
    ("raters", "clips", "half_width", "detectable"),
    [(15, 10, 0.49, 0.69), (30, 10, 0.41, 0.58), (30, 20, 0.32, 0.45), (60, 10, 0.36, 0.52), (60, 20, 0.27, 0.39)],
)
def test_the_error_of_a_difference_is_what_simulation_found(raters, clips, half_width, detectable):
    """Half-width and smallest difference found with 80 %, both with normal quantiles, of an earlier simulation."""
    error = plan(raters, clips).error
    assert 1.96 * error == pytest.approx(half_width, abs=0.01)
    assert 2.80 * error == pytest.approx(detectable, abs=0.01)


def test_a_difference_as_large_as_planned_is_found_as_often_as_planned():
    made = plan(12, 8)
    shift = made.detectable / 2
    found, widths, studies = 0, [], 200
    for seed in range(studies):
        truth = {"A": {"LS": 5.5 - shift}, "B": {"LS": 5.5 + shift}}
        of = rated(simulate(truth, design=Design(12, 8), seed=seed))[0]
        a, b = (of.scores[:, :, of.methods.index(name)] for name in "AB")
        test = crossed(b - a, **HOW)
        found += test.p < 0.05
        widths.append((test.high - test.low) / 2)
    assert found / studies == pytest.approx(0.8, abs=0.085)
    assert np.mean(widths) == pytest.approx(made.difference, rel=0.06)


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 40), st.integers(3, 40))
def test_more_raters_or_clips_never_see_less(raters, clips):
    before = plan(raters, clips)
    for more in (plan(raters + 10, clips), plan(raters, clips + 10)):
        assert more.error < before.error
    assert plan(raters, clips, comparisons=3).detectable > before.detectable
    assert plan(raters, clips, power=0.9).detectable > before.detectable


def test_the_commands(tmp_path):
    file = tmp_path / "ratings.csv"
    outcome = talkbench("study", "simulate", "-o", file, "--raters", 5, "--clips", 4, "--repeats", 1, "--seed", 3)
    assert outcome.code == 0, outcome.err
    written = pd.read_csv(file)
    pd.testing.assert_frame_equal(written, simulate(TRUTH, design=Design(5, 4, repeats=1), seed=3), check_dtype=False)
    planned = talkbench("study", "plan", "--pilot", file, "--raters", "5,10", "--clips", "4", "--format", "csv")
    assert planned.code == 0, planned.err
    assert planned.out.count("detectable") == 2
    means = tmp_path / "means.csv"
    means.write_text("method,scale,mean\nA,LS,4\nB,LS,6\n", encoding="utf-8")
    parquet = tmp_path / "ratings.parquet"
    assert talkbench("study", "simulate", "--means", means, "-o", parquet, "--raters", 3).code == 0
    assert set(pd.read_parquet(parquet)["method"]) == {"A", "B"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "-o", "x.txt"], ".csv or .parquet"),
        (["simulate", "--sd", "rater=-1"], "expected TERM=POINTS"),
        (["simulate", "--means", "none.csv"], "method, scale and mean"),
        (["plan", "--raters", "1"], "expected 2 or more"),
        (["plan", "--raters", "a"], "whole numbers"),
        (["plan", "--power", "1"], "power"),
        (["plan", "--pilot", "x.csv", "--sd", "rest=1"], "give one of them"),
    ],
)
def test_bad_commands(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = talkbench("study", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert list(tmp_path.iterdir()) == []
