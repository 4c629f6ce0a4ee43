"""docs/plugins.md: its example keeps the contract, is scored, and says what a loop over frames says."""

import json
import re
from pathlib import Path

import clips
import command
import numpy as np
import pandas as pd
import pytest

from talkbench.bench.checks import check
from talkbench.bench.registry import load

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "mouth_opening.py"
    file.write_text(code, encoding="utf-8")
    return f"{file}:METRIC"


def test_the_example_keeps_the_contract(example):
    metric = load(example)
    assert [one for one in check(metric, metric) if one.state == "failed"] == []


def test_the_page_lists_every_check_and_kind(example):
    metric = load(example)
    names = [one.name for one in check(metric, metric)]
    for name in (*names, "worker", "network", "speed"):
        assert f"\n| {name} |" in PAGE
    for kind in ("frames", "steps", "faces", "landmarks", "facts"):
        assert f"\n| `{kind}` |" in PAGE


def test_the_example_is_scored(example, tmp_path):
    clips.write(tmp_path / "real.mp4", clips.moving(5))
    clips.write(tmp_path / "fake.mp4", clips.moving(5, phase=0.7))
    outcome = command.talkbench(
        "score", "--gt", tmp_path / "real.mp4", "--gen", f"Ours={tmp_path / 'fake.mp4'}", "--metric", example,
        "--metrics", "paper,mouth-opening", "--no-cache", "--workers", 1, "--json", "-o", tmp_path / "run",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    value = json.loads(outcome.out)["rows"][1]["mouth-opening"]["value"]
    frames = pd.read_parquet(tmp_path / "run" / "frames.parquet")
    expected = []
    for gt, gen in zip(frames["gt_landmarks"], frames["gen_landmarks"], strict=True):
        (gt, gen) = (np.reshape(side, (68, 2)) for side in (gt, gen))
        opened = [float(np.hypot(*(side[66] - side[62]))) for side in (gt, gen)]
        expected.append(100 * abs(opened[1] - opened[0]) / float(np.hypot(*(gt[45] - gt[36]))))
    assert value == pytest.approx(np.mean(expected), rel=1e-5)
