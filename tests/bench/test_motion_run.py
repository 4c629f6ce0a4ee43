"""Motion, dynamics and timing from videos to the table: a demo clip with sound, a late take and a frozen one."""

import json

import pandas as pd
import pytest
from command import talkbench

from talkbench.bench.demo.corpus import corpus
from talkbench.bench.demo.methods import write_methods

METHODS = ("late-3-frames", "frozen-mouth")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("motion")
    write_methods(root / "methods", corpus(1), methods=METHODS, ground_truth=root / "real")
    takes = [argument for name in METHODS for argument in ("--gen", f"{name}={root / 'methods' / name}")]
    outcome = talkbench(
        "score", "--gt", root / "real", *takes, "--metrics", "full", "--no-cache", "--workers", 1, "-o", root / "run",
        "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    return root / "run", json.loads(outcome.out)


def test_a_late_take_is_found_late_and_forgiven(run):
    folder, table = run
    truth, late, _ = table["rows"]
    assert late["mouth-lag"]["value"] == late["mouth-audio-lag"]["value"] == 120
    assert truth["mouth-audio-correlation"]["value"] > 0.6
    assert late["M-LMD-shifted"]["value"] < 0.3 * late["M-LMD"]["value"]
    assert late["M-LMD-dtw"]["value"] < 0.3 * late["M-LMD"]["value"]
    assert late["lip-dynamics"]["value"] > 0.9
    clips = pd.read_parquet(folder / "clips.parquet").set_index("method")
    for name in METHODS:
        assert clips.loc[name, "M-LMD-dtw:plain"] == clips.loc[name, "M-LMD"]
        assert clips.loc[name, "F-LMD-softdtw:plain"] == clips.loc[name, "F-LMD"]
    assert clips.loc["late-3-frames", "M-LMD-shifted:offset_ms"] == 120


def test_a_frozen_mouth_is_told_from_a_late_one(run):
    _, table = run
    _, late, frozen = table["rows"]
    assert frozen["lip-dynamics"]["value"] < 0.3 < late["lip-dynamics"]["value"]
    assert frozen["M-LMD-shifted"]["value"] > 0.8 * frozen["M-LMD"]["value"]
    assert abs(frozen["mouth-correlation"]["value"]) < 0.6
    assert frozen["head-pose"]["value"] < 2  # the head moves as the real one does
    assert frozen["blink-rate"]["value"] == 0


def test_what_could_not_be_measured_says_why(run):
    folder, _ = run
    said = talkbench("table", folder).out
    assert "no silence of 300 ms" in said
    outcome = json.loads(talkbench("table", folder, "--format", "json").out)
    assert outcome["rows"][1]["silent-lip-stability"]["reasons"] == {"no silence of 300 ms": 1}
    assert outcome["rows"][0]["silent-lip-closeness"]["value"] is None
