"""The per-clip list, the worst clips and the curves, on rows written by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.results import Results
from talkbench.reports.columns import Column
from talkbench.reports.html.clips import NO_TAKE, Entry, curves, entries, labels_in_use, with_player, worst

NAN, INF = math.nan, math.inf
F_LMD = Column("F-LMD", "lower", "px", 2, 0.0, "landmarks")
PSNR = Column("PSNR", "higher", "dB", 2, INF, "frames")
COLUMNS = (F_LMD, PSNR)


def row(clip, method, f_lmd, psnr, *, scored=10, emotion=None):
    return {
        "clip": clip, "method": method, "speaker": None, "emotion": emotion, "level": None, "sentence": None,
        "n_frames": 10, "F-LMD": f_lmd, "F-LMD:frames": 0 if math.isnan(f_lmd) else scored,
        "PSNR": psnr, "PSNR:frames": 10,
    }  # fmt: skip


def results(rows, failures=(), missing=None):
    return Results(
        {"methods": ["B", "A"], "missing": missing or {}}, pd.DataFrame(rows), pd.DataFrame(), list(failures)
    )


def test_every_planned_pair_is_listed_by_clip_in_the_order_of_the_run():
    failure = {"clip": "c2", "method": "B", "file": "f", "reason": "cut short"}
    listed = entries(
        results([row("c2", "A", 2.0, 30.0), row("c1", "B", NAN, INF, scored=5)], [failure], {"A": ["c1"]}), COLUMNS
    )
    assert [(e.clip, e.method, e.values, e.coverage, e.failure) for e in listed] == [
        ("c1", "B", (None, INF), 1.0, None),
        ("c1", "A", (None, None), 0.0, NO_TAKE),
        ("c2", "B", (None, None), 0.0, "cut short"),
        ("c2", "A", (2.0, 30.0), 1.0, None),
    ]


def test_coverage_is_the_lowest_of_the_metrics_that_have_a_value():
    (entry, *_) = entries(results([row("c", "A", 1.0, 30.0, scored=7)]), COLUMNS)
    assert entry.coverage == 0.7


def test_only_labels_in_use_are_shown_and_a_failed_take_bears_its_clips():
    failure = {"clip": "c", "method": "B", "file": "f", "reason": "cut short"}
    made = results([row("c", "A", 1.0, 30.0, emotion="angry")], [failure])
    assert labels_in_use(made) == ("emotion",)
    assert [entry.labels for entry in entries(made, COLUMNS)] == [("angry",), ("angry",)]


def entry(clip, method, *values):
    return Entry(clip, method, (), values, 1.0)


values = st.one_of(st.none(), st.floats(0, 100), st.just(INF))


@given(st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.sampled_from("AB"), values, values), max_size=40))
def test_the_worst_are_the_extremes_of_their_clips_and_come_in_order(made):
    listed = [entry(*one) for one in made]
    for at, (rank, pick, falling) in enumerate(zip(worst(listed, COLUMNS), (max, min), (True, False), strict=True)):
        by_clip = {}
        for one in listed:
            if one.values[at] not in (None, COLUMNS[at].perfect):  # a flawless take is not among the worst
                by_clip.setdefault(one.clip, []).append(one.values[at])
        expected = sorted((pick(found) for found in by_clip.values()), reverse=falling)[:10]
        assert [one.value for one in rank] == expected
        assert all(one.value == pick(by_clip[one.clip]) for one in rank)
        assert len({one.clip for one in rank}) == len(rank)


def test_players_go_to_the_worst_of_every_metric_in_turn_then_to_the_others():
    listed = [entry(f"c{n:02}", "A", float(n), float(n)) for n in range(40)]
    ranked = worst(listed, COLUMNS)
    chosen = with_player(listed, ranked, None)
    assert chosen[:4] == ["c39", "c00", "c38", "c01"]
    assert set(chosen[:20]) == {f"c{n:02}" for n in [*range(10), *range(30, 40)]}
    assert len(chosen) == 24
    assert with_player(listed, ranked, 3) == chosen[:3]
    assert with_player(listed, ranked, 0) == []
    assert with_player(listed, ranked, 10**9)[:20] == chosen[:20]
    assert sorted(with_player(listed, ranked, 10**9)) == [one.clip for one in listed]


RUN = {
    "methods": ["A"],
    "config": {"ingredients": {"metrics": {"PSNR": {"clip": {"pool": "mse", "identical": "inf"}}}}},
}


def frames(matches, f_lmd, mse, gt="ok", gen="ok"):
    count = len(matches)
    return pd.DataFrame(
        {
            "method": "A", "frame": [t for t, _ in matches], "gen_frame": [u for _, u in matches],
            "F-LMD": f_lmd, "MSE": mse, "gt_face": gt if isinstance(gt, list) else [gt] * count,
            "gen_face": gen if isinstance(gen, list) else [gen] * count,
        }
    )  # fmt: skip


def test_a_frames_psnr_comes_from_its_mse_and_no_error_is_infinite():
    (curve,) = curves(frames([(0, 0), (1, 1), (2, 2)], [1.0, NAN, 3.0], [650.25, 0.0, NAN]), RUN, COLUMNS, 3)
    assert curve.values[0] == (1.0, None, 3.0)
    assert curve.values[1] == (pytest.approx(20.0), INF, None)


def test_why_a_frame_has_no_value():
    faces = ["ok", "no-face", "ok", "no-face"]
    others = ["ok", "ok", "no-face", "no-face"]
    (curve,) = curves(
        frames([(t, t) for t in range(4)], [1.0, NAN, NAN, NAN], [1.0] * 4, gt=faces, gen=others), RUN, COLUMNS, 6
    )
    assert curve.state == ".rtb--"
    assert curve.values[0][4:] == (None, None)


@given(st.integers(1, 30), st.data())
def test_the_frames_shown_are_those_compared_and_never_run_backwards(length, data):
    at = sorted(data.draw(st.sets(st.integers(0, length - 1))))
    take = sorted(data.draw(st.lists(st.integers(0, 40), min_size=len(at), max_size=len(at))))
    matches = list(zip(at, take, strict=True))
    count = len(at)
    (curve,) = curves(frames(matches, [1.0] * count, [1.0] * count), RUN, COLUMNS, length)
    assert [curve.shown[t] for t, _ in matches] == take
    assert len(curve.shown) == len(curve.state) == length
    assert list(curve.shown) == sorted(curve.shown)
    assert [t for t, letter in enumerate(curve.state) if letter != "-"] == at
    assert np.isin(curve.shown, take if take else [0]).all()
