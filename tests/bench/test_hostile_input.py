"""Names, files and outputs that nobody means to give: one line each, and nothing else is lost."""

import os
import socket
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest
from command import talkbench as command

import talkbench
from talkbench.bench.errors import MediaError, TalkbenchError
from talkbench.bench.video import probe, read_frames

COUNT = 4
RATE = Fraction(25)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    pair(root, "a")
    assert score(root, root / "run").code == 0
    return root / "run"


def pair(root: Path, name: str) -> None:
    real = clips.moving(COUNT)
    clips.write(root / "real" / f"{name}.mp4", real)
    clips.write(root / "ours" / f"{name}.mp4", clips.noisy(real, 4))


def score(root: Path, out: Path, *more: object):
    folders = ("--gt", root / "real", "--gen", f"Ours={root / 'ours'}")
    return command("score", *folders, "--no-cache", "--workers", 1, "-o", out, *more)


# Names


def test_a_name_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    (tmp_path / "ours" / "a.mp4").rename(tmp_path / "ours" / os.fsdecode(b"\xff.mp4"))
    outcome = score(tmp_path, tmp_path / "run")
    assert outcome.code == 2
    assert "\\xff.mp4: the name is not UTF-8" in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_clip_whose_name_has_a_line_break_stays_on_its_line(tmp_path: Path) -> None:
    pair(tmp_path, "two\nlines")
    shown = command("pair", "--gt", tmp_path / "real", "--gen", f"Ours={tmp_path / 'ours'}")
    assert shown.code == 0
    assert "  two\\nlines" in shown.out.splitlines()
    (tmp_path / "ours" / "two\nlines.mp4").write_bytes(b"")
    outcome = score(tmp_path, tmp_path / "run")
    assert outcome.code == 2
    assert [line for line in outcome.err.splitlines() if "0 bytes" in line and "two\\nlines" in line]


def test_a_link_in_a_circle_costs_its_own_clip(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pair(tmp_path, name)
    (tmp_path / "ours" / "b.mp4").unlink()
    (tmp_path / "ours" / "b.mp4").symlink_to("b.mp4")
    outcome = score(tmp_path, tmp_path / "run")
    assert outcome.code == 1
    assert "failed: Ours, clip b: " in outcome.err
    assert "symbolic links" in outcome.err


# Files


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    if kind == "fifo":
        os.mkfifo("a.mp4")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("a.mp4")
    with pytest.raises(MediaError, match=r"a\.mp4: is not a regular file"):
        probe(tmp_path / "a.mp4", rate=RATE)


def test_an_image_that_would_fill_the_memory_is_not_decoded(tmp_path: Path) -> None:
    for side in (60_000, 12_000):  # beyond what OpenCV takes, and within it
        folder = tmp_path / str(side)
        folder.mkdir()
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))))
        body = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
        (folder / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))
        with pytest.raises(MediaError, match=r"1\.png: .*more than 33,554,432 pixels"):
            probe(folder, rate=RATE)


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    clips.write(tmp_path / "other.mp4", clips.moving(COUNT))
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(MediaError, match=r"list\.mp4: cannot be decoded as a video"):
        probe(tmp_path / "list.mp4", rate=RATE)


def test_damage_that_a_decoder_would_hide_is_an_error(tmp_path: Path) -> None:
    """Bytes of an MJPEG file are turned: FFmpeg by default makes as many pictures as before of it, and flags none."""
    file = tmp_path / "a.avi"
    clips.write(file, clips.moving(COUNT), codec="mjpeg", pix_fmt="yuvj420p")
    whole, rng, hidden = file.read_bytes(), np.random.default_rng(0), 0
    for _ in range(40):
        data = bytearray(whole)
        data[rng.integers(len(data) // 4, len(data) * 3 // 4)] ^= 0xFF
        file.write_bytes(data)
        if unflagged_pictures(file) == COUNT:
            try:
                list(read_frames(file, source_rate=RATE, rate=None))
            except MediaError:
                hidden += 1
    assert hidden > 0


def unflagged_pictures(file: Path) -> int:
    """How many pictures PyAV with its own settings makes of a file without a word."""
    try:
        with av.open(str(file)) as container:
            return sum(not picture.is_corrupt for picture in container.decode(video=0))
    except av.error.FFmpegError:
        return 0


def test_a_stream_that_the_header_does_not_announce_is_damage(tmp_path: Path) -> None:
    """FLV names its streams as they come: sound in the last of 400 frames is beyond where FFmpeg looks for streams."""
    file = clips.write(tmp_path / "a.flv", clips.moving(400, size=64), codec="flv")
    whole, starts = file.read_bytes(), [13]
    while starts[-1] < len(whole):
        starts.append(starts[-1] + 11 + int.from_bytes(whole[starts[-1] + 1 : starts[-1] + 4], "big") + 4)
    last = starts[-2]
    sound = b"\x2f" + bytes(100)  # MP3, 44 kHz
    tag = b"\x08" + len(sound).to_bytes(3, "big") + whole[last + 4 : last + 8] + b"\0\0\0" + sound
    file.write_bytes(whole[:last] + tag + len(tag).to_bytes(4, "big") + whole[last:])
    with pytest.raises(MediaError, match=r"a\.flv: holds a stream that its header does not announce"):
        probe(file, rate=RATE)
    with pytest.raises(MediaError, match=r"a\.flv: holds a stream that its header does not announce"):
        list(read_frames(file, source_rate=RATE, rate=None))


def test_the_cover_of_a_sound_file_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4v"), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=16000)
        cover = container.add_stream("mjpeg", rate=25)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(clips.portrait(64), format="rgb24")))
        container.mux(cover.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(MediaError, match=r"a\.m4v: has no video stream"):
        probe(tmp_path / "a.m4v", rate=RATE)


def test_a_second_video_stream_is_mentioned(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    with av.open(str(tmp_path / "real" / "a.mp4"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width = stream.height = 256
        for frame in clips.moving(COUNT):
            for stream in streams:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    outcome = score(tmp_path, tmp_path / "run")
    assert outcome.code == 0
    assert "the real file holds 2 video streams: the first is measured" in outcome.err


def test_a_wide_frame_is_told_of_the_squeeze(tmp_path: Path) -> None:
    real = clips.moving(COUNT, width=480)
    clips.write(tmp_path / "real" / "a.mp4", real)
    clips.write(tmp_path / "ours" / "a.mp4", real)
    assert "--crop gt-box keeps their shape" in score(tmp_path, tmp_path / "run").err
    assert "--crop gt-box" not in score(tmp_path, tmp_path / "crop", "--crop", "gt-box").err


def test_a_video_without_faces_is_warned_of(tmp_path: Path) -> None:
    clips.write(tmp_path / "real" / "a.mp4", clips.moving(COUNT))
    clips.write(tmp_path / "ours" / "a.mp4", clips.faceless(COUNT))
    assert "warning: Ours: no face in any frame of 1 of 1 videos (a)" in score(tmp_path, tmp_path / "run").err


def test_the_broken_file_is_the_one_that_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pair(tmp_path, name)
    (tmp_path / "real" / "b.mp4").write_bytes(b"no video")
    results = talkbench.score(tmp_path / "real", {"Ours": tmp_path / "ours"}, cache=False)
    assert [failure["file"] for failure in results.failures] == [str(tmp_path / "real" / "b.mp4")]


# Outputs


def talkbench_process(*arguments: object, stdout: int | str = subprocess.PIPE, **environment: str):
    code = "from talkbench.bench.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        check=False,
    )


def test_a_terminal_that_lacks_characters_gets_the_others(run: Path) -> None:
    outcome = talkbench_process("table", run, PYTHONIOENCODING="latin-1")
    assert outcome.returncode == 0, outcome.stderr.decode()
    assert "Ground Truth" in outcome.stdout.decode("latin-1")


def test_a_full_disk_behind_stdout_is_one_line(run: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        outcome = talkbench_process("table", run, stdout=full.fileno())
    assert outcome.returncode == 2
    assert outcome.stderr.decode().splitlines() == [
        "talkbench: The output: cannot be written (No space left on device). Free some space."
    ]


def test_a_wrong_command_line_is_one_line() -> None:
    outcome = command("score", "--gt", "real", "--crap", "x")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert "See `talkbench score --help`" in outcome.err


def test_a_lost_table_of_frames_is_measured_again(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    assert score(tmp_path, tmp_path / "run").code == 0
    content = (tmp_path / "run" / "frames.parquet").read_bytes()
    (tmp_path / "run" / "frames.parquet").unlink()
    outcome = command("table", tmp_path / "run")
    assert outcome.code == 2
    assert "is damaged" in outcome.err
    assert score(tmp_path, tmp_path / "run").code == 0
    assert (tmp_path / "run" / "frames.parquet").read_bytes() == content


# The library


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TalkbenchError, match="workers 0: expected at least 1"):
        talkbench.score("real", {"Ours": "ours"}, workers=0)
    with pytest.raises(TalkbenchError, match="key 'z': expected 'path' or 'stem'"):
        talkbench.score("real", {"Ours": "ours"}, key="z")  # type: ignore[arg-type]


def test_a_script_without_a_main_guard_is_told_of_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pair(tmp_path, name)
    script = tmp_path / "script.py"
    real, ours = str(tmp_path / "real"), str(tmp_path / "ours")
    script.write_text(
        "import talkbench\n"
        "try:\n"
        f"    talkbench.score({real!r}, {{'Ours': {ours!r}}}, workers=2, cache=False)\n"
        "except talkbench.bench.errors.TalkbenchError as error:\n"
        "    print(error)\n"
    )
    outcome = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert "below `if __name__ == '__main__':`" in outcome.stdout
    assert outcome.returncode == 0


def test_an_offset_beyond_the_clip_says_so(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    with pytest.raises(TalkbenchError, match="With --align offset=100 they have no frame in common"):
        talkbench.score(tmp_path / "real", {"Ours": tmp_path / "ours"}, align="offset=100", cache=False)
