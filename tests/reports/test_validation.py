"""Responses to known distortions, from clip values that are made up and worked out by hand."""

import csv
import io
import json
import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import rankdata

from talkbench.bench.results import Results
from talkbench.bench.validation.distortions import DISTORTIONS, FLOOR
from talkbench.reports import validation_formats as formats
from talkbench.reports.figures.canvas import encoded
from talkbench.reports.figures.validation import validation_figure
from talkbench.reports.validation import validation

BLUR = DISTORTIONS["blur"]


def metric(name="SSIM", better="higher", perfect=1.0, **more):
    return {
        "name": name, "better": better, "unit": "", "decimals": 3, "perfect": perfect, "needs": "frames",
        "over": "clips", "shown": True,
    } | more  # fmt: skip


def results(metrics, values, real=None):
    """Clip values by metric and method, one per clip; what is not given is as at the floor."""
    methods = [FLOOR, *(one.method(level) for one in DISTORTIONS.values() for level in one.levels)]
    rows = []
    for method in methods:
        for clip in range(len(next(iter(values.values()))[FLOOR])):
            row = {"clip": f"c{clip}", "method": method, "compared": 10, "speaker": None}
            for name, by_method in values.items():
                row[name] = by_method.get(method, by_method[FLOOR])[clip]
                row[f"{name}:frames"] = 10
                row[f"{name}:gt"] = math.nan if real is None else real
            rows.append(row)
    return Results({"metrics": metrics, "signature": "talkbench-1|id:0"}, pd.DataFrame(rows), pd.DataFrame(), [])


def blur(values, floor, column=None, real=None):
    """The profile of one metric, and its response to blur, from (level, clip) values."""
    by_method = {BLUR.method(level): at for level, at in zip(BLUR.levels, values, strict=True)} | {FLOOR: floor}
    column = column or metric()
    report = validation(results([column], {column["name"]: by_method}, real), {}, "demo")
    return report.profiles[0], report.profiles[0].responses[0], report


def test_effects_are_losses_in_noise_floors():
    profile, response, _ = blur([[0.98, 0.96], [0.9, 0.9], [0.8, 0.6], [0.5, 0.3]], floor=[0.99, 0.97])
    assert profile.floor == pytest.approx(0.02)  # the mean of 0.01 and 0.03
    assert profile.at_floor == pytest.approx(0.98)
    assert response.effects == pytest.approx((1.5, 5, 15, 30))
    assert response.values == pytest.approx((0.97, 0.9, 0.7, 0.4))
    assert response.spearman == pytest.approx(1)
    assert (response.seen_from, response.verdict, response.clips) == (0.5, "sees", 2)


def test_lower_is_better_turns_the_sign():
    column = metric("F-LMD", "lower", 0.0)
    _, response, _ = blur([[1.0], [2.0], [3.0], [4.0]], floor=[0.5], column=column)
    assert response.effects == pytest.approx((2, 4, 6, 8))


def test_psnr_responds_by_its_error():
    column = metric("PSNR", "higher", "inf", unit="dB")
    profile, response, _ = blur([[50.0], [40.0], [30.0], [20.0]], floor=[40.0], column=column)
    assert profile.floor == pytest.approx(1e-4)
    assert response.effects == pytest.approx((0.1, 1, 10, 100))
    assert response.seen_from == 2
    _, response, _ = blur([[math.inf], [40.0], [30.0], [20.0]], floor=[40.0], column=column)
    assert response.effects[0] == 0


def test_one_side_is_compared_with_the_ground_truth():
    column = metric("sharpness", "higher", None, sides="one")
    profile, response, _ = blur([[0.5], [0.4], [0.3], [0.2]], floor=[0.55], column=column, real=0.6)
    assert profile.floor == pytest.approx(0.05)
    assert profile.at_floor == pytest.approx(-0.05)
    assert response.effects == pytest.approx((2, 4, 6, 8))


@pytest.mark.parametrize(
    ("values", "verdict", "seen_from"),
    [
        ([0.99, 0.98, 0.97, 0.96], "sees", 1),
        ([0.995, 0.991, 0.995, 0.990], "blind", None),
        ([0.99, 0.9, 0.95, 0.995], "unsteady", None),
        ([0.9, 0.95, 0.8, 0.93], "unsteady", 0.5),
        ([1.0, 1.05, 1.1, 1.2], "rewards", 1),
        ([math.nan] * 4, "not measured", None),
        ([0.98, 0.9, math.nan, math.nan], "sees", 0.5),
    ],
)
def test_verdicts(values, verdict, seen_from):
    _, response, _ = blur([[value] for value in values], floor=[0.985])
    assert (response.verdict, response.seen_from) == (verdict, seen_from)


def test_a_floor_of_nothing_makes_every_effect_infinite_and_none_blind():
    profile, response, _ = blur([[1.0], [0.9], [0.8], [0.7]], floor=[1.0])
    assert profile.floor == 0
    assert response.effects == (0.0, math.inf, math.inf, math.inf)
    assert response.verdict == "sees"
    assert formats.cell(response) == "∞× from 1"
    _, response, report = blur([[1.0]] * 4, floor=[1.0])
    assert response.verdict == "blind"
    assert math.isnan(response.spearman)
    assert json.loads(formats.to_json(report))["metrics"]["SSIM"]["responses"]["blur"]["spearman"] is None


def test_monotonicity_is_the_mean_over_clips_of_rank_correlations():
    """Spearman as Pearson's of average ranks, Kendall's τ-b by counting pairs."""
    rng = np.random.default_rng(3)
    values = np.round(rng.uniform(0.5, 0.99, (4, 6)), 1)
    _, response, _ = blur(values.tolist(), floor=[0.99] * 6)
    spearman, kendall = [], []
    for clip in values.T:
        levels, losses = [0, *BLUR.levels], np.array([0.0, *(1 - clip)])
        spearman.append(np.corrcoef(rankdata(levels), rankdata(losses))[0, 1])
        pairs = [np.sign(losses[b] - losses[a]) for a, b in combinations(range(5), 2)]
        kendall.append(sum(pairs) / math.sqrt(len(pairs) * sum(pair != 0 for pair in pairs)))
    assert response.spearman == pytest.approx(np.mean(spearman))
    assert response.kendall == pytest.approx(np.mean(kendall))


def test_clips_without_a_value_are_left_out():
    _, response, _ = blur([[0.9, math.nan], [0.8, 0.5], [0.7, 0.4], [0.6, 0.3]], floor=[0.99, 0.99])
    assert response.effects == pytest.approx((10, 35, 45, 55))
    assert response.clips == 1


def everything():
    """Every verdict, an infinite effect, a hostile name, and something left out."""
    floor = [0.985, 0.98]
    columns = [metric(), metric("a|b $x_1$ *c*", perfect=None), metric("gone"), metric("still")]
    by_metric = {
        "SSIM": {FLOOR: floor} | {BLUR.method(level): [1 - level / 9, 1 - level / 8] for level in BLUR.levels},
        "a|b $x_1$ *c*": {FLOOR: floor} | {BLUR.method(level): [2.0, 3.0] for level in BLUR.levels},
        "gone": {FLOOR: [math.nan] * 2},
        "still": {FLOOR: [1.0, 1.0], BLUR.method(4): [0.5, 0.5]},
    }
    return results(columns, by_metric, 0.9)


def test_every_form_of_the_report():
    made = everything()
    report = validation(made, {"emotion": "a real face cannot be rendered again"}, "real")
    data = json.loads(formats.to_json(report), parse_constant=pytest.fail)
    assert data["metrics"]["still"]["responses"]["blur"]["effects_in_floors"][-1] == "inf"
    assert data["metrics"]["gone"]["responses"]["blur"]["reason"] == "no frame could be measured"
    assert "emotion" not in data["distortions"]
    rows = list(csv.DictReader(io.StringIO(formats.to_csv(report))))
    assert len(rows) == 4 * 7 * 4
    assert {row["value"] for row in rows if row["metric"] == "gone"} == {""}
    text = formats.to_markdown(report)
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace(r"\|", "").count("|") for line in table} == {10, 9}
    assert "- SSIM does not see re-encode" in text
    assert "Left out: emotion, a real face cannot be rendered again." in text
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(formats.to_rich(report))
    shown = console.export_text()
    assert "a|b $x_1$ *c*" in shown
    assert "not measured" in shown
    for form in (text, formats.to_csv(report), formats.to_json(report)):
        assert report.signature in form


def test_the_figure_is_the_same_every_time_and_shows_every_metric():
    made = everything()
    report = validation(made, {"emotion": "x"}, "real")
    figure = validation_figure(report, made)
    words = [text.get_text() for text in figure.texts]
    assert {"SSIM", "gone", "still", "blur"} <= set(words)
    (axes,) = figure.axes
    cells = [text.get_text() for text in axes.texts]
    assert len(cells) == 4 * 7
    assert cells.count("–") == 7  # what could not be measured
    assert "∞×" in cells
    assert encoded(figure, ".svg") == encoded(validation_figure(report, made), ".svg")
