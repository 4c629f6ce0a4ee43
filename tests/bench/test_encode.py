"""Writing videos: what goes in comes out, in every container, with the same bytes every time."""

from fractions import Fraction

import av
import numpy as np
import pytest
from scipy.signal import correlate

from talkbench.bench.demo.corpus import Utterance, animate
from talkbench.bench.demo.face import render
from talkbench.bench.demo.pose import Pose
from talkbench.bench.demo.speech import SAMPLE_RATE, speak
from talkbench.bench.encode import CONTAINERS, VideoWriter, write_video
from talkbench.bench.errors import TalkbenchError


@pytest.fixture(scope="module")
def sound():
    return speak("W009", "happy", 3, 1)[0][:SAMPLE_RATE]


@pytest.fixture(scope="module")
def frames():
    return [render("W009", Pose(jaw=0.5 + 0.5 * np.sin(k)), size=128)[0] for k in range(25)]


def decoded(path):
    with av.open(str(path)) as file:
        pictures = list(file.decode(video=0))
        return [picture.to_ndarray(format="rgb24") for picture in pictures], [picture.time for picture in pictures]


def heard(path):
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        parts = [part.to_ndarray().astype(float).reshape(-1) for part in file.decode(stream)]
        return np.concatenate(parts), stream.rate


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((np.asarray(one, float) - np.asarray(other, float)) ** 2))


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_round_trip(suffix, frames, sound, tmp_path):
    path = tmp_path / f"clip{suffix}"
    assert write_video(path, frames, fps=25, audio=(sound, SAMPLE_RATE)) == 25
    pictures, times = decoded(path)
    assert len(pictures) == 25
    np.testing.assert_allclose(np.diff(times), 0.04, atol=0.002)
    assert all(psnr(picture, frame) > 32 for picture, frame in zip(pictures, frames, strict=True))
    samples, rate = heard(path)
    assert len(samples) / rate == pytest.approx(1.0, abs=0.15)
    if rate == SAMPLE_RATE:
        lagged = correlate(samples, sound)
        strength = np.linalg.norm(samples) * np.linalg.norm(sound)
        assert lagged.max() / strength > 0.8
        start = len(sound) - 1  # the lag of a sound that starts with the file
        assert abs(int(lagged.argmax()) - start) < 0.08 * SAMPLE_RATE
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_the_same_frames_give_the_same_bytes(suffix, frames, sound, tmp_path):
    for name in ("one", "two"):
        write_video(tmp_path / f"{name}{suffix}", frames[:9], fps=25, audio=(sound, SAMPLE_RATE))
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_the_same_bytes_whatever_was_in_memory_before(tmp_path):
    """x264 with AVX-512 alone gives two or more different files at this size, where memory is not fresh."""
    rng = np.random.default_rng(0)
    kept, seen = [], set()
    frames = [frame for frame, _ in animate(Utterance("M003", "angry", 3, 1, size=96, syllables=2)).frames()]
    for _ in range(20):
        with VideoWriter(tmp_path / "clip.mp4", (96, 96), fps=25) as writer:
            for frame in frames:
                writer.add(frame)
                kept = [*kept[-20:], np.full(rng.integers(1_000, 200_000), rng.integers(256), np.uint8)]
        seen.add((tmp_path / "clip.mp4").read_bytes())
    assert len(seen) == 1


def test_colour_is_tagged_and_comes_back(tmp_path):
    """Plain colours survive, so the matrix and range used are those that the file states."""
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (16, 16, 16), (240, 240, 240)]
    path = tmp_path / "colours.mp4"
    write_video(path, [np.full((64, 64, 3), colour, np.uint8) for colour in colours], fps=25, crf=4)
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (6, 6, 6, 1)
    for picture, colour in zip(decoded(path)[0], colours, strict=True):
        assert np.abs(picture[32, 32].astype(int) - colour).max() <= 4


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(300003, 10000), 50])
def test_any_rational_rate(fps, frames, tmp_path):
    path = tmp_path / "rate.mp4"
    write_video(path, frames, fps=fps)
    with av.open(str(path)) as file:
        assert float(file.streams.video[0].average_rate) == pytest.approx(float(fps), rel=1e-4)
        assert not file.streams.audio


def test_a_higher_crf_is_smaller_and_worse(frames, tmp_path):
    for crf in (18, 38):
        write_video(tmp_path / f"{crf}.mp4", frames, fps=25, crf=crf)
    assert (tmp_path / "38.mp4").stat().st_size < 0.6 * (tmp_path / "18.mp4").stat().st_size
    good, bad = (psnr(decoded(tmp_path / f"{crf}.mp4")[0], frames) for crf in (18, 38))
    assert good > bad + 4


def test_odd_sizes_are_refused_with_a_way_out_that_works(frames, tmp_path):
    odd = [np.ascontiguousarray(frame[:101, :99]) for frame in frames[:5]]
    with pytest.raises(TalkbenchError, match="even width and height, got 99x101; pass pix_fmt='yuv444p'"):
        write_video(tmp_path / "odd.mp4", odd, fps=25)
    assert not list(tmp_path.iterdir())
    write_video(tmp_path / "odd.mp4", odd, fps=25, pix_fmt="yuv444p")
    assert decoded(tmp_path / "odd.mp4")[0][0].shape == (101, 99, 3)


def test_views_ten_bits_and_alpha(frames, tmp_path):
    cropped = [frame[:, 10:74] for frame in frames[:5]]  # not contiguous
    write_video(tmp_path / "view.mp4", cropped, fps=25, pix_fmt="yuv420p10le")
    assert psnr(decoded(tmp_path / "view.mp4")[0], cropped) > 32
    alpha = [np.dstack([frame, np.full(frame.shape[:2], 128, np.uint8)]) for frame in frames[:5]]
    write_video(tmp_path / "alpha.webm", alpha, fps=25, pix_fmt="yuva420p")
    with av.open(str(tmp_path / "alpha.webm")) as file:
        assert file.streams.video[0].metadata.get("alpha_mode", "1") == "1"


def test_another_rate_of_sound_is_resampled_only_where_the_codec_must(sound, frames, tmp_path):
    write_video(tmp_path / "a.mp4", frames, fps=25, audio=(sound, 16000))
    write_video(tmp_path / "b.webm", frames, fps=25, audio=(sound[::2], 8000), codec="libvpx")
    assert heard(tmp_path / "a.mp4")[1] == 16000
    write_video(tmp_path / "c.mp4", frames, fps=25, audio=(np.sin(np.arange(11000) / 9), 11000))
    assert heard(tmp_path / "c.mp4")[1] == 48000


def test_a_failure_leaves_nothing_and_keeps_what_was_there(frames, tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, frames[:3], fps=25)
    before = path.read_bytes()

    def breaking():
        yield frames[0]
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_video(path, breaking(), fps=25)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["clip.mp4"]


def test_nothing_to_write_and_unknown_containers_are_said(frames, tmp_path):
    with pytest.raises(TalkbenchError, match=r"none\.mp4: no frames"):
        write_video(tmp_path / "none.mp4", [], fps=25)
    with pytest.raises(TalkbenchError, match=r"clip\.gif: expected a video suffix \(\.mp4, .*got '\.gif'"):
        VideoWriter(tmp_path / "clip.gif", (64, 64), fps=25)
