"""Sound in time with the frames."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import moving, write, write_frames

from talkbench.bench.encode import write_video
from talkbench.bench.errors import MediaError
from talkbench.bench.sound import read_sound

RATE = 16000


def click(at: float, seconds: float = 1.0):
    samples = np.zeros(round(seconds * RATE), np.float32)
    samples[round(at * RATE) : round(at * RATE) + 40] = 0.9
    return samples


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_a_click_is_heard_when_it_was_made(tmp_path, suffix):
    video = tmp_path / f"a{suffix}"
    write_video(video, moving(25, size=64), fps=25, audio=(click(0.4), RATE))
    samples, rate = read_sound(video)
    assert samples.ndim == 1
    assert np.abs(samples).argmax() / rate == pytest.approx(0.4, abs=0.02)


def test_sound_that_starts_late_is_led_by_silence_and_early_sound_is_cut(tmp_path):
    source = tmp_path / "source.mkv"
    write_video(source, moving(25, size=64), fps=25, audio=(click(0.4), RATE), codec="mpeg4", audio_codec="pcm_s16le")
    for name, shift in (("late", Fraction(1, 5)), ("early", Fraction(-1, 5))):
        shifted = tmp_path / f"{name}.mkv"
        with av.open(str(source)) as given, av.open(str(shifted), "w") as out:
            streams = {stream: out.add_stream_from_template(stream) for stream in given.streams}
            for packet in given.demux():
                if packet.size == 0:
                    continue
                move = shift if packet.stream.type == "audio" else 0
                offset = round((Fraction(1) + move) / packet.time_base)
                packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                packet.stream = streams[packet.stream]
                out.mux(packet)
        samples, rate = read_sound(shifted)
        assert np.abs(samples).argmax() / rate == pytest.approx(0.4 + float(shift), abs=0.02)


def test_there_is_none_in_a_silent_video_or_a_folder(tmp_path):
    assert read_sound(write(tmp_path / "a.mp4", moving(5, size=64))) is None
    assert read_sound(write_frames(tmp_path / "frames", moving(3, size=64))) is None


def test_what_is_no_video_is_one_line(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(MediaError, match=r"a\.mp4: its sound cannot be decoded"):
        read_sound(tmp_path / "a.mp4")
