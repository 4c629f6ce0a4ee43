import json

import numpy as np
import pandas as pd
import pytest
from command import talkbench

from talkbench.baselines.published import PAPERS
from talkbench.bench.errors import TalkbenchError
from talkbench.reports.formats import FORMATS
from talkbench.reports.ratings import ratings_table, read_ratings

MEANS = {"Ours": (5.0, 8.0, 6.0), "EVP": (7.0, 5.0, 6.0), "baseline": (4.0, 4.0, 4.0)}


def study(means=MEANS, raters=12, clips=8, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (f"r{rater:02d}", f"c{clip}", method, scale, int(np.clip(round(mean + rng.normal(0, 0.7)), 1, 10)))
        for method, of in means.items()
        for scale, mean in zip(("VPQ", "EE", "LS"), of[::-1], strict=True)
        for rater in range(raters)
        for clip in range(clips)
    ]
    return pd.DataFrame(rows, columns=["rater", "clip", "method", "scale", "score"])


def bold(made, scale):
    at = [column.name for column in made.metrics].index(scale)
    return [row.method for row in made.rows if row.cells[at].best]


def test_table_2_by_pandas():
    ratings = study()
    made = ratings_table(ratings)
    expected = ratings.groupby(["method", "scale"])["score"].mean()
    assert [column.name for column in made.metrics] == ["LS", "EE", "VPQ"]
    assert [row.method for row in made.rows] == ["Ours", "EVP", "baseline"]
    for row in made.rows:
        assert (row.measured, row.planned) == (8, 8)
        for cell, column in zip(row.cells, made.metrics, strict=True):
            assert cell.value == pytest.approx(expected[row.method, column.name])
            assert cell.ci_low < cell.value < cell.ci_high
            assert (cell.coverage, cell.n_clips) == (1.0, 8)
    assert (bold(made, "LS"), bold(made, "EE"), bold(made, "VPQ")) == (["EVP"], ["Ours"], ["Ours", "EVP"])
    assert "by 12 raters on 8 clips" in made.notes[0]


def test_methods_in_the_order_of_the_paper_and_ground_truth_first():
    made = ratings_table(study({**MEANS, "mine": (5, 5, 5), "Ground Truth": (9, 9, 9)}), order=PAPERS["msef-2023"])
    assert [row.method for row in made.rows] == ["Ground Truth", "baseline", "EVP", "Ours", "mine"]
    assert made.rows[0].reference
    assert "Ground Truth" not in bold(made, "LS")


def test_any_order_of_the_rows_gives_the_same_numbers_and_signature():
    ratings = study()
    one, other = ratings_table(ratings), ratings_table(ratings.sort_values(["scale", "score", "clip"]))
    assert one.signature == other.signature
    values = {row.method: row.cells for row in one.rows}
    for row in other.rows:
        for cell, same in zip(row.cells, values[row.method], strict=True):
            assert cell.ci_low == pytest.approx(same.ci_low)
    changed = ratings.copy()
    changed.loc[0, "score"] = 11 - changed.loc[0, "score"]
    assert ratings_table(changed).signature != one.signature


def test_missing_ratings_lower_the_coverage_and_change_the_interval():
    ratings = study()
    ratings["score"] = ratings["score"].astype(float)
    ratings.loc[(ratings["method"] == "EVP") & (ratings["clip"] == "c0"), "score"] = np.nan
    ratings = ratings[~((ratings["method"] == "Ours") & (ratings["rater"] == "r00") & (ratings["clip"] == "c1"))]
    ours, evp, _ = (made := ratings_table(ratings)).rows
    assert evp.cells[0].coverage == 7 / 8
    assert (evp.measured, evp.planned) == (7, 8)
    assert ours.cells[0].coverage == 95 / 96
    assert "pigeonhole" in made.notes[0]
    assert "pigeonhole" in made.signature


def test_what_no_rater_rated_together_is_not_compared_and_named():
    ratings = study()
    apart = ratings[(ratings["method"] != "baseline") | (ratings["rater"] == "r00")]
    made = ratings_table(apart)
    assert "baseline, LS" in made.notes[1]
    assert bold(made, "LS") == ["EVP"]
    alone = ratings_table(ratings[ratings["rater"] == "r00"])
    assert bold(alone, "LS") == []
    assert "Bold" not in alone.notes[0]


def test_an_interval_does_not_leave_the_scale():
    cell = ratings_table(study({"A": (9.9, 5, 1.1)}, raters=3, clips=2)).rows[0].cells
    assert cell[0].ci_high <= 10
    assert cell[2].ci_low >= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": 11}, "Row 1: expected a score from 1 to 10, got '11'"),
        ({"score": "good"}, "Row 1: expected a score from 1 to 10, got 'good'"),
        ({"rater": None}, "Row 1: the column rater is empty"),
        ({"method": " "}, "Row 1: the column method is empty"),
        ({"clip": "c1"}, "rated clip 'c1' of 'Ours' on 'VPQ' before"),
    ],
)
def test_bad_ratings(change, message):
    ratings = study().astype({"score": object})
    for name, value in change.items():
        ratings.loc[0, name] = value
    with pytest.raises(TalkbenchError, match=message):
        ratings_table(ratings)


def test_no_rating():
    with pytest.raises(TalkbenchError, match="There is no rating"):
        ratings_table(study().iloc[:0])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_command_prints_every_format_from_both_kinds_of_file(tmp_path, form, suffix):
    file = tmp_path / f"ratings.{suffix}"
    ratings = study()
    if suffix == "csv":
        ratings.to_csv(file, index=False)
    else:
        ratings.to_parquet(file)
    outcome = talkbench("ratings", file, "--format", form, "--order", "msef-2023")
    assert outcome.code == 0, outcome.err
    assert outcome.out == FORMATS[form](ratings_table(ratings, order=PAPERS["msef-2023"]))
    if form == "json":
        assert json.loads(outcome.out)["signature"].startswith(
            "ratings-1|raters:12|clips:8|scales:LS,EE,VPQ|range:1-10"
        )


def test_names_that_look_like_numbers_stay_what_they_are(tmp_path):
    file = tmp_path / "ratings.csv"
    study().assign(rater=lambda rows: rows["rater"].str[1:], clip="007").drop_duplicates(
        ["rater", "clip", "method", "scale"]
    ).to_csv(file, index=False)
    assert set(read_ratings(file)["clip"]) == {"007"}
    assert "00" in set(read_ratings(file)["rater"])


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("r.csv", b"rater,clip,method,score\n", "lacks scale"),
        ("r.csv", b"\xff\xfe\x00", "cannot be read"),
        ("r.csv", b"", "cannot be read"),
        ("r.csv", b"rater,clip,method,scale,score\na,b,c,LS,12\n", "from 1 to 10, got '12'"),
        ("r.csv", b"rater,clip,method,scale,score\n", "There is no rating"),
        ("r.parquet", b"PAR1 no", "cannot be read"),
        (None, b"", "cannot be read"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path, name, text, says):
    file = tmp_path / (name or "missing.csv")
    if name:
        file.write_bytes(text)
    outcome = talkbench("ratings", file)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert str(file) in outcome.err
    assert says in outcome.err
