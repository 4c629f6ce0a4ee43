"""Every kind of metric that the contract allows, as a plug-in in a file, through the command line to the table."""

import json
import textwrap

import clips
import command
import numpy as np
import pandas as pd
import pytest

PLUGINS = """
import numpy as np
from talkbench.metrics.contract import ClipValue, Metric, mean_of_frames

COMMON = dict(better="lower", unit="px", decimals=3, version="1", definition="d", source="s")


def brightness(frame):
    return float(frame.mean())


def step(gt_before, gen_before, gt, gen):
    return float(abs((gen.mean() - gen_before.mean()) - (gt.mean() - gt_before.mean())))


def nose(gt, gen, gt_points, gen_points):
    return float(np.abs(gt_points[30] - gen_points[30]).max())


class Mean:
    def add(self, frame, points):
        return frame.mean(axis=(0, 1)).astype(np.float32)


def colour_distance(gt, gen, *, power: int = 1):
    distance = np.abs(gt.embeddings - gen.embeddings).mean()
    return ClipValue(float(distance) ** power, len(gt.embeddings), parts={"rate": gt.rate})


def loudness(one):
    if one.sound is None:
        return ClipValue.missing("no sound")
    return ClipValue(float(np.abs(one.sound).max()), len(one.landmarks))


BRIGHTNESS = Metric("brightness", "frames", perfect=None, sides="one", per_frame=brightness, frame_value="brightness",
                    clip=mean_of_frames, **COMMON)
STEP = Metric("step", "steps", perfect=0.0, per_frame=step, frame_value="step", clip=mean_of_frames, **COMMON)
NOSE = Metric("nose", "faces", perfect=0.0, per_frame=nose, frame_value="nose", clip=mean_of_frames, **COMMON)
COLOUR = Metric("colour", "facts", perfect=0.0, per_clip=colour_distance, embed=Mean, parts=("rate",), **COMMON)
LOUDNESS = Metric("loudness", "facts", perfect=None, sides="one", per_clip=loudness, sound=True, **COMMON)
NOT_ONE = 3
"""
NAMES = ("BRIGHTNESS", "STEP", "NOSE", "COLOUR", "LOUDNESS")


@pytest.fixture
def plugins(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(PLUGINS)
    return file


@pytest.fixture
def pair(tmp_path):
    real = clips.moving(6, size=64)
    fake = [np.clip(frame.astype(int) + 9 * index, 0, 255).astype(np.uint8) for index, frame in enumerate(real)]
    clips.write(tmp_path / "real.mp4", real)
    clips.write(tmp_path / "fake.mp4", fake)
    return "--gt", tmp_path / "real.mp4", "--gen", f"m={tmp_path / 'fake.mp4'}"


def scored(pair, plugins, out, *more):
    mine = [argument for name in NAMES for argument in ("--metric", f"{plugins}:{name}")]
    return command.talkbench("score", *pair, *mine, "--no-cache", "-o", out, *more)


def test_all_kinds_are_measured_and_shown(tmp_path, pair, plugins):
    outcome = scored(pair, plugins, tmp_path / "run", "--json", "--metrics", "SSIM")
    assert outcome.code == 0, outcome.err
    truth, method = json.loads(outcome.out)["rows"]
    (row,) = pd.read_parquet(tmp_path / "run" / "clips.parquet").to_dict("records")
    assert list(row.keys() & {"SSIM", "brightness:gt", "colour:rate", "loudness:reason"})
    assert method["brightness"]["value"] > truth["brightness"]["value"] > 0  # the real one is measured, too
    assert truth["colour"]["value"] == 0
    assert method["colour"]["value"] == pytest.approx(row["brightness"] - row["brightness:gt"], rel=0.05)
    assert (row["step:frames"], row["brightness:frames"], row["nose:frames"]) == (5, 6, 6)
    assert 0 < row["nose"] < 3
    assert row["colour:rate"] == 25
    assert row["loudness:reason"] == "no sound"
    assert np.isnan(row["loudness"])
    assert row["loudness:frames"] == 0
    frames = pd.read_parquet(tmp_path / "run" / "frames.parquet")
    assert np.isnan(frames["step"][0])
    assert not frames["step"][1:].isna().any()


def test_the_code_of_a_plug_in_is_part_of_the_signature(tmp_path, pair, plugins):
    signatures = []
    for run in ("one", "two", "three"):
        assert scored(pair, plugins, tmp_path / run).code == 0
        signatures.append(json.loads((tmp_path / run / "run.json").read_text())["signature"])
        plugins.write_text(PLUGINS + ("# changed" if run == "two" else ""))
    assert signatures[0] == signatures[1] != signatures[2]


@pytest.mark.parametrize(
    ("origin", "word"),
    [
        ("{file}:NOT_ONE", "found a int"),
        ("{file}:NOTHING", "nothing of that name"),
        ("{file}", "expected FILE.py:NAME"),
        ("{folder}/none.py:A", "cannot be loaded"),
        ("{folder}/broken.py:A", "SyntaxError"),
    ],
)
def test_what_is_no_metric_is_refused_in_one_line(tmp_path, pair, plugins, origin, word):
    (tmp_path / "broken.py").write_text("def")
    origin = origin.format(file=plugins, folder=tmp_path)
    outcome = command.talkbench("score", *pair, "--metric", origin, "-o", tmp_path / "run")
    assert outcome.code == 2
    assert word in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_names_of_metrics_choose_what_is_shown(tmp_path, pair):
    run = tmp_path / "run"
    assert command.talkbench("score", *pair, "--metrics", "M-LVD,paper", "--no-cache", "-o", run).code == 0
    described = json.loads((run / "run.json").read_text())["metrics"]
    assert [one["name"] for one in described if one["shown"]] == ["F-LMD", "M-LMD", "SSIM", "PSNR", "M-LVD"]
    outcome = command.talkbench("score", *pair, "--metrics", "SIMM", "-o", tmp_path / "other")
    assert outcome.code == 2
    assert "Did you mean SSIM?" in outcome.err


def test_an_entry_point_brings_a_metric(tmp_path, monkeypatch, plugins):
    package = tmp_path / "site" / "brought-1.2.dist-info"
    package.mkdir(parents=True)
    (tmp_path / "site" / "brought.py").write_text(textwrap.dedent(PLUGINS))
    (package / "METADATA").write_text("Name: brought\nVersion: 1.2\n")
    (package / "entry_points.txt").write_text(
        "[talkbench.metrics]\nbrightness = brought:BRIGHTNESS\nbad = brought:NOT_ONE\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    from talkbench.bench import registry
    from talkbench.bench.errors import TalkbenchError

    registry._entries.cache_clear()
    try:
        assert registry.find("brightness").sides == "one"
        assert registry.provenance("brightness", None) == {"package": "brought 1.2"}
        assert registry.known()[-2:] == ["brightness", "bad"]
        with pytest.raises(TalkbenchError, match="metric bad: the package brought brings something else"):
            registry.find("bad")
    finally:
        registry._entries.cache_clear()
