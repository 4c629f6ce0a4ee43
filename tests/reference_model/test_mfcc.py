"""MFCC windows: one for every frame, none from the future, and the numbers of python_speech_features."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.reference_model.mfcc import LEFT, RIGHT, mfcc, windows

LENGTHS = [1, 2, 25, 100]


def speech(frames, seed=0):
    rng = np.random.default_rng(seed)
    clock = np.arange(640 * frames) / 16000
    voice = 0.3 * np.sign(np.sin(2 * np.pi * 120 * clock)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * clock))
    return (voice + rng.normal(0, 0.01, len(clock))).astype(np.float32)


@pytest.mark.parametrize("frames", LENGTHS)
def test_a_window_for_every_frame(frames):
    features = mfcc(speech(frames), frames)
    assert features.shape == (4 * frames + 24, 13)
    assert features.dtype == np.float32
    assert windows(features, frames).shape == (frames, 28, 12)


@pytest.mark.parametrize("frames", LENGTHS)
def test_the_numbers_of_python_speech_features(frames):
    psf = pytest.importorskip("python_speech_features")
    sound = speech(frames)
    theirs = psf.mfcc(np.pad(sound, (LEFT, RIGHT)), 16000)
    np.testing.assert_allclose(mfcc(sound, frames), theirs, atol=1e-3)


def test_silence_agrees_too():
    psf = pytest.importorskip("python_speech_features")
    np.testing.assert_allclose(mfcc(np.zeros(6400), 10), psf.mfcc(np.zeros(6400 + LEFT + RIGHT), 16000), atol=1e-3)


@given(frame=st.integers(0, 19), seed=st.integers(0, 99))
def test_a_window_ends_where_it_says(frame, seed):
    """Sound later than 0.04t + 0.175 s changes nothing; the sample before that does."""
    frames, end = 20, 640 * frame + 2800
    sound = speech(frames, seed)
    before = windows(mfcc(sound, frames), frames)
    later = sound.copy()
    later[end:] = -later[end:] + 0.1
    np.testing.assert_array_equal(windows(mfcc(later, frames), frames)[frame], before[frame])
    if end < len(sound):
        assert not np.array_equal(windows(mfcc(later, frames), frames)[frame + 1 :], before[frame + 1 :])
    last = min(end, len(sound)) - 1
    sooner = sound.copy()
    sooner[last] += 0.5
    assert not np.array_equal(windows(mfcc(sooner, frames), frames)[frame], before[frame])


@given(frame=st.integers(4, 19))
def test_a_window_begins_where_it_says(frame):
    """Pre-emphasis looks one sample back; what lies before that, 0.04t − 0.12 s, changes nothing."""
    frames, start = 20, 640 * frame - 1920
    sound = speech(frames)
    earlier = sound.copy()
    earlier[: start - 1] = 0
    before, after = (windows(mfcc(one, frames), frames)[frame] for one in (sound, earlier))
    np.testing.assert_array_equal(after, before)


def test_windows_are_slices_four_hops_apart_without_the_energy():
    features = mfcc(speech(6), 6)
    for t, window in enumerate(windows(features, 6)):
        np.testing.assert_array_equal(window, features[4 * t : 4 * t + 28, 1:])


def test_a_wrong_length_is_refused():
    with pytest.raises(ValueError, match="640 for each of 3 frames"):
        mfcc(np.zeros(640 * 3 - 1), 3)
    with pytest.raises(ValueError, match="4T \\+ 24"):
        windows(np.zeros((27, 13), np.float32), 1)
