"""Exports, Table 2, and ratings that were collected elsewhere."""

import json
import re

import made_study
import pandas as pd
import pytest
import study_rater
from command import talkbench

from talkbench.bench.study import flow
from talkbench.bench.study.export import CODEBOOK
from talkbench.reports.ratings import ratings_table

SCORES = {"Ground Truth": 9, made_study.METHODS[0]: 6, made_study.METHODS[1]: 3}


@pytest.fixture
def study(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(flow, "COVERAGE", 0.0)
    return made_study.copy(tmp_path_factory)


def spreadsheet(file, raters=("=r1", "r2", "r3"), **changes):
    """Ratings in one column per scale; `changes` are made to the first row."""
    rows = [
        {"rater": rater, "clip": clip, "method": method, "LS": score, "EE": score, "VPQ": score + number % 2}
        for number, rater in enumerate(raters)
        for clip in made_study.CLIPS[:2]
        for method, score in SCORES.items()
    ]
    rows[0] |= changes
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


@pytest.fixture
def clips_in(study):
    """The two clips drawn for the study."""
    with study_rater.visitor(study) as rater:
        rater.begin()
        rater.finish()
    assert talkbench("study", "export", study, "-o", study / "a.parquet").code == 0
    return sorted(set(pd.read_parquet(study / "a.parquet").query("kind == 'main'")["clip"]))


def test_csv_and_parquet_hold_the_same_and_the_codebook_every_column(study, clips_in):
    assert talkbench("study", "export", study, "-o", study / "a.csv").code == 0
    csv, parquet = pd.read_csv(study / "a.csv"), pd.read_parquet(study / "a.parquet")
    assert list(csv.columns) == list(parquet.columns) == list(CODEBOOK)
    pd.testing.assert_series_equal(csv["score"], parquet["score"])
    assert csv["clip"].tolist() == parquet["clip"].tolist()
    codebook = json.loads((study / "a.codebook.json").read_text())
    assert list(codebook["columns"]) == list(CODEBOOK)
    assert codebook["screens"]["attention_failures"] == 1
    assert len(codebook["config_sha256"]) == 64
    assert not list(study.glob(".*.part"))


def test_table_2_is_that_of_the_main_ratings(study, clips_in):
    exported = pd.read_parquet(study / "a.parquet")
    made = ratings_table(exported[exported["kind"] == "main"])
    outcome = talkbench("study", "table", study, "--format", "json")
    assert outcome.code == 0
    printed = json.loads(outcome.out)
    assert printed["signature"] == made.signature
    assert "raters:1|clips:2" in made.signature


def test_a_table_of_nothing_is_one_line(study):
    outcome = talkbench("study", "table", study)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "no video has been rated yet" in outcome.err


@pytest.mark.parametrize("shape", ["wide", "long", "parquet", "semicolons"])
def test_imported_ratings_come_back_as_they_were(study, clips_in, tmp_path, shape, monkeypatch):
    monkeypatch.setattr(made_study, "CLIPS", (*clips_in, "x"))
    file = spreadsheet(tmp_path / "ratings.csv")
    table = pd.read_csv(file)
    long = table.melt(["rater", "clip", "method"], ["LS", "EE", "VPQ"], "scale", "score")
    if shape == "long":
        long.to_csv(file, index=False)
    elif shape == "parquet":
        file = tmp_path / "ratings.parquet"
        long.to_parquet(file)
    elif shape == "semicolons":
        table.to_csv(file, index=False, sep=";")
    outcome = talkbench("study", "import", study, file)
    assert (outcome.code, outcome.out) == (0, f"{file}: 54 ratings by 3 raters\n")
    talkbench("study", "export", study, "-o", study / "b.parquet")
    talkbench("study", "export", study, "-o", study / "b.csv")
    back = pd.read_parquet(study / "b.parquet").query("source.str.startswith('import:')")
    keys = ["rater", "clip", "method", "scale"]
    one, two = (frame.set_index(keys)["score"].sort_index().astype(float) for frame in (back, long))
    pd.testing.assert_series_equal(one, two)
    assert set(back["kind"]) == {"main"}
    raters = set(pd.read_csv(study / "b.csv")["rater"])
    assert "'=r1" in raters  # what a spreadsheet would run is written as a text
    assert "=r1" not in raters
    assert talkbench("study", "table", study).code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clip": "unknown"}, "clip 'unknown' of 'Ground Truth' is not in this study"),
        ({"method": "unknown"}, "of 'unknown' is not in this study"),
        ({"LS": 11}, "row 2: expected a score from 1 to 10, got '11'"),
        ({"LS": 7.5}, "row 2: expected a score from 1 to 10, got '7.5'"),
        ({"LS": ""}, "on some scales only"),
        ({"rater": ""}, "row 2: rater, clip and method must be filled"),
    ],
)
def test_a_wrong_import_stores_nothing_and_is_one_line(study, clips_in, tmp_path, change, said, monkeypatch):
    monkeypatch.setattr(made_study, "CLIPS", (*clips_in, "x"))
    file = spreadsheet(tmp_path / "ratings.csv", raters=("r1",), **change)
    before = talkbench("study", "status", study).out
    outcome = talkbench("study", "import", study, file)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert re.search(said, outcome.err), outcome.err
    assert talkbench("study", "status", study).out == before


def test_the_same_raters_are_not_imported_twice(study, clips_in, tmp_path, monkeypatch):
    monkeypatch.setattr(made_study, "CLIPS", (*clips_in, "x"))
    file = spreadsheet(tmp_path / "ratings.csv")
    assert talkbench("study", "import", study, file).code == 0
    outcome = talkbench("study", "import", study, file)
    assert outcome.code == 2
    assert "rater '=r1' is in the study already" in outcome.err


def test_an_image_is_no_ratings_file(study, tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x01binary")
    outcome = talkbench("study", "import", study, tmp_path / "x.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)


def test_init_writes_what_build_reads_and_overwrites_nothing(tmp_path):
    assert talkbench("study", "init", tmp_path / "new").code == 0
    (tmp_path / "new" / "study.toml").write_text("mine")
    outcome = talkbench("study", "init", tmp_path / "new")
    assert outcome.code == 2
    assert (tmp_path / "new" / "study.toml").read_text() == "mine"
