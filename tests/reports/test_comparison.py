import csv
import io
import json
import math
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reports.comparison import compare
from talkbench.reports.comparison_formats import FORMATS, to_csv, to_json, to_latex, to_markdown, to_rich

METRICS = [
    {"name": "F-LMD", "over": "clips", "needs": "landmarks", "better": "lower", "unit": "px", "decimals": 2,
     "perfect": 0.0, "shown": True},
    {"name": "PSNR", "over": "clips", "needs": "frames", "better": "higher", "unit": "dB", "decimals": 2,
     "perfect": "inf", "shown": True},
]  # fmt: skip


def run(values, *, speakers=None, methods=None):
    """Results from {method: {clip: (F-LMD, PSNR)}}."""
    rows = [
        {
            "clip": clip, "method": method, "speaker": (speakers or {}).get(clip), "n_frames": 10,
            "F-LMD": f_lmd, "F-LMD:frames": 10, "PSNR": psnr, "PSNR:frames": 10,
        }
        for method, clips in values.items()
        for clip, (f_lmd, psnr) in clips.items()
    ]  # fmt: skip
    info = {
        "protocol": "p-1",
        "signature": "p-1|id:0",
        "methods": methods or list(values),
        "metrics": METRICS,
        "ci": {"resamples": 2000, "seed": 7, "level": 0.95, "min_speakers": 5},
    }
    return Results(info, pd.DataFrame(rows), pd.DataFrame(), [])


def noisy(count=20, **shifts):
    rng = np.random.default_rng(2)
    base = rng.gamma(3, size=count)
    return {
        name: {
            f"c{at:02d}": (base[at] + shift + rng.normal(0, 0.3), 30 - shift + rng.normal(0, 0.3))
            for at in range(count)
        }
        for name, shift in shifts.items()
    }


VALUES = noisy(base=1.0, better=0.0, same=1.0, worse=2.0)


def by_name(made, metric="F-LMD"):
    return {one.method: one for one in made.comparisons if one.column.name == metric}


def test_verdicts_follow_the_direction_of_the_metric():
    made = compare(run(VALUES), "base")
    for metric in ("F-LMD", "PSNR"):
        verdicts = {name: one.verdict for name, one in by_name(made, metric).items()}
        assert verdicts == {"better": "better", "same": "not distinguishable", "worse": "worse"}
    assert by_name(made)["better"].better_on == 20
    assert by_name(made, "PSNR")["worse"].better_on == 0


def test_numbers_by_scipy():
    made = by_name(compare(run(VALUES), "base"))["better"]
    a, b = (np.array([f_lmd for f_lmd, _ in VALUES[name].values()]) for name in ("base", "better"))
    assert made.test.difference == pytest.approx((b - a).mean())
    assert made.test.standardised == pytest.approx(stats.ttest_rel(b, a).statistic / math.sqrt(20))
    t = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert (made.ci_low, made.ci_high) == (pytest.approx(t.low, abs=0.03), pytest.approx(t.high, abs=0.03))


def test_the_family_is_all_methods_on_one_metric():
    small, large = compare(run(noisy(base=1, same=1)), "base"), compare(run(VALUES), "base")
    p = sorted(one.test.p for one in by_name(large).values())
    assert [one.p_holm for one in sorted(by_name(large).values(), key=lambda one: one.test.p)] == pytest.approx(
        [min(1, 3 * p[0]), max(3 * p[0], 2 * p[1]), max(3 * p[0], 2 * p[1], p[2])]
    )
    assert by_name(small)["same"].p_holm == by_name(small)["same"].test.p
    assert "corrected for the 3 comparisons" in large.notes[0]


def test_speakers_are_the_units_where_there_are_enough():
    speakers = {f"c{at:02d}": f"s{at % 6}" for at in range(20)}
    made = compare(run(VALUES, speakers=speakers), "base")
    one = by_name(made)["better"]
    assert (made.unit, one.paired.n_units, one.test.smallest_p) == ("speaker", 6, 2 / 2**6)
    assert one.test.exact


def test_too_few_units_are_said_plainly():
    made = compare(run(noisy(6, base=9.0, other=0.0, third=0.0)), "base")
    assert {one.verdict for one in made.comparisons} == {"too few to tell"}
    assert "can reach 5 % after the correction (6 clips give no p below 0.031 before the correction)." in made.notes[1]
    made = compare(run(noisy(6, base=9.0, other=0.0)), "base")
    assert [one.verdict for one in made.comparisons] == ["better", "better"]


def test_only_clips_that_both_have_and_the_count():
    values = {name: dict(clips) for name, clips in VALUES.items()}
    del values["better"]["c00"]
    values["better"]["c01"] = (math.nan, 31.0)
    made = compare(run(values), "base")
    assert by_name(made)["better"].paired.n_clips == 18
    assert by_name(made, "PSNR")["better"].paired.n_clips == 19
    assert any("fewer than all 20 clips" in note and "better, F-LMD: 18" in note for note in made.notes)


def test_an_infinite_value_is_not_tested_and_breaks_no_neighbour():
    values = {name: dict(clips) for name, clips in VALUES.items()}
    values["better"]["c00"] = (1.0, math.inf)
    made = compare(run(values), "base")
    assert by_name(made, "PSNR")["better"].verdict == "not tested"
    assert by_name(made, "PSNR")["worse"].verdict == "worse"
    assert by_name(made, "PSNR")["worse"].p_holm == 2 * by_name(made, "PSNR")["worse"].test.p
    for render in FORMATS.values():
        assert "not tested" in render(made)
    assert "Infinity" not in to_json(made)


@pytest.mark.parametrize(
    ("values", "baseline", "message"),
    [
        (VALUES, "bas", "--baseline bas: is not a method of the run. Did you mean base?"),
        ({"base": VALUES["base"]}, "base", "no method but base"),
    ],
)
def test_a_baseline_that_cannot_be(values, baseline, message):
    with pytest.raises(TalkbenchError, match=re.escape(message)):
        compare(run(values), baseline)


def test_a_method_without_any_measured_clip():
    made = compare(run(VALUES, methods=[*VALUES, "failed"]), "base")
    assert by_name(made)["failed"].verdict == "not tested"
    assert by_name(made)["failed"].paired.n_clips == 0


def test_markdown_and_terminal_print_every_comparison():
    made = compare(run(VALUES), "base")
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in to_markdown(made).splitlines()[:8]]
    assert lines[0] == [
        "Metric",
        "Against base",
        "Difference",
        "95 % interval",
        "d",
        "Better on",
        "p",
        "Holm",
        "Verdict",
    ]
    assert (lines[2][0], lines[2][1], lines[2][5], lines[2][8]) == ("F-LMD ↓ (px)", "better", "20/20", "better")
    assert (lines[5][0], lines[6][0]) == ("PSNR ↑ (dB)", "")
    console = Console(width=110, file=io.StringIO())
    console.print(to_rich(made))
    assert len(re.findall("same .*not distinguishable", console.file.getvalue())) == 2


def test_csv_and_json_hold_full_precision_and_the_settings():
    made = compare(run(VALUES), "base")
    rows = list(csv.DictReader(io.StringIO(to_csv(made))))
    data = json.loads(to_json(made))
    assert (data["seed"], data["resamples"], data["unit"], data["signature"]) == (7, 2000, "clip", "p-1|id:0")
    assert len(rows) == len(data["comparisons"]) == 6
    for row, one in zip(rows, data["comparisons"], strict=True):
        assert float(row["p_holm"]) == one["p_holm"]
        assert float(row["difference"]) == one["difference"] == pytest.approx(one["method_mean"] - one["baseline_mean"])
        assert (row["seed"], row["resamples"]) == ("7", "2000")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_carries_the_signature_and_escapes_names(name):
    values = {**VALUES, "=a|b_\\x{<i>}": VALUES["same"]}
    text = FORMATS[name](compare(run(values), "base"))
    assert "p-1|id:0" in text or r"p-1\textbar{}\allowbreak id:0" in text
    if name == "csv":
        assert "'=a|b" in text
    if name == "latex":
        assert r"=a\textbar{}b\_\textbackslash{}x\{" in text


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)
def test_latex_compiles(tmp_path):
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\\end{document}\n"
    values = {**VALUES, "% & #7 {~} \\x": VALUES["same"]}
    (tmp_path / "t.tex").write_text(document % to_latex(compare(run(values), "base")), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    assert b"Overfull" not in done.stdout
