import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.bench.results import Results
from talkbench.reports.formats import FORMATS
from talkbench.reports.table import Cell, Column, number, percent, table

NAN, INF = math.nan, math.inf


def metric(name, needs, better, unit, perfect, *, shown=True):
    return {
        "name": name, "over": "clips", "needs": needs, "better": better, "unit": unit,
        "decimals": 2, "version": "1", "perfect": perfect, "shown": shown,
    }  # fmt: skip


F_LMD = metric("F-LMD", "landmarks", "lower", "px", 0.0)
PSNR = metric("PSNR", "frames", "higher", "dB", "inf")
HIDDEN = metric("F-LMD-iod", "landmarks", "lower", "%", 0.0, shown=False)


def row(clip, method, f_lmd, psnr, *, scored=10, faces=10, speaker=None):
    return {
        "clip": clip, "method": method, "speaker": speaker, "emotion": None, "level": None, "sentence": None,
        "n_frames": 10, "gt_faces": faces,
        "F-LMD": f_lmd, "F-LMD:frames": 0 if math.isnan(f_lmd) else scored,
        "PSNR": psnr, "PSNR:frames": 10, "F-LMD-iod": 1.0, "F-LMD-iod:frames": 10,
    }  # fmt: skip


def results(rows, planned, failures=()):
    run = {
        "protocol": "talkbench-1",
        "signature": "talkbench-1|id:0",
        "methods": list(planned),
        "planned": planned,
        "metrics": [F_LMD, PSNR, HIDDEN],
        "coverage_threshold": 0.95,
        "ci": {"interval": "bootstrap-t-1", "resamples": 500, "seed": 0, "level": 0.95, "min_speakers": 5},
    }
    return Results(run, pd.DataFrame(rows), pd.DataFrame(), list(failures))


def cells(made, method):
    (found,) = [row for row in made.rows if row.method == method]
    return dict(zip([column.name for column in made.metrics], found.cells, strict=True))


GOLDEN = [
    row("c1", "A", 1.0, 30.0, faces=10),
    row("c2", "A", 2.0, 31.0, faces=10),
    row("c3", "A", 3.0, 32.0, scored=5, faces=8),
    row("c4", "A", NAN, 33.0, faces=10),
    row("c1", "B", 1.5, 30.0, faces=10),
    row("c2", "B", 1.5, INF, faces=10),
]


def test_values_coverage_and_counts_by_hand():
    made = table(results(GOLDEN, {"A": 5, "B": 2}))
    a = cells(made, "A")
    assert (a["F-LMD"].value, a["F-LMD"].n_clips) == (2.0, 3)
    assert a["F-LMD"].coverage == pytest.approx(2.5 / 5)  # 10 + 10 + 5 + 0 of 10 frames each, and a clip that failed
    assert (a["PSNR"].value, a["PSNR"].n_clips, a["PSNR"].coverage) == (31.5, 4, 0.8)
    assert (made.rows[1].measured, made.rows[1].planned) == (4, 5)
    assert made.rows[1].coverage == 0.5


def test_ground_truth_comes_first_and_is_perfect():
    made = table(results(GOLDEN, {"A": 5, "B": 2}))
    truth = made.rows[0]
    assert (truth.method, truth.reference, truth.measured) == ("Ground Truth", True, 4)
    assert truth.cells[0] == Cell(0.0, None, None, 0.95, 4)  # faces in 10, 10, 8 and 10 of 10 frames
    assert truth.cells[1] == Cell(INF, None, None, 1.0, 4)


def test_only_shown_metrics_are_columns():
    assert [column.name for column in table(results(GOLDEN, {"A": 5, "B": 2})).metrics] == ["F-LMD", "PSNR"]


def test_one_infinite_clip_makes_the_mean_infinite_and_says_so():
    made = table(results(GOLDEN, {"A": 5, "B": 2}))
    b = cells(made, "B")["PSNR"]
    assert (b.value, b.ci_low, b.ci_high, b.best) == (INF, None, None, True)
    assert any("B, PSNR: 1 of 2 clips" in note for note in made.notes)


def test_a_take_identical_on_every_clip_needs_no_note():
    made = table(results([row("c1", "A", 0.0, INF), row("c2", "A", 0.0, INF)], {"A": 2}))
    assert cells(made, "A")["PSNR"].value == INF
    assert cells(made, "A")["F-LMD"] == Cell(0.0, 0.0, 0.0, 1.0, 2)
    assert len(made.notes) == 1


def test_a_method_without_landmarks_has_no_value_and_keeps_the_coverage_of_the_others():
    made = table(results([row(clip, "A2H", NAN, 30.9) for clip in ("c1", "c2")], {"A2H": 2}))
    assert cells(made, "A2H")["F-LMD"] == Cell(None, None, None, 0.0, 0)
    assert made.rows[1].coverage == 1.0
    assert any(note.startswith("– ") and "A2H, F-LMD" in note for note in made.notes)


def test_one_clip_has_a_value_and_no_interval():
    made = table(results([row("c1", "A", 2.0, 30.0)], {"A": 1}))
    assert cells(made, "A")["F-LMD"] == Cell(2.0, None, None, 1.0, 1)
    assert "confidence" not in made.notes[0]


def test_low_coverage_is_marked_and_explained():
    rows = [row(f"c{index}", "A", 2.0, 30.0, scored=9) for index in range(4)]
    made = table(results(rows, {"A": 4}))
    assert cells(made, "A")["F-LMD"].partial
    assert not cells(made, "A")["PSNR"].partial
    assert any(note.startswith("† ") and "A, F-LMD: 90 %" in note for note in made.notes)


def test_nineteen_of_twenty_is_enough():
    rows = [row(f"c{index:02d}", "A", 2.0, 30.0) for index in range(19)]
    failure = {"clip": "c19", "method": "A", "file": "c19.mp4", "reason": "truncated"}
    made = table(results(rows, {"A": 20}, [failure]))
    assert not cells(made, "A")["F-LMD"].partial
    assert percent(made.rows[1].coverage) == "95 %"
    assert "A: 1 of 20" in made.notes[-1]


@pytest.mark.parametrize("clips", [pd.DataFrame(), pd.DataFrame([GOLDEN[0]]).iloc[:0]], ids=["nothing", "no rows"])
def test_a_run_in_which_every_pair_failed(clips):
    run = results(GOLDEN, {"A": 2})
    made = table(Results(run.run, clips, pd.DataFrame(), []))
    assert [row.cells[0] for row in made.rows] == [
        Cell(0.0, None, None, 0.0, 0),
        Cell(None, None, None, 0.0, 0),
    ]
    assert "A: 2 of 2" in made.notes[-1]
    for render in FORMATS.values():
        assert "Ground Truth" in render(made)


def test_the_best_is_bold_by_direction():
    made = table(results([row("c1", "A", 1.0, 30.0), row("c1", "B", 2.0, 31.0)], {"A": 1, "B": 1}))
    assert [(name, cell.best) for name, cell in cells(made, "A").items()] == [("F-LMD", True), ("PSNR", False)]
    assert [(name, cell.best) for name, cell in cells(made, "B").items()] == [("F-LMD", False), ("PSNR", True)]
    assert not any(cell.best for cell in made.rows[0].cells)


def test_values_that_print_the_same_are_both_bold():
    rows = [row("c1", "A", 1.001, 30.0), row("c1", "B", 1.004, 30.01), row("c1", "C", 1.006, 29.0)]
    made = table(results(rows, {"A": 1, "B": 1, "C": 1}))
    assert [cells(made, name)["F-LMD"].best for name in "ABC"] == [True, True, False]


def test_nothing_is_bold_where_nothing_is_compared():
    alone = table(results([row("c1", "A", 1.0, 30.0)], {"A": 1}))
    assert not any(cell.best for row in alone.rows for cell in row.cells)
    half = table(results([row("c1", "A", NAN, 30.0), row("c1", "B", 1.0, 29.0)], {"A": 1, "B": 1}))
    assert [cells(half, name)["F-LMD"].best for name in "AB"] == [False, False]
    assert cells(half, "A")["PSNR"].best


@pytest.mark.parametrize(
    ("speakers", "says"),
    [
        (["s1", "s2", "s3", "s4", "s5", "s5"], "5 speakers"),
        (["s1", "s2", "s3", "s4", "s4", "s4"], "over clips"),
        (["s1", "s2", "s3", "s4", "s5", None], "over clips"),
    ],
)
def test_clusters_by_speaker_only_where_it_can(speakers, says):
    rows = [row(f"c{at}", "A", float(at), 30.0 + at, speaker=speaker) for at, speaker in enumerate(speakers)]
    assert says in table(results(rows, {"A": 6})).notes[0]


def test_clustering_widens_the_interval_of_clips_that_go_with_their_speaker():
    rows = [row(f"c{s}{k}", "A", 3.0 + s + 0.01 * k, 30.0, speaker=f"s{s}") for s in range(6) for k in range(8)]
    by_speaker = cells(table(results(rows, {"A": 48})), "A")["F-LMD"]
    by_clip = cells(table(results([{**row, "speaker": None} for row in rows], {"A": 48})), "A")["F-LMD"]
    assert by_speaker.ci_high - by_speaker.ci_low > 2 * (by_clip.ci_high - by_clip.ci_low)


def test_an_interval_does_not_reach_past_perfect():
    rows = [row(f"c{at}", "A", value, 30.0) for at, value in enumerate([0.01, 0.02, 3.0])]
    cell = cells(table(results(rows, {"A": 3})), "A")["F-LMD"]
    assert cell.ci_low == 0.0
    assert cell.ci_low <= cell.value <= cell.ci_high


def test_another_method_changes_no_number():
    alone = cells(table(results(GOLDEN[:4], {"A": 5})), "A")
    beside = cells(table(results(GOLDEN, {"A": 5, "B": 2})), "A")
    for name in ("F-LMD", "PSNR"):
        assert (alone[name].value, alone[name].coverage) == (beside[name].value, beside[name].coverage)
        assert alone[name].ci_low == pytest.approx(beside[name].ci_low, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_order_of_the_rows_gives_the_same_bytes(seed):
    rng = np.random.default_rng(0)
    rows = [
        row(f"c{at:02d}", method, rng.gamma(3), rng.normal(30), scored=int(rng.integers(7, 11)), speaker=f"s{at % 6}")
        for at in range(18)
        for method in ("A", "B")
    ]
    ordered = table(results(rows, {"A": 18, "B": 18}))
    random.Random(seed).shuffle(rows)  # noqa: S311
    shuffled = table(results(rows, {"A": 18, "B": 18}))
    assert {name: render(shuffled) for name, render in FORMATS.items()} == {
        name: render(ordered) for name, render in FORMATS.items()
    }


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.just(NAN), st.floats(0, 100)), min_size=1, max_size=8))
def test_the_mean_and_count_are_those_of_the_clips_that_have_a_value(values):
    made = table(results([row(f"c{at}", "A", value, 30.0) for at, value in enumerate(values)], {"A": len(values)}))
    cell = cells(made, "A")["F-LMD"]
    present = [value for value in values if not math.isnan(value)]
    assert cell.n_clips == len(present)
    assert cell.coverage == pytest.approx(len(present) / len(values))
    assert cell.value == (pytest.approx(math.fsum(present) / len(present)) if present else None)
    assert (cell.ci_low is None) == (len(present) < 2)


def test_headings_name_direction_and_unit():
    assert Column("F-LMD", "lower", "px", 2, 0.0, "landmarks").heading == "F-LMD ↓ (px)"
    assert Column("SSIM", "higher", "", 2, 1.0, "frames").heading == "SSIM ↑"


def test_printed_numbers():
    assert number(-0.004, 2) == "0.00"
    assert number(-0.006, 2) == "-0.01"
    assert number(-INF, 2) == "-∞"
    assert number(7.0, 0) == "7"
    assert percent(0.0) == "0 %"


def test_over_frames_weights_each_clip_by_its_scored_frames():
    clips = pd.DataFrame(
        {"clip": ["a", "b"], "method": "m", "speaker": None, "n_frames": [30, 10], "gt_faces": [30, 10],
         "SSIM": [1.0, 0.5], "SSIM:frames": [30, 10]}
    )  # fmt: skip
    metric = {"name": "SSIM", "needs": "frames", "better": "higher", "unit": "", "decimals": 3, "perfect": 1.0,
              "shown": True}  # fmt: skip
    run = {"protocol": "p", "signature": "s", "methods": ["m"], "planned": {"m": 2}, "coverage_threshold": 0.95,
           "ci": {"resamples": 200, "seed": 0, "level": 0.95, "min_speakers": 5}}  # fmt: skip
    values = {}
    for over in ("clips", "frames"):
        made = table(Results(run | {"metrics": [metric | {"over": over}]}, clips, pd.DataFrame(), []))
        values[over] = made.rows[1].cells[0].value
        assert ("over all frames" in made.notes[0]) == (over == "frames")
    assert values == {"clips": 0.75, "frames": 0.875}
