import json
import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reports import intervals
from talkbench.reports.columns import Column
from talkbench.reports.formats import FORMATS
from talkbench.reports.printed import number, percent
from talkbench.reports.table import Cell, table

NAN, INF = math.nan, math.inf


def metric(name, needs, better, unit, perfect, *, shown=True):
    return {
        "name": name, "over": "clips", "needs": needs, "better": better, "unit": unit,
        "decimals": 2, "version": "1", "perfect": perfect, "shown": shown,
    }  # fmt: skip


F_LMD = metric("F-LMD", "landmarks", "lower", "px", 0.0)
PSNR = metric("PSNR", "frames", "higher", "dB", "inf")
HIDDEN = metric("F-LMD-iod", "landmarks", "lower", "%", 0.0, shown=False)


def row(clip, method, f_lmd, psnr, *, scored=10, faces=10, gen_faces=10, speaker=None, emotion=None, level=None):
    return {
        "clip": clip, "method": method, "speaker": speaker, "emotion": emotion, "level": level, "sentence": None,
        "n_frames": 10, "gt_faces": faces, "gen_faces": gen_faces, "gen_video": f"{clip}.mp4", "gen_landmarks": None,
        "F-LMD": f_lmd, "F-LMD:frames": 0 if math.isnan(f_lmd) else scored,
        "PSNR": psnr, "PSNR:frames": 10, "F-LMD-iod": 1.0, "F-LMD-iod:frames": 10,
    }  # fmt: skip


def results(rows, planned, failures=(), **settings):
    run = {
        "protocol": "talkbench-1",
        "signature": "talkbench-1|id:0",
        "methods": list(planned),
        "planned": planned,
        "metrics": [F_LMD, PSNR, HIDDEN],
        "coverage_threshold": 0.95,
        "ci": {"interval": "bootstrap-t-1", "resamples": 500, "seed": 0, "level": 0.95, "min_speakers": 5},
        **settings,
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


def test_the_legend_says_where_what_draws_tend_to_may_stand(monkeypatch):
    made = table(results(GOLDEN, {"A": 5, "B": 2}))
    assert "500 resamples, seed 0)." in made.notes[0]
    monkeypatch.setattr(intervals, "MANY", 4)
    made = table(results(GOLDEN, {"A": 5, "B": 2}))
    assert "500 resamples, seed 0, or what they tend to from 4 units on)." in made.notes[0]


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
    assert (b.value, b.ci_low, b.ci_high, b.best) == (INF, None, None, False)
    assert any("B, PSNR: 1 of 2 clips" in note for note in made.notes)


def test_a_take_identical_on_every_clip_needs_no_note():
    made = table(results([row("c1", "A", 0.0, INF), row("c2", "A", 0.0, INF)], {"A": 2}))
    assert cells(made, "A")["PSNR"].value == INF
    assert cells(made, "A")["F-LMD"] == Cell(0.0, 0.0, 0.0, 1.0, 2)
    assert len(made.notes) == 1


def test_a_method_that_the_protocol_takes_no_landmarks_of_keeps_the_coverage_of_its_other_metrics():
    rows = [row(clip, "A2H", NAN, 30.9) for clip in ("c1", "c2")]
    config = {"ingredients": {"protocol": {"head_motion": "no-landmarks"}}}
    made = table(results(rows, {"A2H": 2}, config=config))
    assert cells(made, "A2H")["F-LMD"] == Cell(None, None, None, 0.0, 0, applies=False)
    assert made.rows[1].coverage == 1.0
    assert any(note.startswith("– Does not apply") and "A2H, F-LMD" in note for note in made.notes)


@pytest.mark.parametrize("head_motion", ["measure", "no-landmarks"])
def test_a_method_without_a_face_in_any_clip_has_no_coverage(head_motion):
    rows = [row(clip, "blank", NAN, 30.9, gen_faces=0) for clip in ("c1", "c2")]
    made = table(results(rows, {"blank": 2}, config={"ingredients": {"protocol": {"head_motion": head_motion}}}))
    assert cells(made, "blank")["F-LMD"] == Cell(None, None, None, 0.0, 0)
    assert made.rows[1].coverage == 0.0
    assert any(note.startswith("– Could not be measured") and "blank, F-LMD" in note for note in made.notes)


@pytest.mark.parametrize(
    ("metric_name", "column", "coverage"),
    [("F-LMD-pred", "gen_landmarks", 1.0), ("F-LMD", "gen_video", 0.0)],
    ids=["no landmark file", "no video"],
)
def test_an_output_that_a_method_does_not_have_is_no_gap(metric_name, column, coverage):
    rows = [row(clip, "A", NAN, NAN) | {column: None, "PSNR:frames": 0} for clip in ("c1", "c2")]
    rows = [{metric_name: NAN, f"{metric_name}:frames": 0} | row for row in rows]
    other = {"F-LMD": 2.0, "F-LMD:frames": 10} if metric_name != "F-LMD" else {}
    shown = [metric(name, "landmarks", "lower", "px", 0.0) for name in dict.fromkeys(["F-LMD", metric_name])]
    made = table(results([row | other for row in rows], {"A": 2}, metrics=shown))
    assert not made.rows[1].cells[-1].applies
    assert made.rows[1].coverage == coverage


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
        Cell(None, None, None, 0.0, 0),
        Cell(None, None, None, 0.0, 0),
    ]
    assert "A: 2 of 2" in made.notes[-1]
    for render in FORMATS.values():
        assert "Ground Truth" in render(made)


def many(values, *, clips=20, **labels):
    """Rows of several methods: {name: (F-LMD, PSNR)} plus noise of standard deviation 0.1, the same on every call."""
    rng = np.random.default_rng(5)
    return [
        row(f"c{at:02d}", name, f_lmd + rng.normal(0, 0.1), psnr + rng.normal(0, 0.1), **labels)
        for at in range(clips)
        for name, (f_lmd, psnr) in values.items()
    ]


def bold(made, metric_name, group=None):
    return [
        row.method
        for row in made.rows
        for column, cell in zip(made.metrics, row.cells, strict=True)
        if cell.best and column.name == metric_name and (group is None or row.group.value == group)
    ]


def test_bold_is_the_best_by_direction_and_what_cannot_be_told_from_it():
    values = {"A": (1.0, 30.0), "B": (1.001, 31.0), "C": (2.0, 31.001), "D": (3.0, 29.0)}
    made = table(results(many(values), dict.fromkeys(values, 20)))
    assert bold(made, "F-LMD") == ["A", "B"]
    assert bold(made, "PSNR") == ["B", "C"]
    assert "Bold: the best mean and all that are not distinguishable from it" in made.notes[0]
    assert not any(cell.best for cell in made.rows[0].cells)


def test_nothing_is_bold_on_too_few_clips_and_the_note_says_how_few():
    values = {"A": (1.0, 30.0), "B": (9.0, 20.0), "C": (9.0, 20.0)}
    made = table(results(many(values, clips=6), dict.fromkeys(values, 6)))  # 2 comparisons at 2 / 2^6
    assert bold(made, "F-LMD") == bold(made, "PSNR") == []
    assert "Bold" not in made.notes[0]
    assert made.notes[1].endswith("(all metrics: 6 clips, smallest p 0.062).")
    made = table(results(many(values, clips=7), dict.fromkeys(values, 7)))
    assert bold(made, "F-LMD") == bold(made, "PSNR") == ["A"]


def test_a_method_that_shares_too_few_clips_with_the_best_is_not_bold_and_named():
    rows = [
        row
        for row in many({"A": (1.0, 30.0), "B": (2.0, 31.0), "C": (2.0, 31.0)})
        if (row["method"] != "C" or row["clip"] < "c03")
    ]
    made = table(results(rows, dict.fromkeys("ABC", 20)))
    assert bold(made, "F-LMD") == ["A"]
    assert any(note.startswith("Not bold for want of clips") and "C, F-LMD" in note for note in made.notes)


def test_nothing_is_bold_where_nothing_is_compared():
    alone = table(results(many({"A": (1.0, 30.0)}), {"A": 20}))
    assert bold(alone, "F-LMD") == []
    assert len(alone.notes) == 1
    rows = [row | {"F-LMD": NAN} if row["method"] == "A" else row for row in many({"A": (1, 31), "B": (1, 29)})]
    half = table(results(rows, {"A": 20, "B": 20}))
    assert (bold(half, "F-LMD"), bold(half, "PSNR")) == ([], ["A"])


def test_an_infinite_best_is_not_tested_and_says_so():
    rows = [row | {"PSNR": INF} if row["method"] == "A" else row for row in many({"A": (1, 31), "B": (2, 29)})]
    made = table(results(rows, {"A": 20, "B": 20}))
    assert (bold(made, "F-LMD"), bold(made, "PSNR")) == (["A"], [])
    assert any("PSNR: the best is infinite" in note for note in made.notes)


def test_by_emotion_every_group_is_the_table_of_its_clips():
    values = {"A": (1.0, 30.0), "B": (2.0, 31.0)}
    happy = [row | {"clip": f"h{row['clip']}"} for row in many(values, emotion="happy")]
    angry = [row | {"F-LMD": 3 - row["F-LMD"]} for row in many(values, emotion="angry")]
    other = [row | {"clip": f"x{row['clip']}"} for row in many(values, clips=2)]
    run = results(happy + angry + other, {"A": 43, "B": 42}, missing={"A": ["never measured"]})
    made = table(run, by="emotion")
    assert [(row.group.value, row.method, row.measured, row.planned) for row in made.rows] == [
        ("angry", "A", 20, 20), ("angry", "B", 20, 20), ("happy", "A", 20, 20), ("happy", "B", 20, 20),
        ("unlabelled", "A", 2, 3), ("unlabelled", "B", 2, 2),
    ]  # fmt: skip
    assert (bold(made, "F-LMD", "happy"), bold(made, "F-LMD", "angry")) == (["A"], ["B"])
    alone = table(results(happy, {"A": 20, "B": 20}))
    assert [row.cells for row in made.rows[2:4]] == [row.cells for row in alone.rows[1:]]


def test_levels_come_in_the_order_of_numbers():
    rows = [row(f"c{level}", "A", 1.0, 30.0, level=level) for level in ("10", "2", "1")]
    made = table(results(rows, {"A": 3}), by="level")
    assert [row.group.title for row in made.rows] == ["level 1", "level 2", "level 10"]


def test_a_clip_that_failed_for_one_method_is_planned_in_its_group():
    rows = [row("c1", "A", 1.0, 30.0, emotion="sad"), row("c2", "B", 1.0, 30.0, emotion="sad")]
    failures = [{"clip": "c2", "method": "A", "file": "f", "reason": "r"}]
    made = table(results(rows, {"A": 2, "B": 1}, failures), by="emotion")
    assert [(row.method, row.measured, row.planned) for row in made.rows] == [("A", 1, 2), ("B", 1, 1)]


@pytest.mark.parametrize("rows", [[], [row("c1", "A", 1.0, 30.0)]])
def test_by_a_label_that_no_clip_has(rows):
    with pytest.raises(TalkbenchError, match="--by emotion: no clip of the run has a known emotion"):
        table(results(rows, {"A": 1}), by="emotion")


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


def test_reasons_stand_under_the_table_and_in_the_json():
    blinks = metric("blink-duration", "facts", "lower", "ms", 0.0)
    silent = metric("silent-lip-stability", "facts", "lower", "%", None)
    found = [
        ("A", "c1", 20.0, None, 1.0), ("A", "c2", NAN, "no blink in the take", 1.5), ("A", "c3", NAN, "no face", NAN),
        ("B", "c1", NAN, "no blink in the take", NAN), ("B", "c2", NAN, "no blink in the take", NAN),
    ]  # fmt: skip
    rows = []
    for method, clip, duration, why, still in found:
        quiet = None if still == still else "no silence of 300 ms"
        rows.append(row(clip, method, 1.0, 30.0) | {
            "blink-duration": duration, "blink-duration:frames": 0 if why else 10, "blink-duration:reason": why,
            "silent-lip-stability": still, "silent-lip-stability:frames": 0 if quiet else 10,
            "silent-lip-stability:reason": quiet, "silent-lip-stability:gt": 1.0 if clip != "c3" else NAN,
            "silent-lip-stability:gt:frames": 10 if clip != "c3" else 0,
            "silent-lip-stability:gt:reason": None if clip != "c3" else "no silence of 300 ms",
        })  # fmt: skip
    made = table(results(rows, {"A": 3, "B": 2}, metrics=[F_LMD, blinks, silent]))
    assert (
        "– Could not be measured on any clip (B, blink-duration: no blink in the take; "
        "B, silent-lip-stability: no silence of 300 ms)." in made.notes
    )
    assert (
        "Clips that could not be measured and are left out of the mean (silent-lip-stability, no silence of 300 ms: "
        "Ground Truth 1, A 1; blink-duration, no blink in the take: A 1; blink-duration, no face: A 1)." in made.notes
    )
    truth, a, b = json.loads(FORMATS["json"](made))["rows"]
    assert a["blink-duration"]["reasons"] == {"no blink in the take": 1, "no face": 1}
    assert b["blink-duration"]["reasons"] == {"no blink in the take": 2}
    assert truth["silent-lip-stability"]["reasons"] == {"no silence of 300 ms": 1}
    assert "reasons" not in a["F-LMD"]


def test_what_no_clip_allowed_to_measure_is_not_perfect_on_the_ground_truth_either():
    voice = metric("mouth-audio-lag", "facts", "lower", "ms", 0.0) | {"whole_clip": True}
    silent = {"mouth-audio-lag": NAN, "mouth-audio-lag:frames": 0, "mouth-audio-lag:reason": "no sound"}
    rows = [row(clip, method, 1.0, 30.0) | silent for clip in ("c1", "c2") for method in ("A", "B")]
    made = table(results(rows, {"A": 2, "B": 2}, metrics=[F_LMD, voice]))
    assert made.rows[0].cells[1] == Cell(None, None, None, 0.0, 0, reasons=(("no sound", 2),))
    rows[0] |= {"mouth-audio-lag": 40.0, "mouth-audio-lag:frames": 10, "mouth-audio-lag:reason": None}
    heard = table(results(rows, {"A": 2, "B": 2}, metrics=[F_LMD, voice]))
    assert heard.rows[0].cells[1].value == 0
