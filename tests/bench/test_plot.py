"""`talkbench plot`, as a user runs it."""

from itertools import pairwise

import av
import cv2
import numpy as np
import pytest
from clips import faceless, moving, noisy
from command import talkbench

from talkbench.bench.encode import write_video
from talkbench.bench.run import score

CLIP = "a b/<script>$x$_é"
METHOD = r"$\frac{1}{0}$_Ours"
RATE = 16000
COUNT = 10


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plot")
    sound = np.random.default_rng(0).normal(0, 0.2, COUNT * RATE // 25).astype(np.float32)
    frames = moving(COUNT)
    frames[4] = faceless(1)[0]
    write_video(folder / "real" / f"{CLIP}.mp4", moving(COUNT), fps=25, audio=(sound, RATE))
    write_video(folder / "ours" / f"{CLIP}.mp4", frames, fps=25)
    write_video(folder / "noisy" / f"{CLIP}.mp4", noisy(moving(COUNT, phase=0.5), 20), fps=25)
    methods = {METHOD: folder / "ours", "noisy": folder / "noisy"}
    score(folder / "real", methods, out=folder / "run", cache=folder / "cache")
    return folder / "run"


@pytest.mark.parametrize(
    "arguments",
    [
        ("landmarks", "--clip", CLIP, "--frames", "0,4"),
        ("frames", "--clip", CLIP, "--width", "single"),
        ("frames", "--clip", CLIP, "--landmarks", "--metric", "PSNR", "--width", "single", "--frames", "0,4"),
        ("curves", "--clip", CLIP, "--metric", "PSNR"),
        ("distribution", "--metric", "SSIM"),
        ("trade-off", "--x", "SSIM", "--y", "F-LMD"),
    ],
    ids=lambda arguments: "-".join(arguments[:1] + arguments[3:4]),
)
def test_each_verb_writes_every_format_and_a_caption_with_the_signature(run, tmp_path, arguments):
    verb, *options = arguments
    files = [tmp_path / "new" / f"figure{suffix}" for suffix in (".pdf", ".svg", ".png")]
    outcome = talkbench("plot", verb, run, *options, *(part for file in files for part in ("-o", file)))
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    heads = [file.read_bytes()[:5] for file in files]
    assert heads == [b"%PDF-", b"<?xml", b"\x89PNG\r"]
    assert cv2.imread(str(files[2])).shape[1] in (990, 2070)
    assert "Signature: talkbench-1|" in outcome.out
    assert b"talkbench-1|" in files[1].read_bytes()
    assert [file.name for file in files[0].parent.iterdir() if file.name.startswith(".")] == []


def test_without_a_name_a_pdf_and_a_png_are_written_here(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert talkbench("plot", "trade-off", run).code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["trade-off.pdf", "trade-off.png"]


def test_the_overlay_plays_in_a_browser_frame_for_frame_with_its_sound(run, tmp_path):
    out = tmp_path / "overlay.mp4"
    outcome = talkbench("plot", "overlay", run, "--clip", CLIP, "-o", out)
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"{out}: {COUNT} frames\n"
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(out)) as file:
        (video,), (audio,) = file.streams.video, file.streams.audio
        assert (video.codec_context.name, video.pix_fmt, audio.codec_context.name) == ("h264", "yuv420p", "aac")
        pictures = list(file.decode(video))
        assert [picture.pts * picture.time_base for picture in pictures] == [
            at / video.average_rate for at in range(COUNT)
        ]
        assert float(audio.duration * audio.time_base) == pytest.approx(COUNT / 25, abs=0.05)
    shown = [picture.to_ndarray(format="rgb24").astype(int) for picture in pictures]
    assert all(np.abs(one - other).max() > 20 for one, other in pairwise(shown))
    third = shown[0].shape[1] // 3
    broken = shown[4][30:400, third : 2 * third]  # no face: its one colour, and the ground truth's contours alone
    assert np.abs(broken - np.median(broken, axis=(0, 1))).mean() < 12


def test_the_same_video_twice(run, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        assert talkbench("plot", "overlay", run, "--clip", CLIP, "-o", tmp_path / name).code == 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("landmarks", "--clip", "a b/<script>$x$_e"), f"Did you mean {CLIP!r}?"),
        (("frames", "--clip", "?"), f"There are: {CLIP!r}."),
        (("curves", "--clip", "?"), "No clip '?' in this run."),
        (("overlay", "--clip", "?"), "No clip '?' in this run."),
        (("landmarks", "--clip", CLIP, "--frames", "1,x"), "--frames 1,x: expected numbers"),
        (("frames", "--clip", CLIP, "--frames", "10"), "Frame 10 was not compared. This clip has the frames 0 to 9."),
        (("landmarks", "--clip", CLIP, "-o", "a.jpg"), "a.jpg: expected a name that ends in .pdf, .svg or .png."),
        (("overlay", "--clip", CLIP, "-o", "a.avi"), "a.avi: expected a name that ends in .mp4"),
        (("curves", "--clip", CLIP, "--metric", "LVD"), "No metric 'LVD' in this run."),
        (("distribution", "--metric", "M-LMDD"), "Did you mean 'M-LMD'?"),
        (("trade-off", "--x", "PSRN"), "Did you mean 'PSNR'?"),
        (("trade-off", "-o", "/proc/no/a.pdf"), "/proc/no/a.pdf: cannot be written"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    verb, *options = arguments
    outcome = talkbench("plot", verb, run, *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_has_changed_is_one_line(run, tmp_path):
    video = run.parent / "noisy" / f"{CLIP}.mp4"
    kept = video.read_bytes()
    try:
        for change, message in (
            (lambda: video.write_bytes(kept + b"\0"), "has changed"),
            (video.unlink, "is no longer there"),
        ):
            change()
            for verb, name in (("frames", "a.png"), ("overlay", "a.mp4")):
                outcome = talkbench("plot", verb, run, "--clip", CLIP, "-o", tmp_path / name)
                assert outcome.code == 2
                assert outcome.err.startswith(f"talkbench: {video}: {message}")
                assert outcome.err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []
        assert talkbench("plot", "landmarks", run, "--clip", CLIP, "-o", tmp_path / "a.png").code == 0
    finally:
        video.write_bytes(kept)
