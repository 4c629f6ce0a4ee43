"""Decoding by time, against times worked out by hand, and against what was encoded."""

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import clips
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.errors import MediaError
from talkbench.bench.facts import grid_length
from talkbench.bench.video import probe, read_frames, resample

FPS = Fraction(25)


def read(path: Path, rate: Fraction | None = FPS, source_rate: Fraction = FPS) -> list[np.ndarray]:
    return list(read_frames(path, source_rate=source_rate, rate=rate))


def greys(count: int, size: int = 32) -> list[np.ndarray]:
    """Frames whose grey level tells their number."""
    return [np.full((size, size, 3), 8 + 8 * number, np.uint8) for number in range(count)]


def numbers(frames: list[np.ndarray]) -> list[int]:
    return [round((float(frame.mean()) - 8) / 8) for frame in frames]


# Resampling by time


@given(st.integers(1, 40), st.integers(1, 130), st.integers(1, 60))
def test_resampling_takes_the_nearest_frame_and_rounds_the_length(count: int, source: int, target: int) -> None:
    step = Fraction(1, source)
    taken = list(resample(((n * step, step, n) for n in range(count)), Fraction(target)))
    assert len(taken) == grid_length(count * step, Fraction(target))
    for k, n in enumerate(taken):
        distance = abs(n * step - Fraction(k, target))
        others = [abs(m * step - Fraction(k, target)) for m in range(count)]
        assert distance == min(others)
        assert n == others.index(distance)  # a tie takes the earlier


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(1, 60))
def test_resampling_any_rising_times_equals_a_naive_search(steps_ms: list[int], target: int) -> None:
    times = [Fraction(sum(steps_ms[:n]), 1000) for n in range(len(steps_ms))]
    items = [(time, Fraction(step, 1000), n) for n, (time, step) in enumerate(zip(times, steps_ms, strict=True))]
    naive = []
    for k in range(grid_length(Fraction(sum(steps_ms), 1000), Fraction(target))):
        distances = [abs(time - Fraction(k, target)) for time in times]
        naive.append(distances.index(min(distances)))
    assert list(resample(items, Fraction(target))) == naive


def test_the_same_rate_is_the_identity() -> None:
    items = [(n / FPS, 1 / FPS, n) for n in range(40)]
    assert list(resample(items, FPS)) == list(range(40))


@pytest.mark.parametrize(
    ("fps", "count", "expected"),
    [
        (Fraction(30), 12, [0, 1, 2, 4, 5, 6, 7, 8, 10, 11]),
        (Fraction(30000, 1001), 12, [0, 1, 2, 4, 5, 6, 7, 8, 10, 11]),
        (Fraction(1000000, 33333), 12, [0, 1, 2, 4, 5, 6, 7, 8, 10, 11]),
        (Fraction(50), 8, [0, 2, 4, 6]),
        (Fraction(125, 2), 10, [0, 2, 5, 7]),
        (Fraction(25, 2), 3, [0, 0, 1, 1, 2, 2]),
    ],
)
def test_a_video_of_another_rate_is_read_by_time(
    tmp_path: Path, fps: Fraction, count: int, expected: list[int]
) -> None:
    video = clips.write(tmp_path / "clip.mp4", greys(count), fps=fps)
    assert numbers(read(video)) == expected
    assert probe(video, rate=FPS).frames_at(FPS) == len(expected)


def test_a_variable_rate_is_read_by_time(tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 240, 280]
    video = clips.write(tmp_path / "clip.mkv", greys(6), times=times)
    assert numbers(read(video)) == [0, 1, 2, 2, 3, 3, 4, 5]
    assert probe(video, rate=FPS).frames_at(FPS) == 8


def test_timestamps_rounded_to_milliseconds_do_not_double_or_drop_frames(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    times = [int(40 * n + rng.integers(-2, 3)) + 2 for n in range(30)]
    video = clips.write(tmp_path / "clip.mkv", greys(30), times=times)
    assert numbers(read(video)) == list(range(30))


# Containers, pixels, colour


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "libx264"),
        (".mov", "libx264"),
        (".mkv", "libx264"),
        (".avi", "mpeg4"),
        (".mpg", "mpeg1video"),
        (".flv", "flv"),
        (".webm", "libvpx-vp9"),
    ],
)
def test_every_container_gives_every_frame_once_in_order(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"a clip: é 日本 %d{suffix}"
    video = clips.write(path, greys(20, size=64), codec=codec)
    facts = probe(video, rate=FPS)
    frames = read(video)
    assert numbers(frames) == list(range(20))
    assert facts.frames == facts.frames_at(FPS) == 20
    assert all(frame.flags.c_contiguous and frame.shape == (64, 64, 3) for frame in frames)


@pytest.mark.parametrize("width", [360, 246, 130, 63])
def test_any_width_is_contiguous_and_whole(tmp_path: Path, width: int) -> None:
    picture = clips.moving(1, width=width)[0]
    video = clips.write(tmp_path / "clip.mp4", [picture] * 3, pix_fmt="yuv444p", options={"qp": "0"})
    (frame, *_) = read(video)
    assert frame.shape == picture.shape
    assert frame.flags.c_contiguous
    assert np.abs(frame.astype(int) - picture).mean() < 1.5


MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 2: (0.299, 0.114), 9: (0.2627, 0.0593)}


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("full", [False, True])
def test_matrix_and_range_are_honoured(tmp_path: Path, matrix: int, full: bool) -> None:
    """Against the textbook conversion of one YUV colour; an untagged file (2) is taken for BT.601."""
    y, u, v = 90, 100, 190
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt, stream.options = "yuv420p", {"qp": "0"}
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        picture = av.VideoFrame(64, 64, "yuv420p")
        for plane, level in zip(picture.planes, (y, u, v), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        picture.colorspace, picture.color_range = matrix, 2 if full else 1
        picture.pts = 0
        container.mux(stream.encode(picture))
        container.mux(stream.encode())
    kr, kb = MATRICES[matrix]
    low, luma, chroma = (0, 255, 255) if full else (16, 219, 224)
    light, blue, red = (y - low) / luma, (u - 128) / chroma, (v - 128) / chroma
    r, b = light + 2 * (1 - kr) * red, light + 2 * (1 - kb) * blue
    expected = 255 * np.array([r, (light - kr * r - kb * b) / (1 - kr - kb), b])
    assert np.abs(read(path)[0][32, 32] - expected).max() <= 3
    colour = probe(path, rate=FPS).colour
    assert colour.endswith("(untagged)") == (matrix == 2)
    assert (".pc" in colour) == full


def test_ten_bits_are_read_as_eight(tmp_path: Path) -> None:
    picture = clips.portrait()
    video = clips.write(tmp_path / "clip.mkv", [picture] * 2, codec="ffv1", pix_fmt="yuv420p10le")
    assert np.abs(read(video)[0].astype(int) - picture).mean() < 4


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata_turns_the_frame_as_ffmpeg_does(tmp_path: Path, degrees: int) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("needs ffmpeg to write rotation metadata")
    stored = clips.write(tmp_path / "stored.mp4", [np.ascontiguousarray(clips.portrait()[:, :128])] * 2)
    turned, shown = tmp_path / "turned.mp4", tmp_path / "shown.png"
    quiet = [ffmpeg, "-v", "error", "-i"]
    subprocess.run([*quiet, stored, "-c", "copy", "-metadata:s:v", f"rotate={degrees}", turned], check=True)
    subprocess.run([*quiet, turned, "-frames:v", "1", shown], check=True)
    expected = cv2.cvtColor(cv2.imread(str(shown)), cv2.COLOR_BGR2RGB)
    facts = probe(turned, rate=FPS)
    if facts.rotation == 0:
        pytest.skip("this ffmpeg writes no display matrix for rotate=")
    assert (facts.height, facts.width) == expected.shape[:2]
    assert np.abs(read(turned)[0].astype(int) - expected).mean() < 2


# Folders of frames


def test_a_folder_of_frames_is_read_exactly_and_at_its_stated_rate(tmp_path: Path) -> None:
    pictures = clips.moving(6)
    folder = clips.write_frames(tmp_path / "a folder é", pictures, start=0)
    assert all(np.array_equal(a, b) for a, b in zip(read(folder), pictures, strict=True))
    assert len(read(folder, source_rate=Fraction(50))) == 3


def test_frames_are_ordered_by_number_not_by_name(tmp_path: Path) -> None:
    for number, picture in enumerate(greys(12)):
        cv2.imwrite(str(tmp_path / f"fake_{number}.png"), picture)
    assert numbers(read(tmp_path)) == list(range(12))


def test_grey_sixteen_bit_and_alpha_images_become_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.full((32, 32), 200 * 257, np.uint16))
    cv2.imwrite(str(tmp_path / "1.png"), np.full((32, 32, 4), 200, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((32, 32), 200, np.uint8))
    assert [frame.tolist()[0][0] for frame in read(tmp_path)] == [[200, 200, 200]] * 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0.png", "1.png", "3.png"], r"missing after 1\.png"),
        (["a_0.png", "b_0.png"], "several series"),
        (["01.png", "1.png"], "frame 1 is there twice"),
        (["cover.png"], "no numbered frames"),
    ],
)
def test_a_numbering_that_would_shift_frames_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        cv2.imwrite(str(tmp_path / name), greys(1)[0])
    with pytest.raises(MediaError, match=message):
        read(tmp_path)


def test_frames_of_unequal_size_are_refused_by_name(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), greys(1, size=32)[0])
    cv2.imwrite(str(tmp_path / "1.png"), greys(1, size=40)[0])
    with pytest.raises(MediaError, match=r"1\.png: is 40×40 where the frames before it are 32×32"):
        read(tmp_path)


# Files that are not what they should be


def test_broken_files_are_named_with_what_to_do(tmp_path: Path) -> None:
    good = clips.write(tmp_path / "good.mp4", clips.moving(40)).read_bytes()
    broken = {
        "empty.mp4": (b"", "is empty"),
        "text.mp4": (b"this is not a video" * 50, "cannot be decoded"),
        "header.mp4": (good[: len(good) // 2], "cannot be decoded"),  # the index of an mp4 lies at its end
    }
    for name, (content, message) in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match=message) as caught:
            probe(tmp_path / name, rate=FPS)
        assert name in str(caught.value)
    with pytest.raises(MediaError, match="cannot be read"):
        probe(tmp_path / "gone.mp4", rate=FPS)


def test_a_file_cut_short_behind_its_index_is_found_out(tmp_path: Path) -> None:
    video = clips.write(tmp_path / "whole.mp4", clips.moving(60))
    indexed = tmp_path / "indexed.mp4"
    with av.open(str(video)) as source, av.open(str(indexed), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    content = indexed.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(MediaError, match=r"cut short|cannot be decoded"):
        read(cut)
    with pytest.raises(MediaError, match=r"cut short|cannot be decoded"):
        probe(cut, rate=FPS)


def test_an_audio_file_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(MediaError, match="has no video stream"):
        probe(path, rate=FPS)


def test_decoding_streams(tmp_path: Path) -> None:
    """Ten times the frames must not take more memory: measured in a process of its own."""
    script = (
        "import resource, sys; from fractions import Fraction; from pathlib import Path;"
        "from talkbench.bench.video import read_frames;"
        "n = sum(1 for _ in read_frames(Path(sys.argv[1]), source_rate=Fraction(25), rate=Fraction(25)));"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in (30, 300):
        video = clips.write(
            tmp_path / f"{count}.mp4", (frame for _ in range(count // 30) for frame in clips.moving(30))
        )
        output = subprocess.run(
            [sys.executable, "-c", script, video], check=True, capture_output=True, text=True, env=os.environ
        ).stdout.split()
        assert int(output[0]) == count
        peaks.append(int(output[1]))
    assert peaks[1] < peaks[0] + 20_000  # 270 frames of 256² would be 53 MB


@pytest.mark.skipif(not clips.MEDIA.is_dir(), reason="no real clips on this machine")
def test_real_clips_decode_to_the_length_that_probing_states() -> None:
    videos = [path for path in clips.MEDIA.rglob("*") if path.suffix in (".mp4", ".mov", ".flv", ".mpg")]
    assert len(videos) > 20
    for video in videos:
        facts = probe(video, rate=FPS)
        assert sum(1 for _ in read_frames(video, source_rate=FPS, rate=None)) == facts.frames, video
        assert sum(1 for _ in read_frames(video, source_rate=FPS, rate=FPS)) == facts.frames_at(FPS), video
