"""Frames as they were measured: the metrics of what is drawn are those of the run, frame for frame."""

from pathlib import Path

import numpy as np
import pytest
from clips import faceless, moving, noisy, write, write_frames

from talkbench.bench.drawing import load_clip, moments, pictures, sides
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.bench.run import score
from talkbench.metrics.psnr import mse

COUNT = 8


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    write(folder / "real" / "a.mp4", moving(COUNT, size=160))
    write(folder / "real" / "b.mp4", moving(COUNT, size=160, phase=1.0))
    write(folder / "gen" / "a.mp4", noisy(moving(COUNT + 2, size=160, phase=0.3), 8))
    write_frames(folder / "frames" / "a", moving(COUNT, size=128, phase=0.1))
    return folder


def scored(media: Path, out: Path, **arguments) -> Results:
    score(
        media / "real", {"gen": media / "gen", "frames": media / "frames"},
        out=out, cache=out / "cache", allow_missing=True, **arguments,
    )  # fmt: skip
    return load_clip(out, "a")


@pytest.mark.parametrize(
    "arguments",
    [
        {"align": "truncate"},
        {"align": "offset=2"},
        {"align": "offset=-3"},
        {"align": "resample"},
        {"align": "truncate", "crop": "gt-box"},
        {"align": "truncate", "crop": "aligned"},
    ],
    ids=lambda arguments: "-".join(arguments.values()),
)
def test_what_is_drawn_is_what_was_measured(media, tmp_path, arguments):
    results = scored(media, tmp_path / "run", **arguments)
    assert set(results.frames["clip"]) == {"a"}
    at = sorted(set(results.frames["frame"]))
    shown = pictures(results, "a", at)
    assert list(shown) == ["Ground Truth", "gen", "frames"]
    for method, rows in results.frames.groupby("method"):
        assert sorted(shown[method]) == rows["frame"].tolist()
        drawn = [mse(shown["Ground Truth"][frame], shown[method][frame]) for frame in rows["frame"]]
        assert drawn == rows["MSE"].tolist()
    with sides(results, "a") as found:
        streamed = dict(moments(found, results, "a"))
    assert list(streamed) == list(range(at[-1] + 1))
    for frame in at:
        for name, row in shown.items():
            np.testing.assert_array_equal(streamed[frame][name], row.get(frame))


def test_a_video_that_changed_moved_or_was_paired_anew_is_refused(media, tmp_path):
    real, gen = tmp_path / "real" / "a.mp4", tmp_path / "gen" / "a.mp4"
    write(real, moving(COUNT, size=128))
    write(gen, moving(COUNT, size=128, phase=0.5))
    score(real.parent, {"M": gen.parent}, out=tmp_path / "run", cache=tmp_path / "cache")
    results = load_clip(tmp_path / "run", "a")
    pictures(results, "a", [0])
    write(gen, moving(COUNT, size=128, phase=0.6))
    with pytest.raises(TalkbenchError, match=r"a\.mp4: has changed since it was measured"):
        pictures(results, "a", [0])
    gen.unlink()
    with pytest.raises(TalkbenchError, match=r"a\.mp4: is no longer there"):
        pictures(results, "a", [0])
    gen.symlink_to(real)
    gen.rename(gen.with_suffix(".mkv"))
    with pytest.raises(TalkbenchError, match=r"a\.mkv: has changed"):
        pictures(results, "a", [0])


def test_a_crop_without_a_face_has_no_picture(tmp_path):
    frames = moving(COUNT)
    frames[3] = faceless(1)[0]
    real, gen = write(tmp_path / "real.mp4", moving(COUNT)), write(tmp_path / "gen.mp4", frames)
    score(real, {"M": gen}, protocol="eat-2023-fixed", out=tmp_path / "run", cache=tmp_path / "cache")
    results = load_clip(tmp_path / "run", "real")
    shown = pictures(results, "real", [2, 3])
    assert shown["M"][2].shape == shown["Ground Truth"][3].shape
    assert shown["M"][3] is None


def test_a_clip_that_is_not_there_has_no_frames(media, tmp_path):
    scored(media, tmp_path / "run", align="truncate")
    assert load_clip(tmp_path / "run", "c").frames.empty
