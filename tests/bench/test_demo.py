"""The demo, as the README promises it."""

import json
from pathlib import Path

import cv2
import pytest
from command import talkbench


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "out"
    outcome = talkbench("demo", "-o", folder)
    assert outcome.code == 0, outcome.err
    return folder, outcome.out


def test_it_ends_in_the_table_the_files_and_what_to_run_next(demo: tuple[Path, str]) -> None:
    folder, out = demo
    for text in ("Ground Truth", "frozen-mouth", "Signature: talkbench-1|", "talkbench score --gt REAL"):
        assert text in out
    for name in ("real", "methods", "run", "table1.md", "landmarks.png", "frames.png"):
        assert str(folder / name) in out or name == "run"
        assert (folder / name).exists()
    for name in ("landmarks.png", "frames.png"):
        assert cv2.imread(str(folder / name)).shape[1] == 2070  # 6.9 inches at 300 dpi


def test_each_failure_shows_in_the_metric_that_should_see_it(demo: tuple[Path, str]) -> None:
    rows = json.loads(talkbench("table", demo[0] / "run", "--format", "json").out)["rows"]
    value = {row["method"]: {name: row[name]["value"] for name in ("F-LMD", "M-LMD", "SSIM", "PSNR")} for row in rows}
    assert all(row["SSIM"]["coverage"] == 1 for row in rows)
    assert all(row["M-LMD"]["coverage"] > 0.98 for row in rows)
    methods = [row["method"] for row in rows[1:]]
    assert max(methods, key=lambda name: value[name]["M-LMD"]) == "frozen-mouth"
    assert max(methods, key=lambda name: value[name]["SSIM"]) == "frozen-mouth"
    assert value["late-3-frames"]["M-LMD"] > 1.5 * value["blurred"]["M-LMD"]
    assert value["neutralised"]["F-LMD"] > 1.5 * value["blurred"]["F-LMD"]


def test_a_second_time_nothing_is_made_or_measured_again(demo: tuple[Path, str]) -> None:
    again = talkbench("demo", "-o", demo[0])
    assert again.code == 0
    assert again.out == demo[1]
    assert "Making videos" not in again.err
    assert "Measuring" not in again.err


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    outcome = talkbench("demo", "-o", tmp_path)
    assert outcome.code == 2
    assert "is not empty and holds no demo" in outcome.err
