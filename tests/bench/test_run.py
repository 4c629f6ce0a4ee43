"""Whole runs through the library: what is measured, resumed, refused, and that nothing but the input decides it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import clips
import cv2
import numpy as np
import pandas as pd
import psutil
import pytest

import talkbench
from talkbench.bench.errors import TalkbenchError
from talkbench.metrics.ssim import ssim

COUNT = 6
PAPER = ["F-LMD", "M-LMD", "SSIM", "PSNR"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three real clips, and a method that is noisy and shifted."""
    root = tmp_path_factory.mktemp("corpus")
    for number in range(3):
        real = clips.moving(COUNT, phase=number)
        clips.write(root / "real" / f"{number}.mp4", real)
        clips.write(root / "noisy" / f"{number}.mp4", clips.noisy(real, 12, seed=number))
        clips.write(root / "shifted" / f"{number}.mp4", [np.roll(frame, 4, axis=1) for frame in real])
    return root


def score(corpus: Path, out: Path | None = None, **options: object) -> talkbench.Results:
    gen = {"noisy": corpus / "noisy", "shifted": corpus / "shifted"}
    return talkbench.score(corpus / "real", gen, out=out, cache=options.pop("cache", False), **options)


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("clips.parquet", "frames.parquet", "failures.jsonl")}


# Numbers


def test_the_ground_truth_against_itself_is_perfect(corpus: Path) -> None:
    results = talkbench.score(corpus / "real", {"itself": corpus / "real"}, cache=False)
    assert results.failures == []
    for column, perfect in (("F-LMD", 0), ("M-LMD", 0), ("SSIM", 1), ("PSNR", np.inf)):
        assert (results.clips[column] == perfect).all(), column
        assert (results.clips[f"{column}:frames"] == COUNT).all()


def test_pixel_metrics_equal_a_naive_loop_over_the_decoded_frames(corpus: Path, tmp_path: Path) -> None:
    real, fake = clips.moving(4), clips.noisy(clips.moving(4), 9)
    clips.write_frames(tmp_path / "real", real)
    clips.write_frames(tmp_path / "fake", fake)
    (row,) = talkbench.score(tmp_path / "real", {"m": tmp_path / "fake"}, cache=False).clips.to_dict("records")
    squared = [(a.astype(float) - b) ** 2 for a, b in zip(real, fake, strict=True)]
    assert row["PSNR"] == pytest.approx(10 * np.log10(255**2 / np.mean(squared)), abs=1e-9)
    assert row["SSIM"] == pytest.approx(np.mean([ssim(a, b) for a, b in zip(real, fake, strict=True)]), abs=1e-12)


def test_centred_distances_do_not_see_a_shift_and_uncentred_ones_do(corpus: Path) -> None:
    shifted = score(corpus).clips.query("method == 'shifted'")
    assert (shifted["M-LMD-uncentred"] > 3.5).all()
    assert (shifted["M-LMD-uncentred"] < 4.5).all()
    assert (shifted["M-LMD"] < 0.6).all()


def test_a_clip_value_follows_from_its_frames(corpus: Path) -> None:
    results = score(corpus)
    rows = results.clips.set_index(["clip", "method"])
    for name, frames in results.frames.groupby(["clip", "method"]):
        row = rows.loc[name]
        assert row["SSIM"] == pytest.approx(frames["SSIM"].mean(), abs=1e-12)
        assert row["PSNR"] == pytest.approx(10 * np.log10(255**2 / frames["MSE"].mean()), abs=1e-9)
        gt, gen = (np.stack(frames[f"{side}_landmarks"]).reshape(-1, 68, 2).astype(float) for side in ("gt", "gen"))
        mouth = [points[:, 48:] - points[:, 48:].mean(axis=1, keepdims=True) for points in (gt, gen)]
        assert row["M-LMD"] == pytest.approx(np.linalg.norm(mouth[0] - mouth[1], axis=2).mean(), abs=1e-9)


# Same input, same bytes


def test_any_number_of_workers_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    score(corpus, tmp_path / "one", workers=1)
    score(corpus, tmp_path / "two", workers=2)
    assert tables(tmp_path / "one") == tables(tmp_path / "two")


def test_a_warm_cache_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    score(corpus, tmp_path / "cold", cache=tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.npz"))
    score(corpus, tmp_path / "warm", cache=tmp_path / "cache")
    score(corpus, tmp_path / "none", cache=False)
    assert tables(tmp_path / "cold") == tables(tmp_path / "warm") == tables(tmp_path / "none")


def test_a_damaged_cache_file_is_not_believed(corpus: Path, tmp_path: Path) -> None:
    score(corpus, tmp_path / "first", cache=tmp_path / "cache")
    for file in (tmp_path / "cache").rglob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    score(corpus, tmp_path / "second", cache=tmp_path / "cache")
    assert tables(tmp_path / "first") == tables(tmp_path / "second")


SCRIPT = """
import sys, talkbench
if __name__ == "__main__":
    root, out, workers = sys.argv[1:]
    talkbench.score(root + "/real", {m: f"{root}/{m}" for m in ("noisy", "shifted")}, out=out, cache=False,
                    workers=int(workers))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(corpus: Path, tmp_path: Path, workers: int) -> None:
    score(corpus, tmp_path / "whole")
    broken = tmp_path / "broken"
    command = [sys.executable, "-c", SCRIPT, str(corpus), str(broken), str(workers)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while len(list((broken / "parts").glob("*.parquet"))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    workers_of_it = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert psutil.wait_procs(workers_of_it, timeout=30)[1] == [], "workers outlive the run that started them"
    measured = len(list((broken / "parts").glob("*.parquet")))
    assert 2 <= measured < 6
    phases: list[tuple[str, int, int]] = []
    score(corpus, broken, progress=lambda *step: phases.append(step))
    assert next(step for step in phases if step[0] == "measure") == ("measure", measured, 6)
    assert tables(broken) == tables(tmp_path / "whole")
    assert {path.name for path in broken.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


# Going on, and refusing to


def test_a_finished_run_measures_nothing_again(corpus: Path, tmp_path: Path) -> None:
    score(corpus, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    phases: list[str] = []
    score(corpus, tmp_path / "run", progress=lambda phase, done, total: phases.append(phase))
    assert "measure" not in phases
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


def test_a_video_that_changed_is_measured_again_and_the_others_are_not(tmp_path: Path) -> None:
    for name in ("a", "b"):
        clips.write(tmp_path / "real" / f"{name}.mp4", clips.moving(4))
        clips.write(tmp_path / "gen" / f"{name}.mp4", clips.noisy(clips.moving(4), 5))
    run = tmp_path / "run"
    before = talkbench.score(tmp_path / "real", {"m": tmp_path / "gen"}, out=run, cache=False).clips
    clips.write(tmp_path / "gen" / "b.mp4", clips.noisy(clips.moving(4), 30))
    steps: list[tuple[str, int, int]] = []
    after = talkbench.score(
        tmp_path / "real", {"m": tmp_path / "gen"}, out=run, cache=False, progress=lambda *step: steps.append(step)
    ).clips
    assert [step for step in steps if step[0] == "measure"] == [("measure", 1, 2), ("measure", 2, 2)]
    pd.testing.assert_frame_equal(before.iloc[:1], after.iloc[:1])
    assert after["PSNR"].iloc[1] < before["PSNR"].iloc[1] - 3
    talkbench.score(tmp_path / "real", {"m": tmp_path / "gen"}, out=tmp_path / "fresh", cache=False)
    assert tables(run) == tables(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"align": "truncate"}, r"protocol\.time\.align is 'strict' there and 'truncate' here"),
        ({"crop": "gt-box"}, r"protocol\.frame\.crop is 'none' there and 'gt-box' here"),
        ({"allow_missing": True}, "allow_missing is False there and True here"),
    ],
)
def test_another_configuration_is_refused_by_name(
    corpus: Path, tmp_path: Path, options: dict[str, object], difference: str
) -> None:
    run = tmp_path / "run"
    score(corpus, run)
    before = tables(run)
    with pytest.raises(TalkbenchError, match=difference):
        score(corpus, run, **options)
    with pytest.raises(TalkbenchError, match=r"gen\.noisy is .*noisy' there and .*shifted' here"):
        talkbench.score(corpus / "real", {"noisy": corpus / "shifted", "shifted": corpus / "shifted"}, out=run)
    assert tables(run) == before


def test_a_folder_with_other_files_is_refused_and_untouched(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(TalkbenchError, match="is not empty and not a result folder"):
        score(corpus, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_two_runs_on_one_folder_at_once_are_refused(corpus: Path, tmp_path: Path) -> None:
    seen: list[str] = []

    def during(phase: str, done: int, total: int) -> None:
        if phase == "measure" and not seen:
            with pytest.raises(TalkbenchError, match="another run is writing here"):
                score(corpus, tmp_path / "run")
            seen.append(phase)

    score(corpus, tmp_path / "run", progress=during)
    assert seen


def test_an_unfinished_run_is_not_a_result(corpus: Path, tmp_path: Path) -> None:
    score(corpus, tmp_path / "run")
    file = tmp_path / "run" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finished": False}))
    with pytest.raises(TalkbenchError, match="not finished"):
        talkbench.Results.load(tmp_path / "run")
    score(corpus, tmp_path / "run")
    assert talkbench.Results.load(tmp_path / "run").run["finished"]


# Faces, lengths, failures


def test_frames_without_a_face_are_missing_with_a_reason_not_zero(tmp_path: Path) -> None:
    real = clips.moving(6)
    clips.write(tmp_path / "real.mp4", real)
    clips.write(tmp_path / "half.mp4", real[:3] + clips.faceless(3))
    results = talkbench.score(tmp_path / "real.mp4", {"m": tmp_path / "half.mp4"}, cache=False)
    (row,) = results.clips.to_dict("records")
    assert results.frames["gen_face"].tolist() == ["ok"] * 3 + ["no-face"] * 3
    assert results.frames["M-LMD"].isna().tolist() == [False] * 3 + [True] * 3
    assert (row["M-LMD:frames"], row["SSIM:frames"], row["n_frames"]) == (3, 6, 6)
    assert row["M-LMD"] < 0.5


def test_a_video_without_any_face_has_no_landmark_value(tmp_path: Path) -> None:
    clips.write(tmp_path / "real.mp4", clips.moving(3))
    clips.write(tmp_path / "gen.mp4", clips.faceless(3))
    (row,) = talkbench.score(tmp_path / "real.mp4", {"m": tmp_path / "gen.mp4"}, cache=False).clips.to_dict("records")
    assert np.isnan(row["M-LMD"])
    assert np.isfinite(row["PSNR"])


def test_of_two_faces_the_largest_is_measured_and_the_others_are_counted(tmp_path: Path) -> None:
    face = clips.portrait()[50:250, 50:210]
    large, small = (cv2.resize(face, (width, width * 5 // 4), interpolation=cv2.INTER_AREA) for width in (150, 105))
    one = np.full((256, 256, 3), 128, np.uint8)
    one[20:207, :150] = large
    two = one.copy()
    two[60:191, 151:] = small
    clips.write(tmp_path / "one.mp4", [one] * 3)
    clips.write(tmp_path / "two.mp4", [two] * 3)
    results = talkbench.score(tmp_path / "one.mp4", {"m": tmp_path / "two.mp4"}, cache=False)
    (row,) = results.clips.to_dict("records")
    assert (row["gt_several"], row["gen_several"], row["gen_faces"]) == (0, 3, 3)
    assert row["M-LMD"] < 0.7
    assert row["F-LMD-uncentred"] < 1
    cropped = talkbench.score(tmp_path / "two.mp4", {"m": tmp_path / "one.mp4"}, crop="gt-box", cache=False)
    (row,) = cropped.clips.to_dict("records")
    assert (row["gt_several"], row["gt_faces"]) == (3, 3)


def test_unequal_lengths_are_refused_with_both_counts_unless_accepted(tmp_path: Path) -> None:
    real = clips.moving(12)
    clips.write(tmp_path / "real.mp4", real)
    clips.write(tmp_path / "late.mp4", [real[0]] * 2 + real)
    sides = tmp_path / "real.mp4", {"m": tmp_path / "late.mp4"}
    with pytest.raises(TalkbenchError, match=r"late\.mp4: has 14 frames .* has 12 .*--align truncate"):
        talkbench.score(*sides, cache=False)
    rows = {
        align: talkbench.score(*sides, cache=False, align=align).clips.iloc[0]
        for align in ("truncate", "resample", "offset=2")
    }
    assert [rows[align]["compared"] for align in rows] == [12, 12, 12]
    assert rows["offset=2"]["PSNR"] > rows["truncate"]["PSNR"] + 5
    assert rows["offset=2"]["PSNR"] > rows["resample"]["PSNR"] + 3


def test_a_short_take_lowers_the_coverage(tmp_path: Path) -> None:
    real = clips.moving(8)
    clips.write(tmp_path / "real.mp4", real)
    clips.write(tmp_path / "gen.mp4", real[:6])
    (row,) = talkbench.score(
        tmp_path / "real.mp4", {"m": tmp_path / "gen.mp4"}, cache=False, align="truncate"
    ).clips.to_dict("records")
    assert (row["n_frames"], row["compared"], row["SSIM:frames"]) == (8, 6, 6)


def test_aspect_ratios_must_agree_unless_faces_are_aligned(tmp_path: Path) -> None:
    real = clips.moving(4)
    clips.write(tmp_path / "real.mp4", [np.hstack([frame[:, :40], frame, frame[:, -40:]]) for frame in real])
    clips.write(tmp_path / "gen.mp4", real)
    sides = tmp_path / "real.mp4", {"m": tmp_path / "gen.mp4"}
    with pytest.raises(TalkbenchError, match=r"gen\.mp4: is 256×256 where .* is 336×256: .*--crop aligned"):
        talkbench.score(*sides, cache=False)
    (row,) = talkbench.score(*sides, cache=False, crop="aligned").clips.to_dict("records")
    assert row["PSNR"] > 25
    assert row["M-LMD"] < 0.7


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corrupt_clip_costs_itself_alone(corpus: Path, tmp_path: Path, workers: int) -> None:
    gen = tmp_path / "gen"
    gen.mkdir()
    for number in (0, 2):
        (gen / f"{number}.mp4").symlink_to(corpus / "noisy" / f"{number}.mp4")
    (gen / "1.mp4").write_bytes((corpus / "noisy" / "1.mp4").read_bytes()[:2000])
    run = tmp_path / "run"
    results = talkbench.score(corpus / "real", {"m": gen}, out=run, cache=False, workers=workers)
    assert results.clips["clip"].tolist() == ["0", "2"]
    (failure,) = [json.loads(line) for line in (run / "failures.jsonl").read_text().splitlines()]
    assert (failure["clip"], failure["method"]) == ("1", "m")
    assert str(gen / "1.mp4") in failure["reason"]
    (gen / "1.mp4").unlink()
    (gen / "1.mp4").symlink_to(corpus / "noisy" / "1.mp4")
    mended = talkbench.score(corpus / "real", {"m": gen}, out=run, cache=False)
    assert mended.clips["clip"].tolist() == ["0", "1", "2"]
    assert mended.failures == []


def test_nothing_readable_is_bad_input_and_leaves_no_folder(tmp_path: Path) -> None:
    clips.write(tmp_path / "real.mp4", clips.moving(2))
    (tmp_path / "gen.mp4").write_bytes(b"")
    with pytest.raises(TalkbenchError, match=r"gen\.mp4: is empty"):
        talkbench.score(tmp_path / "real.mp4", {"m": tmp_path / "gen.mp4"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not clips.MEDIA.is_dir(), reason="no real clips on this machine")
def test_real_pairs_rank_as_their_makers_know(tmp_path: Path) -> None:
    folder = clips.MEDIA / "pairs" / "vox_id04570"
    rows = {
        name: talkbench.score(folder / f"{name}-real", {name: folder / f"{name}-gen"}, cache=False).clips.iloc[0]
        for name in ("rnth", "x2face")
    }
    for metric in PAPER:
        better = rows["rnth"][metric] - rows["x2face"][metric]
        assert (better < 0) if "LMD" in metric else (better > 0), metric
