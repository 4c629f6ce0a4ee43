import csv
import io
import json

import numpy as np
import pytest
from command import talkbench

from talkbench.baselines.published import PAPERS
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.study.simulation import Design, published_means, simulate
from talkbench.reports.agreement import Estimate
from talkbench.reports.ratings import ratings_table
from talkbench.reports.sections import FORMATS, Field, Report, Section, to_csv, to_html, to_latex, to_markdown
from talkbench.reports.study import analyze

PAPER = PAPERS["msef-2023"]
TRUTH = published_means(PAPER)
HIDDEN = {"Ground Truth": {"LS": 9.2, "EE": 8.9, "VPQ": 9.0}, **TRUTH}


@pytest.fixture(scope="module")
def ratings():
    return simulate(HIDDEN, design=Design(16, 8, repeats=2, random=1, constant=1), seed=5)


@pytest.fixture(scope="module")
def report(ratings):
    return analyze(ratings, order=PAPER)


@pytest.fixture(scope="module")
def small():
    ratings = simulate(TRUTH, design=Design(5, 4))
    return ratings, analyze(ratings, order=PAPER)


def section(report, key):
    found = next(one for one in report.sections if one.key == key)
    return [dict(zip([field.key for field in found.fields], row, strict=True)) for row in found.rows]


def test_scores_are_table_2s(ratings, report):
    table = ratings_table(ratings, order=PAPER)
    rows = section(report, "scores")
    assert [row["method"] for row in rows[:5]] == [row.method for row in table.rows]
    assert rows[0]["method"] == "Ground Truth"
    for at, row in enumerate(rows):
        cell = table.rows[at % 5].cells[at // 5]
        assert row["mos"].value == pytest.approx(cell.value)
        assert (row["mos"].low, row["mos"].high) == pytest.approx((cell.ci_low, cell.ci_high))
        assert (row["ratings"], row["raters"], row["clips"]) == (128, 16, 8)
        assert row["bootstrap"].low == pytest.approx(row["mos"].low, abs=0.25)


def test_the_histogram_counts_every_rating(report):
    rows = section(report, "histogram")
    assert all(sum(row[f"n_{score}"] for score in range(1, 11)) == 128 for row in rows)


def test_every_test_finds_the_large_differences_in_the_right_direction(report):
    """Ours against EVP on EE: 1.94 in the paper. The hidden reference is compared with nothing."""
    rows = {(row["scale"], row["pair"]): row for row in section(report, "differences")}
    others = {(row["scale"], row["pair"]): row for row in section(report, "other_tests")}
    assert len(rows) == len(others) == 18
    assert not any("Ground Truth" in pair for _, pair in rows)
    one, other = rows["EE", "Ours − EVP"], others["EE", "Ours − EVP"]
    assert one["difference"].value == pytest.approx(one["model"].value, abs=0.02)
    assert max(one["p_holm"], one["model_p_holm"], other["raters_p_holm"], other["clips_p_holm"]) < 0.05
    assert min(one["difference"].low, one["model"].low, other["rank_r_raters"], other["log_odds"]) > 0
    assert all(row["p"] <= row["p_holm"] for row in rows.values())


def test_a_baseline_narrows_the_family(ratings):
    rows = section(analyze(ratings, baseline="EVP"), "differences")
    assert {row["pair"] for row in rows} == {"Baseline − EVP", "Audio2Head − EVP", "Ours − EVP"}
    with pytest.raises(TalkbenchError, match="--baseline EVPP: was not rated"):
        analyze(ratings, baseline="EVPP")


def test_who_fails_a_screen_is_named_and_results_are_given_without_them(ratings, report):
    screens = {row["rule"]: row for row in section(report, "screens")}
    assert "r16" in screens["straight_line_sd"]["who"]
    assert "r15" in screens["leave_one_out_r"]["who"]
    kept = [row["rater"] for row in section(report, "raters") if row["failed"] == "–"]
    assert not {"r15", "r16"} & set(kept)
    alone = ratings_table(ratings[ratings["rater"].isin(kept)], order=PAPER)
    for at, row in enumerate(section(report, "after_screening")):
        assert row["passed"].value == pytest.approx(alone.rows[at % 5].cells[at // 5].value)
    assert "screens:attention_failures:1" in report.signature


def test_nobody_fails():
    made = analyze(simulate({"A": {"LS": 4}, "B": {"LS": 6}}, design=Design(6, 6)))
    assert "after_screening" not in [one.key for one in made.sections]


def test_the_paragraph_says_what_was_done(ratings, report):
    (text,) = report.text
    for part in (
        "16 participants rated 8 clips of 4 methods (Baseline, EVP, Audio2Head, Ours)",
        "the real videos as a hidden reference",
        "from 1 (worst) to 10 (best) on 3 scales (LS, EE, VPQ)",
        "Each rated 40 videos, and each video was rated by 16 of them: 1,920 ratings in all",
        "on average: repeated videos (2)",
        "of 16 failed at least one",
    ):
        assert part in text
    codebook = {
        "scales": [{"id": "LS", "name": "Lip synchronisation", "question": "How well?"}],
        "design": {"order": "balanced"},
        "config_sha256": "ab" * 32,
    }
    (text,) = analyze(ratings, codebook=codebook).text
    for part in ("LS: Lip synchronisation, “How well?”", "balanced (Williams squares)", "SHA-256 abababababab…"):
        assert part in text


@pytest.mark.parametrize("imported", [1.0, 0.5])
def test_nobody_claims_to_know_how_imported_ratings_were_collected(ratings, imported):
    count = int(imported * len(ratings))
    where = ["import:x.csv"] * count + ["link"] * (len(ratings) - count)
    codebook = {"design": {"order": "balanced"}, "scales": []}
    (text,) = analyze(ratings.assign(source=where), codebook=codebook).text
    main = sum(kind == "main" for kind in ratings["kind"][:count])
    assert f"{main:,} of them were collected elsewhere" in text
    assert ("blinded" in text) == (count < len(ratings))


def test_a_study_with_gaps():
    made = analyze(
        simulate({"A": {"LS": 4}, "B": {"LS": 6}, "C": {"LS": 7}}, design=Design(12, 8, per_rater=4), seed=1)
    )
    agreement = section(made, "agreement")
    assert all(row["icc_1"].low is None and 0 < row["icc_1"].value < 1 for row in agreement)
    assert all(
        row["difference"].low < row["difference"].value < row["difference"].high for row in section(made, "differences")
    )
    assert "by 6 of them" in made.text[0]


def test_the_smallest_studies_have_gaps_and_no_traceback():
    for design in (Design(1, 1), Design(2, 1), Design(1, 3), Design(2, 2), Design(2, 2, 1)):
        made = analyze(simulate({"A": {"LS": 4}, "B": {"LS": 6}}, design=design))
        for form in FORMATS.values():
            form(made)


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_prints_every_format(small, tmp_path, form):
    file = tmp_path / "ratings.csv"
    small[0].to_csv(file, index=False)
    outcome = talkbench("study", "analyze", file, "--order", "msef-2023", "--format", form)
    assert outcome.code == 0, outcome.err
    assert outcome.out == FORMATS[form](small[1])


def test_on_the_terminal_and_with_the_rules_beside_the_file(ratings, tmp_path):
    file = tmp_path / "ratings.parquet"
    ratings.to_parquet(file)
    (tmp_path / "ratings.codebook.json").write_text('{"screens": {"leave_one_out_r": false}}', encoding="utf-8")
    outcome = talkbench("study", "analyze", file)
    assert outcome.code == 0, outcome.err
    assert "Differences of methods" in outcome.out
    assert "leave_one_out_r" not in outcome.out
    table = talkbench("ratings", file, "--screened", "--format", "json")
    data = json.loads(table.out)
    assert "leave_one_out_r" not in data["signature"]
    assert any(note.startswith("Left out: 2 of 16 raters") for note in data["notes"])
    assert "LS ↑" in talkbench("ratings", file, "--format", "rich").out


def test_table_2_from_the_command_line_to_the_papers_means(tmp_path):
    """The paper's study with 30 raters: every mean within its interval, but for those that 95 % leave out."""
    file = tmp_path / "ratings.csv"
    assert talkbench("study", "simulate", "--paper", "msef-2023", "--raters", 30, "-o", file).code == 0
    outcome = talkbench("ratings", file, "--order", "msef-2023", "--format", "csv")
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(outcome.out))}
    assert list(rows) == list(TRUTH)
    inside = [
        float(rows[method][f"{scale} ci_low"]) <= mean <= float(rows[method][f"{scale} ci_high"])
        for method, means in TRUTH.items()
        for scale, mean in means.items()
    ]
    assert sum(inside) >= 10  # of 12; fewer in 0.2 % of studies
    for scale in TRUTH["Ours"]:
        measured = {method: float(row[scale]) for method, row in rows.items()}
        for one in TRUTH:
            for other in TRUTH:
                if TRUTH[one][scale] - TRUTH[other][scale] > 0.6:
                    assert measured[one] > measured[other]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "analyze", "none.csv"], "cannot be read"),
        (["ratings", "ratings.csv", "--screens", "study.toml"], "give both, or neither"),
        (["ratings", "ratings.csv", "--screened", "--screens", "study.toml"], "cannot be read as a study.toml"),
        (["study", "analyze", "ratings.csv", "--highest", "5"], "expected a score from 1 to 5"),
        (["study", "correlate", "none", "--ratings", "ratings.csv"], "is not a result folder"),
    ],
)
def test_bad_commands(ratings, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    ratings.to_csv("ratings.csv", index=False)
    outcome = talkbench(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_kinds_that_are_no_ratings_are_left_out(ratings):
    odd = ratings.assign(kind=np.where(ratings["kind"] == "repeat", "training", "main"))
    assert ratings_table(odd).signature == ratings_table(ratings[ratings["kind"] == "main"]).signature
    with pytest.raises(TalkbenchError, match="expected a kind of main, repeat, training, attention, got 'warm-up'"):
        ratings_table(ratings.assign(kind="warm-up"))


def test_names_are_text_in_every_format():
    row = ("<b>|$x_1$", Estimate(1.0, float("-inf"), 2.0), 0.0004, float("nan"))
    fields = (Field("a", "A", "label"), Field("b", "B"), Field("p", "p", "p"), Field("c", "C"))
    odd = Report("T", "s|1", (Section("one", "One", fields, (row,), ("χ² of ρ",)),), ("=1+1",))
    assert "<b>" not in to_html(odd)
    assert r"\|\$x\_1\$" in to_markdown(odd)
    assert r"\textless{}b\textgreater{}" in to_latex(odd)
    assert "< 0.001" in to_latex(odd).replace(r"\textless{}", "<")
    assert "1.0,-inf,2.0" in to_csv(odd)
    assert "1.00 [-∞, 2.00]" in to_html(odd)


def test_long_sections_go_on_in_another_latex_table():
    rows = tuple((f"r{at}", at) for at in range(100))
    long = Report("T", "s", (Section("r", "Raters", (Field("a", "A", "label"), Field("b", "B")), rows),))
    assert to_latex(long).count(r"\begin{table}") == 3
    assert "part 3 of 3" in to_latex(long)
