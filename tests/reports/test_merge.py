import json
import math

import pandas as pd
import pytest

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reports.formats import to_json
from talkbench.reports.merge import merge
from talkbench.reports.table import table


def run_of(method, values, *, signature="p|fps:25|id:1", speaker="s", failed=(), missing=(), settings=None):
    rows = [
        {
            "clip": clip, "method": method, "speaker": speaker, "n_frames": 5, "gt_faces": 5,
            "F-LMD": value, "F-LMD:frames": 0 if math.isnan(value) else 5,
        }
        for clip, value in values.items()
    ]  # fmt: skip
    metric = {
        "name": "F-LMD",
        "needs": "landmarks",
        "better": "lower",
        "unit": "px",
        "decimals": 2,
        "perfect": 0.0,
        "over": "clips",
    }
    run = {
        "protocol": "p",
        "signature": signature,
        "methods": [method],
        "planned": {method: len(values) + len(failed) + len(missing)},
        "missing": {method: list(missing)} if missing else {},
        "metrics": [{**metric, "shown": True}],
        "coverage_threshold": 0.95,
        "ci": {"resamples": 300, "seed": 0, "level": 0.95, "min_speakers": 5},
        **(settings or {}),
    }
    failures = [{"clip": clip, "method": method, "file": "x.mp4", "reason": "corrupt"} for clip in failed]
    return Results(run, pd.DataFrame(rows), pd.DataFrame(), failures)


def test_two_runs_make_one_table_with_one_ground_truth():
    merged = merge([run_of("A", {"c1": 1.0, "c2": 2.0}), run_of("B", {"c1": 3.0, "c2": 4.0})])
    made = table(merged)
    assert [(row.method, row.cells[0].value, row.planned) for row in made.rows] == [
        ("Ground Truth", 0.0, 2),
        ("A", 1.5, 2),
        ("B", 3.5, 2),
    ]


def test_a_row_is_the_same_alone_and_merged():
    a = run_of("A", {"c1": 1.0, "c2": 2.0, "c3": 2.5})
    rows = json.loads(to_json(table(merge([a, run_of("B", {"c1": 3.0, "c2": 4.0, "c3": math.nan})]))))["rows"]
    assert rows[1] == json.loads(to_json(table(a)))["rows"][1]


def test_clips_that_failed_or_lack_a_take_count_as_clips_of_the_run():
    full, broken = (
        run_of("A", {"c1": 1.0, "c2": 2.0, "c3": 3.0}),
        run_of("B", {"c1": 3.0}, failed=["c2"], missing=["c3"]),
    )
    merged = merge([full, broken])
    assert merged.run["planned"] == {"A": 3, "B": 3}
    assert [failure["clip"] for failure in merged.failures] == ["c2"]


def test_a_run_in_which_everything_failed_can_be_merged():
    merged = merge([run_of("A", {}, failed=["c1"]), run_of("B", {"c1": 3.0})])
    assert [row.cells[0].value for row in table(merged).rows] == [0.0, None, 3.0]


def test_unknown_speakers_are_equal_to_each_other():
    runs = []
    for method in ("A", "B"):
        run = run_of(method, {"c1": 1.0, "c2": 2.0})
        run.clips.loc[1, "speaker"] = None  # a missing value among strings, as parquet gives it
        runs.append(run)
    assert len(table(merge(runs)).rows) == 3


def test_one_run_is_itself_and_inputs_stay_as_they_were():
    a, b = run_of("A", {"c1": 1.0}), run_of("B", {"c1": 1.0})
    assert merge([a]) is a
    merge([a, b])
    assert a.run["methods"] == ["A"]
    assert a.run["planned"] == {"A": 1}


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (run_of("B", {"c1": 1.0, "c2": 1.0}, signature="p|fps:30|id:2"), "expected fps:25, got fps:30.*two tables"),
        (run_of("B", {"c1": 1.0, "c2": 1.0}, signature="q"), r"expected signature p\|fps:25\|id:1, got q"),
        (run_of("A", {"c1": 1.0, "c2": 1.0}), "called 'A'.*--gen NAME"),
        (run_of("B", {"c1": 1.0}), r"\(1 and 2\): clip 'c2' is in run 1 and not in run 2"),
        (run_of("B", {"c1": 1.0, "c2": 1.0, "c0": 1.0}), r"\(3 and 2\): clip 'c0' is in run 2 and not in run 1"),
        (run_of("B", {"c1": 1.0, "c2": 1.0}, speaker=None), "speaker of clip 'c1': expected s, got None"),
        (run_of("B", {"c1": 1.0, "c2": 1.0}, settings={"coverage_threshold": 0.5}), "coverage_threshold.*0.95.*0.5"),
    ],
    ids=["signature", "other signature", "name", "fewer clips", "more clips", "speaker", "setting"],
)
def test_refuses_what_cannot_be_compared_and_names_the_difference(other, says):
    with pytest.raises(TalkbenchError, match=f"(?s){says}"):
        merge([run_of("A", {"c1": 1.0, "c2": 2.0}), other])


def test_refuses_no_run_at_all():
    with pytest.raises(TalkbenchError, match="at least one"):
        merge([])
