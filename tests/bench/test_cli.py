"""The command, as a user meets it: what it prints where, its exit codes, and one line for every mistake."""

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import clips
import numpy as np
import pytest
from command import Outcome, talkbench

COUNT = 4


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    for name in ("a", "b"):
        real = clips.moving(COUNT, phase=ord(name))
        clips.write(root / "real" / f"{name}.mp4", real)
        clips.write(root / "ours" / f"{name}.mp4", clips.noisy(real, 4))
        clips.write(root / "theirs" / f"{name}.mp4", clips.noisy(real, 25))
    return root


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    outcome = score(corpus, folder)
    assert outcome.code == 0, outcome.err
    return folder


def score(corpus: Path, out: Path, *more: object) -> Outcome:
    both = ("--gen", f"Ours={corpus / 'ours'}", "--gen", f"Theirs={corpus / 'theirs'}")
    return talkbench("score", "--gt", corpus / "real", *both, "--no-cache", "--workers", 1, "-o", out, *more)


def refused(outcome: Outcome) -> str:
    """The one line that a mistake is told in."""
    assert outcome.code == 2
    lines = [line for line in outcome.err.splitlines() if line.startswith("talkbench: ")]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    return lines[0]


# What works


def test_score_prints_the_table_on_stdout_and_all_else_on_stderr(corpus: Path, tmp_path: Path) -> None:
    outcome = score(corpus, tmp_path / "run")
    assert outcome.code == 0
    assert "Ground Truth" in " ".join(outcome.out.split())
    assert "talkbench-1|fps:25" in outcome.out
    assert "Measuring pairs" in outcome.err
    assert "Measuring" not in outcome.out


def test_json_on_stdout_is_json_alone_and_equals_the_tables(corpus: Path, run: Path) -> None:
    again = score(corpus, run, "--json")
    data = json.loads(again.out)
    assert data == json.loads(talkbench("table", run, "--format", "json").out)
    assert [row["method"] for row in data["rows"]] == ["Ground Truth", "Ours", "Theirs"]
    truth, ours, theirs = data["rows"]
    assert [truth[name]["value"] for name in ("F-LMD", "M-LMD", "SSIM", "PSNR")] == [0, 0, 1, "inf"]
    assert set(ours["SSIM"]) >= {"value", "ci_low", "ci_high", "coverage", "n_clips"}
    assert ours["SSIM"]["value"] > theirs["SSIM"]["value"]
    assert ours["PSNR"]["value"] > theirs["PSNR"]["value"]
    assert (ours["SSIM"]["coverage"], ours["SSIM"]["n_clips"]) == (1, 2)
    assert data["protocol"] == "talkbench-1"


@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "html", "json"])
def test_every_format_carries_methods_and_signature(run: Path, form: str) -> None:
    outcome = talkbench("table", run, "--format", form)
    assert outcome.code == 0
    assert "Ours" in outcome.out
    assert "talkbench-1" in outcome.out
    if form == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(outcome.out))}) == 1


def test_two_runs_make_one_table(corpus: Path, run: Path, tmp_path: Path) -> None:
    third = tmp_path / "third"
    sides = ("--gt", corpus / "real", "--gen", f"Third={corpus / 'theirs'}")
    talkbench("score", *sides, "--no-cache", "--workers", 1, "-o", third)
    rows = json.loads(talkbench("table", run, third, "--format", "json").out)["rows"]
    assert [row["method"] for row in rows] == ["Ground Truth", "Ours", "Theirs", "Third"]
    assert {k: v for k, v in rows[2].items() if k != "method"} == {k: v for k, v in rows[3].items() if k != "method"}


def test_pair_computes_nothing_and_shows_everything(corpus: Path) -> None:
    outcome = talkbench("pair", "--gt", corpus / "real", "--gen", f"Ours={corpus / 'ours'}", "--json")
    data = json.loads(outcome.out)
    assert outcome.code == 0
    assert data["refused"] is None
    assert [(pair["clip"], pair["gt"]["frames"], pair["gen"]["fps"]) for pair in data["pairs"]] == [
        ("a", COUNT, 25.0),
        ("b", COUNT, 25.0),
    ]
    assert "2 of 2 clips paired" in talkbench("pair", "--gt", corpus / "real", "--gen", f"Ours={corpus / 'ours'}").out


def test_metrics_and_protocols_say_what_they_are() -> None:
    names = [metric["name"] for metric in json.loads(talkbench("metrics", "--json").out)]
    assert names[:4] == ["F-LMD", "M-LMD", "SSIM", "PSNR"]
    for name in names:
        assert name in talkbench("metrics").out
    assert "size = 256" in talkbench("protocols", "talkbench-1").out
    protocols = {protocol["name"]: protocol for protocol in json.loads(talkbench("protocols", "--json").out)}
    assert {"talkbench-1", "eat-2023", "atvg-2019", "vico-2022", "msef-2023"} <= protocols.keys()
    assert protocols["talkbench-1"]["signature"].startswith("talkbench-1|")


def test_doctor_passes_here_and_tells_a_bad_folder(corpus: Path, tmp_path: Path) -> None:
    assert talkbench("doctor").code == 0
    assert talkbench("doctor", corpus / "real").code == 0
    clips.write(tmp_path / "faceless.mp4", clips.faceless(3))
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    outcome = talkbench("doctor", tmp_path)
    assert outcome.code == 1
    bad = [line for line in outcome.out.splitlines() if line.startswith("BAD")]
    assert len(bad) == 2
    assert "broken.mp4" in bad[0]
    assert "a face in 0%" in bad[1]


def test_a_manifest_with_any_names_works(corpus: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "pairs.csv"
    real, ours = corpus / "real" / "a.mp4", corpus / "ours" / "a.mp4"
    manifest.write_text(f"clip,gt,Öurs | 1\nthe first,{real},{ours}\n", encoding="utf-8")
    outcome = talkbench("score", "--manifest", manifest, "--no-cache", "--workers", 1, "--json", "-o", tmp_path / "run")
    assert outcome.code == 0
    assert json.loads(outcome.out)["rows"][1]["method"] == "Öurs | 1"


def test_every_verb_has_help_with_an_example() -> None:
    assert "Examples" in talkbench("--help").out
    for verb in ("score", "pair", "table", "spread", "demo", "doctor", "metrics", "protocols", "systems"):
        outcome = talkbench(verb, "--help")
        assert outcome.code == 0
        assert f"talkbench {verb}" in outcome.out


def test_import_and_help_load_nothing_heavy() -> None:
    heavy = {"numba", "dlib", "cv2", "av", "pandas", "pyarrow", "matplotlib", "skimage", "scipy", "torch"}
    script = (
        "import sys, talkbench\nfrom talkbench.bench.cli import app\napp()\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    started = time.perf_counter()
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]", f"loaded on start: {output} ({time.perf_counter() - started:.2f} s)"


# What a user gets wrong


def test_a_gen_without_a_name_is_told_how(corpus: Path, tmp_path: Path) -> None:
    line = refused(talkbench("score", "--gt", corpus / "real", "--gen", corpus / "ours", "-o", tmp_path / "run"))
    assert "expected NAME=DIR" in line
    assert f"--gen Ours={corpus / 'ours'}" in line


def test_a_name_given_twice_is_refused(corpus: Path, tmp_path: Path) -> None:
    ours = f"Ours={corpus / 'ours'}"
    line = refused(talkbench("score", "--gt", corpus / "real", "--gen", ours, "--gen", ours, "-o", tmp_path / "run"))
    assert "already taken" in line


def test_an_unknown_protocol_gets_a_suggestion(corpus: Path, tmp_path: Path) -> None:
    line = refused(score(corpus, tmp_path / "run", "--protocol", "talkbench1"))
    assert "Did you mean talkbench-1?" in line


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--align", "linear"), "expected strict, truncate, resample, linspace or offset=K"),
        (("--crop", "face"), "expected none, gt-box or aligned"),
        (("--frame-fps", "fast"), "expected a rate such as"),
        (("--protocol", "nowhere.toml"), "cannot be read as TOML"),
    ],
)
def test_a_wrong_option_names_the_right_ones(
    corpus: Path, tmp_path: Path, options: tuple[str, str], expected: str
) -> None:
    assert expected in refused(score(corpus, tmp_path / "run", *options))
    assert not (tmp_path / "run").exists()


def test_empty_and_missing_folders_are_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, text in ((tmp_path / "empty", "holds no video"), (tmp_path / "gone", "does not exist")):
        line = refused(talkbench("score", "--gt", folder, "--gen", f"Ours={corpus / 'ours'}", "-o", tmp_path / "run"))
        assert str(folder) in line
        assert text in line


def test_missing_clips_are_refused_by_both_verbs_and_counted_where_accepted(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "gen").mkdir()
    (tmp_path / "gen" / "a.mp4").symlink_to(corpus / "ours" / "a.mp4")
    sides = ("--gt", corpus / "real", "--gen", f"Ours={tmp_path / 'gen'}")
    for outcome in (talkbench("pair", *sides), talkbench("score", *sides, "-o", tmp_path / "run")):
        assert "Ours lacks 1 of 2 clips: b" in refused(outcome)
    assert not (tmp_path / "run").exists()
    accepted = talkbench(
        "score", *sides, "--allow-missing", "--no-cache", "--workers", 1, "--json", "-o", tmp_path / "run"
    )
    assert accepted.code == 0
    cell = json.loads(accepted.out)["rows"][1]["SSIM"]
    assert (cell["n_clips"], cell["coverage"]) == (1, 0.5)
    assert "†" in talkbench("table", tmp_path / "run").out
    assert "1/2" in talkbench("table", tmp_path / "run").out


def test_pair_exits_with_2_wherever_score_refuses(tmp_path: Path) -> None:
    clips.write(tmp_path / "real.mp4", clips.moving(5))
    clips.write(tmp_path / "short.mp4", clips.moving(4))
    sides = ("--gt", tmp_path / "real.mp4", "--gen", f"Ours={tmp_path / 'short.mp4'}")
    pair = talkbench("pair", *sides)
    line = refused(pair)
    assert "has 4 frames at 25 fps" in line
    assert "has 5" in line
    assert "1 frame shorter than the real clip" in pair.out
    assert refused(talkbench("score", *sides, "-o", tmp_path / "run")).split(": ", 1)[1] in line
    assert talkbench("pair", *sides, "--align", "truncate").code == 0


def test_a_corrupt_clip_is_reported_counted_and_exits_with_1(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "gen").mkdir()
    (tmp_path / "gen" / "a.mp4").symlink_to(corpus / "ours" / "a.mp4")
    (tmp_path / "gen" / "b.mp4").write_bytes(b"")
    outcome = talkbench(
        *("score", "--gt", corpus / "real", "--gen", f"Ours={tmp_path / 'gen'}"),
        *("--no-cache", "--workers", 1, "-o", tmp_path / "run"),
    )
    assert outcome.code == 1
    assert "failed: Ours, clip b:" in outcome.err
    assert "is empty (0 bytes)" in outcome.err
    assert "1/2" in outcome.out
    assert "1/2" in talkbench("table", tmp_path / "run").out


def test_a_folder_of_another_run_is_refused_with_the_difference(corpus: Path, run: Path) -> None:
    line = refused(score(corpus, run, "--align", "truncate"))
    assert "holds another run: protocol.time.align is 'strict' there and 'truncate' here" in line


def test_table_of_what_is_no_run_is_refused(corpus: Path) -> None:
    assert "is not a result folder" in refused(talkbench("table", corpus / "real"))


def test_differing_colour_tags_are_warned_of(tmp_path: Path) -> None:
    clips.write(tmp_path / "real.mp4", clips.moving(3), colour=(1, 1))
    clips.write(tmp_path / "gen.mp4", clips.moving(3))
    outcome = talkbench(
        *("score", "--gt", tmp_path / "real.mp4", "--gen", f"Ours={tmp_path / 'gen.mp4'}"),
        *("--no-cache", "--workers", 1, "-o", tmp_path / "run"),
    )
    assert "warning: Ours: colour tags differ (bt709.tv real, bt601.tv (untagged) generated)" in outcome.err


def test_a_method_without_faces_gets_a_dash(tmp_path: Path) -> None:
    clips.write(tmp_path / "real.mp4", clips.moving(3))
    clips.write(tmp_path / "gen.mp4", clips.faceless(3))
    outcome = talkbench(
        *("score", "--gt", tmp_path / "real.mp4", "--gen", f"Audio2Head={tmp_path / 'gen.mp4'}"),
        *("--no-cache", "--workers", 1, "--json", "-o", tmp_path / "run"),
    )
    row = json.loads(outcome.out)["rows"][1]
    assert row["M-LMD"]["value"] is None
    assert np.isfinite(row["PSNR"]["value"])
    line = next(line for line in talkbench("table", tmp_path / "run").out.splitlines() if "Audio2Head" in line)
    assert line.count("–") == 2
