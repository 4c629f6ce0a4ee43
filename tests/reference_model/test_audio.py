"""Sound from any file: 16 kHz, mono, in time with the picture, and the same again from the file that is written."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import moving

from talkbench.bench.encode import write_video
from talkbench.bench.errors import MediaError
from talkbench.reference_model.audio import at_16k, clip_audio, read_audio, write_wav


def tone(seconds=1.0, rate=48000, hertz=440.0):
    clock = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * clock)).astype(np.float32)


def write_m4a(path, samples, rate):
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def lag(one, other):
    """How many samples `one` is later than `other`."""
    length = min(len(one), len(other))
    return int(np.correlate(one[:length], other[:length], "full").argmax()) - (length - 1)


def test_a_written_file_is_read_as_it_was(tmp_path):
    samples = at_16k(np.random.default_rng(0).uniform(-1, 1, 3210), 16000)
    write_wav(tmp_path / "a.wav", samples)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav"), samples)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_become_16_khz(rate):
    heard = at_16k(tone(1.0, rate), rate)
    assert len(heard) == 16000
    np.testing.assert_allclose(heard[800:-800], tone(1.0, 16000)[800:-800], atol=2e-3)


def test_what_is_too_loud_is_cut_not_wrapped():
    assert at_16k(np.array([1.5, -1.5]), 16000).tolist() == [pytest.approx(1, abs=1e-4), -1]


def test_sound_beside_a_silent_video(tmp_path):
    write_video(tmp_path / "silent.mp4", moving(5, size=64), fps=25)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 44100).astype(np.float32)
    audio = write_m4a(tmp_path / "001.m4a", noise, 44100)
    heard = clip_audio(tmp_path / "silent.mp4", audio)
    assert abs(len(heard) - 16000) < 1100
    assert abs(lag(heard, at_16k(noise, 44100))) <= 1  # AAC's priming samples are not part of the sound
    with pytest.raises(MediaError, match=r"silent\.mp4: has no sound, and there is no sound file beside it"):
        clip_audio(tmp_path / "silent.mp4", None)


def test_a_videos_own_sound_comes_first(tmp_path):
    write_video(tmp_path / "own.mp4", moving(25, size=64), fps=25, audio=(tone(1.0, 16000), 16000))
    write_wav(tmp_path / "other.wav", np.zeros(16000, np.float32))
    heard = clip_audio(tmp_path / "own.mp4", tmp_path / "other.wav")
    assert np.abs(heard[4000:12000]).max() > 0.4


@pytest.mark.parametrize("content", [b"", b"no sound at all" * 100])
def test_damaged_sound_is_one_line(tmp_path, content):
    file = tmp_path / "bad.wav"
    file.write_bytes(content)
    with pytest.raises(MediaError, match=r"bad\.wav") as error:
        read_audio(file)
    assert "\n" not in str(error.value)


def test_a_silent_video_is_no_sound_file(tmp_path):
    write_video(tmp_path / "silent.mp4", moving(5, size=64), fps=25)
    with pytest.raises(MediaError, match="has no sound"):
        read_audio(tmp_path / "silent.mp4")
