"""Metrics that need weights, and values of whole sets, through the command line to the table and the figure."""

import json
import shutil

import clips
import command
import networks
import numpy as np
import pandas as pd
import pytest

from talkbench.metrics.frechet import frechet_distance

COUNT = 40


def tinted(frames, channel):
    """Frames of the portrait under a lamp of one colour."""
    gains = np.full(3, 0.3)
    gains[channel] = 1
    return [(frame * gains).astype(np.uint8) for frame in frames]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two clips with MEAD's names: the real ones angry in red and happy in green, a method that makes both red."""
    root = tmp_path_factory.mktemp("folders")
    for emotion, channel in (("angry", 0), ("happy", 1)):
        frames = clips.moving(COUNT, size=128)
        name = f"M003/video/front/{emotion}/level_3/001.mp4"
        clips.write(root / "real" / name, tinted(frames, channel))
        clips.write(root / "red" / name, clips.noisy(tinted(frames, 0), 6))
    return root


def score(folders, out, *more):
    pair = ("--gt", folders / "real", "--gen", f"red={folders / 'red'}")
    return command.talkbench("score", *pair, "-o", out, "--workers", "1", "--cache", folders / "cache", *more)


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    pytest.importorskip("torch")
    out = tmp_path_factory.mktemp("run")
    weights = networks.classifier(out), networks.i3d_file(out / "i3d.pt")
    more = "--weights", f"emotion={weights[0]}", "--weights", f"i3d={weights[1]}"
    again = ("--metrics", "SSIM,emotion-accuracy,FVD", *more)
    outcome = score(folders, out / "run", *again)
    assert outcome.code == 0, outcome.err
    return out / "run", again


def test_emotions_are_classified_on_both_sides(run):
    outcome = command.talkbench("table", run[0], "--format", "json")
    truth, method = json.loads(outcome.out)["rows"]
    assert truth["emotion-accuracy"]["value"] == 100
    assert method["emotion-accuracy"]["value"] == 50
    low, high = method["emotion-accuracy"]["ci_low"], method["emotion-accuracy"]["ci_high"]
    assert 0 <= low < high <= 100
    by = json.loads(command.talkbench("table", run[0], "--by", "emotion", "--format", "json").out)["rows"]
    assert [row["emotion-accuracy"]["value"] for row in by] == [100, 0]
    assert "FVD" not in by[0]


def test_a_set_s_value_is_that_of_all_its_clips_together(run):
    folder = run[0]
    described = json.loads((folder / "run.json").read_text())
    assert [metric["name"] for metric in described["metrics"] if metric["shown"]] == ["SSIM", "emotion-accuracy"]
    (one,) = described["sets"]
    kept = [np.load(file) for file in sorted((folder / "embeddings").iterdir())]
    assert [part["FVD:0"].shape for part in kept] == 2 * [(COUNT // 16, 400)]
    expected = frechet_distance([(part["FVD:0"], part["FVD:1"]) for part in kept])
    assert one["methods"]["red"] == {"value": pytest.approx(expected.value), "n": 4, "reason": None}
    shown = json.loads(command.talkbench("table", folder, "--format", "json").out)
    assert shown["rows"][1]["FVD"]["value"] == one["methods"]["red"]["value"]
    assert shown["rows"][1]["FVD"]["ci_low"] is None
    assert shown["rows"][0]["FVD"]["value"] == 0
    assert any("FVD: of all clips together" in note and "red: 4" in note for note in shown["notes"])
    for kind in ("markdown", "latex", "csv", "html"):
        assert "FVD" in command.talkbench("table", folder, "--format", kind).out


def test_the_page_shows_them_too(run, tmp_path):
    outcome = command.talkbench("report", run[0], "-o", tmp_path / "page", "--no-videos")
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "page" / "index.html").read_text()
    assert "<th>FVD ↓" in page.replace(' scope="col"', "")
    assert "FVD: of all clips together" in page


def test_a_set_s_value_alone(folders, run, tmp_path):
    weights = run[1][-1]
    outcome = score(folders, tmp_path / "run", "--metrics", "FVD", "--weights", weights, "--json")
    assert outcome.code == 0, outcome.err
    described = json.loads((run[0] / "run.json").read_text())["sets"][0]["methods"]["red"]["value"]
    assert json.loads(outcome.out)["rows"][1]["FVD"]["value"] == described


def test_a_lost_part_is_measured_again_and_the_folder_is_the_same(folders, run, tmp_path):
    folder, again = run
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    before = {file.name: file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    next((copy / "embeddings").iterdir()).unlink()
    assert score(folders, copy, *again).code == 0
    assert {file.name: file.read_bytes() for file in copy.rglob("*") if file.is_file()} == before


def test_the_figure_of_what_is_taken_for_what(run, tmp_path):
    outcome = command.talkbench("plot", "confusion", run[0], "-o", tmp_path / "confusion.png")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "confusion.png").read_bytes()[:4] == b"\x89PNG"
    from talkbench.reports.figures.confusion import confusion

    rows = pd.read_parquet(run[0] / "clips.parquet")
    assert confusion(rows, "emotion-accuracy", ["angry", "happy"]).tolist() == [[1, 0], [1, 0]]
    assert confusion(rows, "emotion-accuracy:gt", ["angry", "happy"]).tolist() == [[1, 0], [0, 1]]


def test_a_run_without_emotions_has_no_such_figure(folders, tmp_path):
    assert score(folders, tmp_path / "run", "--metrics", "SSIM").code == 0
    outcome = command.talkbench("plot", "confusion", tmp_path / "run", "-o", tmp_path / "c.png")
    assert outcome.code == 2
    assert "--metrics emotion-accuracy --weights emotion=MODEL.onnx" in outcome.err


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("LPIPS", "alexnet"),
        ("DISTS", "vgg16"),
        ("FID", "inception"),
        ("FVD", "i3d"),
        ("LSE-C", "syncnet"),
        ("AV-offset", "syncnet"),
        ("CSIM-ArcFace", "arcface"),
        ("emotion-accuracy", "emotion"),
    ],
)
def test_without_weights_or_with_others_there_is_one_line(folders, tmp_path, name, kind):
    outcome = score(folders, tmp_path / "run", "--metrics", name)
    assert outcome.code == 2
    assert f"metric {name}: needs a file of weights. Pass --weights {kind}=PATH, or leave it out." in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    other = tmp_path / "other"
    other.write_bytes(b"nothing of the kind")
    outcome = score(folders, tmp_path / "run", "--metrics", name, "--weights", f"{kind}={other}")
    assert outcome.code == 2
    assert f"--weights {kind}={other}: " in outcome.err
    assert name in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "kind", "library"),
    [("LPIPS", "alexnet", "lpips"), ("FVD", "i3d", "torch"), ("CSIM-ArcFace", "arcface", "onnxruntime")],
)
def test_without_its_library_there_is_one_line(folders, tmp_path, monkeypatch, name, kind, library):
    from talkbench.bench import registry

    def absent(distribution):
        if distribution == library:
            raise registry.PackageNotFoundError(distribution)
        return "1"

    monkeypatch.setattr(registry, "version", absent)
    file = tmp_path / "weights"
    file.touch()
    outcome = score(folders, tmp_path / "run", "--metrics", name, "--weights", f"{kind}={file}")
    assert outcome.code == 2
    assert f"metric {name}: needs {library}, which is not installed. Run: pip install {library}" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_the_description_of_a_classifier_is_part_of_the_signature(tmp_path):
    from talkbench.bench.protocol import PROTOCOLS
    from talkbench.bench.signature import ingredients

    found = []
    for labels in (("angry", "happy", "sad"), ("happy", "angry", "sad")):
        weights = networks.classifier(tmp_path, labels)
        chosen = PROTOCOLS["talkbench-1"].with_options(metrics=["emotion-accuracy"], weights={"emotion": weights})
        found.append(ingredients(chosen)["metrics"]["emotion-accuracy"]["frame"]["weights"])
    assert found[0] != found[1]


def test_lip_sync_is_measured_on_the_ground_truth_too(tmp_path):
    torch = pytest.importorskip("torch")
    from talkbench.metrics.syncnet import syncnet_modules

    torch.manual_seed(0)
    torch.save(syncnet_modules().state_dict(), tmp_path / "syncnet.model")
    clips.write(tmp_path / "real.mp4", clips.moving(14, size=96))
    outcome = command.talkbench(
        *("score", "--gt", tmp_path / "real.mp4", "--gen", f"m={tmp_path / 'real.mp4'}", "-o", tmp_path / "run"),
        *("--metrics", "LSE-C,LSE-D,AV-offset", "--weights", f"syncnet={tmp_path / 'syncnet.model'}", "--no-cache"),
    )
    assert outcome.code == 0, outcome.err
    (row,) = pd.read_parquet(tmp_path / "run" / "clips.parquet").to_dict("records")
    assert row["LSE-C:reason"] == row["LSE-C:gt:reason"] == "no sound"
