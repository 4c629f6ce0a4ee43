"""Loudness and silences of sound whose silences are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.metrics.voice import envelope, loudness, silent_frames


def speech(*parts):
    """Noise (seconds, amplitude), one after the other."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, amplitude, round(s * 16000)) for s, amplitude in parts]).astype(np.float32)


def test_digital_silence_is_minus_100_db():
    assert (loudness(np.zeros(1600, np.float32)) == -100).all()


@settings(deadline=None, max_examples=30)
@given(gain=st.floats(0.01, 5))
def test_silences_do_not_depend_on_the_gain(gain):
    sound = speech((1, 0.2), (0.5, 0.002), (1, 0.15))
    expected = silent_frames(sound, frames=62, rate=25.0, silence_db=20)
    assert expected.any()
    assert (silent_frames(gain * sound, frames=62, rate=25.0, silence_db=20) == expected).all()


@pytest.mark.parametrize(("lasts", "frames"), [(0.2, 0), (0.28, 0), (0.4, 9), (1.0, 24)])
def test_silence_of_300_ms_or_more_is_found(lasts, frames):
    # The windows at both ends hear speech, so that a silence is found some 20 ms shorter than it is.
    sound = speech((1, 0.2), (lasts, 0.001), (1, 0.2))
    found = np.flatnonzero(silent_frames(sound, frames=80, rate=25.0, silence_db=20))
    assert abs(len(found) - frames) <= 1
    if frames:
        assert found[0] in (25, 26)
        assert (np.diff(found) == 1).all()


def test_a_frame_half_in_speech_is_not_silent():
    sound = speech((1.02, 0.2), (0.56, 0.001), (1, 0.2))  # 1.02 to 1.58 s: frames 26 to 38 whole
    found = np.flatnonzero(silent_frames(sound, frames=60, rate=25.0, silence_db=20))
    assert found[0] == 26
    assert found[-1] in (37, 38)


def test_steady_noise_has_no_silence():
    assert not silent_frames(speech((3, 0.1)), frames=75, rate=25.0, silence_db=20).any()
    assert not silent_frames(np.zeros(0, np.float32), frames=75, rate=25.0, silence_db=20).any()


@pytest.mark.parametrize("rate", [24.0, 25.0, 29.97, 60.0])
def test_the_envelope_has_a_value_per_frame_and_none_after_the_sound(rate):
    sound = speech((1, 0.1), (1, 0.3))
    found = envelope(sound, frames=int(3 * rate), rate=rate)
    second = int(rate)
    assert found[: second - 1] == pytest.approx(0.1, rel=0.25)
    assert found[second + 1 : 2 * second - 1] == pytest.approx(0.3, rel=0.25)
    assert np.isnan(found[int(2 * rate) + 1 :]).all()


def test_loud_speech_is_the_95th_percentile():
    # 94.5 % are too soft for the rest to be 20 dB below them, the next percent is just loud enough.
    parts = ((3.0, 0.0198), (6.45, 0.05), (0.1, 0.2), (0.45, 0.4))
    sound = np.concatenate([a * np.sin(2 * np.pi * 1000 / 16000 * np.arange(round(s * 16000))) for s, a in parts])
    found = np.flatnonzero(silent_frames(sound.astype(np.float32), frames=250, rate=25.0, silence_db=20))
    assert found.tolist() == list(range(74))
