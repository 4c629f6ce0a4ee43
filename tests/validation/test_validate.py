"""`talkbench validate` from the command line to the report, on one short clip of the demo."""

import csv
import json
import time

import clips
import command
import pandas as pd
import pytest

LOUDNESS = """
from talkbench.metrics.contract import ClipValue, Metric


def loudness(one):
    if one.sound is None:
        return ClipValue.missing("no sound")
    return ClipValue(float(abs(one.sound).max()), len(one.landmarks))


METRIC = Metric("loudness", "facts", perfect=None, sides="one", per_clip=loudness, sound=True, better="lower", unit="",
                decimals=3, version="1", definition="d", source="s")
"""


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    out = tmp_path_factory.mktemp("validate") / "out"
    arguments = ("validate", "--metrics", "paper", "--clips", 1, "--frames", 12, "--workers", 1, "-o", out)
    return arguments, out, command.talkbench(*arguments)


def test_the_report_says_what_each_metric_sees(validated):
    _, out, outcome = validated
    assert outcome.code == 0, outcome.err
    data = json.loads((out / "validation.json").read_text())
    assert list(data["metrics"]) == ["F-LMD", "M-LMD", "SSIM", "PSNR"]
    verdicts = {
        name: {kind: one["verdict"] for kind, one in metric["responses"].items()}
        for name, metric in data["metrics"].items()
    }
    # what the definitions say: pixels do not hear of noise on landmarks, centred landmarks do not hear of a shift
    for name in ("SSIM", "PSNR"):
        assert verdicts[name]["landmark-noise"] == "blind"
        assert verdicts[name]["blur"] == verdicts[name]["re-encode"] == verdicts[name]["shift"] == "sees"
    for name in ("F-LMD", "M-LMD"):
        assert verdicts[name]["landmark-noise"] == "sees"
        assert verdicts[name]["delay"] != "blind"
        assert verdicts[name]["shift"] == "blind"
    assert data["metrics"]["M-LMD"]["responses"]["landmark-noise"]["spearman"] == pytest.approx(1)
    assert data["left_out"] == {}
    assert (data["clips"], data["frames"]) == (1, 12)


def test_every_form_of_the_report_bears_the_signature(validated):
    _, out, outcome = validated
    signature = json.loads((out / "run" / "run.json").read_text())["signature"]
    for text in (outcome.out, (out / "validation.md").read_text(), (out / "validation.json").read_text()):
        assert signature in text
    rows = list(csv.DictReader((out / "validation.csv").open()))
    assert len(rows) == 4 * 8 * 4
    assert {row["signature"] for row in rows} == {signature}
    assert signature.encode() in (out / "validation.png").read_bytes()
    assert (out / "validation.pdf").read_bytes().startswith(b"%PDF")
    assert "SSIM does not see landmark-noise" in outcome.out


def test_noise_on_landmarks_leaves_the_pixels_and_has_the_size_it_says(validated):
    _, out, _ = validated
    measured = pd.read_parquet(out / "run" / "clips.parquet").set_index("method")
    assert measured.loc["landmark-noise-4", "SSIM"] > 0.999
    noise = measured.loc[["landmark-noise-1", "landmark-noise-4"], "F-LMD-uncentred"]
    assert noise.iloc[0] == pytest.approx((3.14159 / 2) ** 0.5, rel=0.05)  # the mean of a Rayleigh distribution, σ = 1
    assert noise.iloc[1] == pytest.approx(4 * noise.iloc[0], rel=1e-3)


def test_the_same_command_measures_nothing_again(validated):
    arguments, out, outcome = validated
    before = {file: file.stat().st_mtime_ns for file in (out / "takes").rglob("*.mp4")}
    report = (out / "validation.json").read_bytes()
    time.sleep(0.01)
    again = command.talkbench(*arguments)
    assert again.code == 0
    assert again.out == outcome.out
    assert {file: file.stat().st_mtime_ns for file in (out / "takes").rglob("*.mp4")} == before
    assert (out / "validation.json").read_bytes() == report


def test_other_takes_in_the_same_folder_are_refused(validated):
    arguments, out, _ = validated
    outcome = command.talkbench(*arguments, "--frames", 13)
    assert outcome.code == 2
    assert "holds takes of other clips" in outcome.err
    (out / "not-one").mkdir()
    (out / "not-one" / "file").touch()
    outcome = command.talkbench("validate", "-o", out / "not-one")
    assert (outcome.code, len(outcome.err.strip().splitlines())) == (2, 1)
    assert "holds no validation" in outcome.err


def test_real_clips_and_a_metric_in_a_file(tmp_path):
    """What cannot be made of real clips, and what cannot be measured on them, is said, and nothing is made up."""
    (tmp_path / "mine.py").write_text(LOUDNESS)
    clips.write(tmp_path / "real" / "a.mp4", clips.moving(9, size=128))
    arguments = ("--metrics", "SSIM,loudness", "--metric", tmp_path / "mine.py:METRIC", "--frames", 8, "--json")
    outcome = command.talkbench(
        "validate", "--gt", tmp_path / "real", *arguments, "--workers", 1, "-o", tmp_path / "out"
    )
    assert outcome.code == 0, outcome.err
    data = json.loads(outcome.out)
    assert set(data["left_out"]) == {"emotion", "identity"}
    loudness = data["metrics"]["loudness"]["responses"]["blur"]
    assert (loudness["verdict"], loudness["reason"], loudness["spearman"]) == ("not measured", "no sound", None)
    assert data["metrics"]["loudness"]["floor"] is None
    assert data["metrics"]["SSIM"]["responses"]["mouth-amplitude"]["clips"] == 1
    text = (tmp_path / "out" / "validation.md").read_text()
    assert "loudness is not measured (no sound)." in text
    assert "Left out: emotion" in text


def test_a_folder_without_clips_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = command.talkbench("validate", "--gt", tmp_path / "empty", "-o", tmp_path / "out")
    assert outcome.code == 2
    assert not (tmp_path / "out").exists()
