"""What systems write, read as it is: panels, series, rates, lead-ins, and landmarks that a method predicted itself."""

import json
from pathlib import Path

import clips
import cv2
import numpy as np
import pandas as pd
import pytest
from command import talkbench as command

import talkbench

COUNT = 8


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    clips.write_frames(folder / "clip", clips.moving(COUNT))
    return folder


def score(real: Path, gen: Path, **options: object) -> dict:
    results = talkbench.score(real, {"m": gen}, cache=False, **options)
    assert results.failures == []
    (row,) = results.clips.to_dict("records")
    return row


def plain(real: Path, folder: Path, frames: list[np.ndarray], **options: object) -> dict:
    clips.write_frames(folder / "clip", frames)
    return score(real, folder, **options)


def test_of_three_panels_the_middle_is_the_take(real: Path, tmp_path: Path) -> None:
    """MakeItTalk: 768×256 at 62.5 fps; every fifth half-frame of it is one of ours at 25."""
    fake = clips.noisy(clips.moving(COUNT), 10)
    source = clips.portrait()
    wide = [
        np.hstack([source, fake[min(int(t / 2.5 + 0.5), COUNT - 1)], 255 - source]) for t in range(int(COUNT * 2.5))
    ]
    exact = {"codec": "libx264", "pix_fmt": "yuv444p", "options": {"qp": "0", "threads": "1"}}
    clips.write(tmp_path / "gen" / "x_pred_fls_clip_audio_embed.mp4", wide, fps=clips.Fraction(125, 2), **exact)
    row = score(real, tmp_path / "gen")
    expected = plain(real, tmp_path / "plain", fake)
    assert row["compared"] == COUNT
    assert row["PSNR"] == pytest.approx(expected["PSNR"], abs=0.3)
    assert row["M-LMD"] == pytest.approx(expected["M-LMD"], abs=0.1)


def test_a_frame_without_the_panels_is_refused_with_the_way_out(real: Path, tmp_path: Path) -> None:
    clips.write(tmp_path / "x_pred_fls_clip_audio_embed.mp4", clips.moving(COUNT))
    outcome = command("score", "--gt", real, "--gen", f"m={tmp_path}", "-o", tmp_path / "run")
    assert outcome.code == 2
    assert "is 256×256, but the part that counts reaches to 512×256" in outcome.err
    assert "--adapter NAME=folder" in outcome.err


def test_one_series_of_several_is_read_and_a_late_start_is_no_mismatch(real: Path, tmp_path: Path) -> None:
    """vid2vid: fake_B_000002 renders the clip's frame 0, and real_A_ lies beside it."""
    fake = clips.noisy(clips.moving(COUNT), 10)
    expected = plain(real, tmp_path / "plain", fake)
    for first, folder in ((2, tmp_path / "whole" / "clip"), (5, tmp_path / "late" / "clip")):
        folder.mkdir(parents=True)
        for number in range(first, COUNT + 2):
            cv2.imwrite(str(folder / f"fake_B_{number:06}.png"), fake[number - 2][..., ::-1])
            cv2.imwrite(str(folder / f"real_A_{number:06}.png"), fake[number - 2] // 2)
    assert score(real, tmp_path / "whole")["PSNR"] == expected["PSNR"]
    late = score(real, tmp_path / "late")
    assert (late["compared"], late["n_frames"]) == (COUNT - 3, COUNT)
    assert late["PSNR"] == pytest.approx(expected["PSNR"], abs=0.2)


def test_a_video_of_the_wrong_rate_is_read_at_the_systems_own(real: Path, tmp_path: Path) -> None:
    """EAMM makes 25 frames per second of sound and writes them at 30."""
    clips.write(tmp_path / "gen" / "clip" / "emotion.mp4", clips.moving(COUNT), fps=30)
    row = score(real, tmp_path / "gen")
    assert row["compared"] == COUNT
    assert row["PSNR"] > 30


# Predicted landmarks


def found(real: Path) -> np.ndarray:
    """The landmarks that the engine finds in the real clip, (T, 68, 2)."""
    frames = talkbench.score(real, {"m": real}, cache=False).frames
    return np.stack(frames["gt_landmarks"]).reshape(-1, 68, 2)


def test_predicted_and_redetected_landmarks_are_two_columns(real: Path, tmp_path: Path) -> None:
    clips.write_frames(tmp_path / "clip", clips.moving(COUNT))
    points = found(real)
    points[:, 48:] += np.array([[0.0, 3.0]])
    points[:, 57] += np.array([0.0, 20.0])
    np.save(tmp_path / "clip.landmarks.npy", points)
    row = score(real, tmp_path)
    assert row["M-LMD"] == 0
    # the lip falls 20 px, the mouth's centroid 1 px: 19 px once and 1 px 19 times, over 20 points
    assert row["M-LMD-pred"] == pytest.approx(1.9, abs=1e-4)
    assert row["M-LMD-pred:frames"] == COUNT


def test_predicted_px_are_those_of_the_takes_own_frames(real: Path, tmp_path: Path) -> None:
    """A take of 512 px predicts in 512 px; the square that is measured has 256."""
    clips.write_frames(tmp_path / "clip", [cv2.resize(frame, (512, 512)) for frame in clips.moving(COUNT)])
    np.save(tmp_path / "clip.landmarks.npy", (found(real) + 0.5) * 2 - 0.5)
    assert score(real, tmp_path)["F-LMD-pred"] == pytest.approx(0, abs=1e-4)
    assert score(real, tmp_path)["F-LMD-uncentred-pred"] == pytest.approx(0, abs=1e-4)


def test_a_space_of_its_own_is_placed_by_one_similarity(real: Path, tmp_path: Path) -> None:
    """EVP's array alone: 106 points in 0 to 1, turned, moved and scaled, and no frame."""
    from talkbench.baselines.landmarks import FROM_106

    turn = np.array([[0.9, 0.1], [-0.1, 0.9]]) / 300
    hundred_and_six = np.zeros((COUNT, 106, 2))
    hundred_and_six[:, list(FROM_106)] = found(real) @ turn + [0.1, 0.2]
    (tmp_path / "real").mkdir()
    clips.write_frames(tmp_path / "real" / "M030_angry_level_3_001", clips.moving(COUNT))
    (tmp_path / "gen").mkdir()
    np.save(tmp_path / "gen" / "M030_angry_001.npy", hundred_and_six)
    row = score(tmp_path / "real", tmp_path / "gen", adapters={"m": "evp"})
    assert row["F-LMD-pred"] == pytest.approx(0, abs=0.01)  # a median per coordinate does not turn with the points
    assert np.isnan(row["F-LMD"])
    assert np.isnan(row["PSNR"])
    assert pd.isna(row["gen_video"])


def test_a_table_shows_predicted_landmarks_under_their_own_name(real: Path, tmp_path: Path) -> None:
    clips.write_frames(tmp_path / "gen" / "clip", clips.moving(COUNT))
    np.save(tmp_path / "gen" / "clip.landmarks.npy", found(real) + 1)
    clips.write_frames(tmp_path / "plain" / "clip", clips.moving(COUNT))
    sides = ("--gt", real, "--gen", f"m={tmp_path / 'gen'}", "--gen", f"n={tmp_path / 'plain'}")
    outcome = command("score", *sides, "--workers", 1, "--no-cache", "--json", "-o", tmp_path / "run")
    _, with_points, without = json.loads(outcome.out)["rows"]
    assert with_points["F-LMD-pred"]["value"] == pytest.approx(0, abs=1e-4)
    assert without["F-LMD-pred"]["value"] is None


def test_landmarks_of_the_wrong_shape_cost_their_pair_alone(real: Path, tmp_path: Path) -> None:
    clips.write_frames(tmp_path / "clip", clips.moving(COUNT))
    np.save(tmp_path / "clip.landmarks.npy", np.zeros((COUNT, 5, 2)))
    (failure,) = talkbench.score(real, {"m": tmp_path}, cache=False).failures
    assert "clip.landmarks.npy: is not dlib-68" in failure["reason"]


# Head motion


def test_a_method_with_its_own_head_motion_is_warned_of_and_gets_a_dash_where_the_protocol_says_so(
    real: Path, tmp_path: Path
) -> None:
    clips.write(tmp_path / "gen" / "face_clip.mp4", clips.moving(COUNT))
    sides = ("--gt", real, "--gen", f"Audio2Head={tmp_path / 'gen'}", "--adapter", "Audio2Head=audio2head")
    rows = {}
    for protocol in ("talkbench-1", "msef-2023"):
        outcome = command(
            *("score", *sides, "--protocol", protocol, "--workers", 1, "--no-cache", "--json"),
            *("-o", tmp_path / protocol),
        )
        assert outcome.code == 0, outcome.err
        assert "makes up its own head motion" in outcome.err
        rows[protocol] = json.loads(outcome.out)["rows"][1]
    assert rows["talkbench-1"]["M-LMD"]["value"] is not None
    assert rows["msef-2023"]["M-LMD"]["value"] is None
    assert rows["msef-2023"]["PSNR"]["value"] is not None


# Every protocol, and both together


@pytest.mark.parametrize("protocol", list(talkbench.PROTOCOLS))
def test_the_ground_truth_is_perfect_under_every_protocol(real: Path, tmp_path: Path, protocol: str) -> None:
    outcome = command(
        *("score", "--gt", real, "--gen", f"itself={real}", "--protocol", protocol, "--workers", 1, "--no-cache"),
        *("--json", "-o", tmp_path / "run"),
    )
    truth, itself = json.loads(outcome.out)["rows"]
    names = set(itself) - {"method"}
    assert "M-LMD" in names
    assert {name: itself[name]["value"] for name in names} == {name: truth[name]["value"] for name in names}


def test_spread_puts_every_protocol_in_one_table_and_refuses_nothing_silently(real: Path, tmp_path: Path) -> None:
    clips.write_frames(tmp_path / "gen" / "clip", clips.noisy(clips.moving(COUNT), 15))
    run = tmp_path / "run"
    command("score", "--gt", real, "--gen", f"Ours={tmp_path / 'gen'}", "--workers", 1, "--no-cache", "-o", run)
    outcome = command("spread", run, "--workers", 1, "--json")
    tables = json.loads(outcome.out)
    assert tables.keys() == set(talkbench.PROTOCOLS)
    values = {
        name: {row["method"]: row for row in table["rows"]}["Ours"]["PSNR"]["value"] for name, table in tables.items()
    }
    assert values["atvg-2019"] > values["atvg-2019-paper"] + 1.5  # bytes that wrap
    assert len({table["signature"] for table in tables.values()}) == len(tables)
    text = command("spread", run, "--workers", 1).out
    assert all(f"| {name} | Ours |" in text for name in tables)


def test_runs_of_different_signatures_share_no_table_unless_asked_for(real: Path, tmp_path: Path) -> None:
    runs = []
    for protocol in ("radnerf-2022", "bangs-2025"):
        runs.append(tmp_path / protocol)
        sides = ("--gt", real, "--gen", f"{protocol}={real}")
        command("score", *sides, "--protocol", protocol, "--workers", 1, "--no-cache", "-o", runs[-1])
    outcome = command("table", *runs)
    assert outcome.code == 2
    assert "expected radnerf-2022, got bangs-2025" in outcome.err
    mixed = command("table", *runs, "--mixed")
    assert mixed.code == 0
    assert mixed.out.count("Ground Truth") == 2
    assert "not comparable" in mixed.err
