"""Jitter, blinks and mouth motion on faces that move in a known way."""

import math
from dataclasses import replace

import numpy as np
import pytest
import talking
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr

from talkbench.metrics.blinks import blink_duration, blink_rate, find_blinks
from talkbench.metrics.contract import Facts
from talkbench.metrics.face_shape import eye_aspect_ratio, mouth_opening
from talkbench.metrics.jitter import jitter, jitter_difference
from talkbench.metrics.mouth_motion import (
    correlate,
    mouth_audio_correlation,
    mouth_audio_lag,
    mouth_correlation,
    mouth_lag,
)
from talkbench.metrics.voice import envelope

seeds = st.integers(0, 2**32)


def random_track(seed):
    return np.random.default_rng(seed).normal(128, 30, (12, 68, 2)).astype(np.float32)


def late(one, frames):
    moved = np.concatenate([np.repeat(one.landmarks[:1], frames, axis=0), one.landmarks[:-frames]])
    return replace(one, landmarks=moved)


# --- jitter


@settings(deadline=None, max_examples=20)
@given(seed=seeds, scale=st.floats(0.2, 5))
def test_jitter_does_not_see_steady_motion_nor_size(seed, scale):
    track = random_track(seed).astype(np.float64)
    steady = np.arange(12)[:, None, None] * np.array([2.0, -3.0])
    assert jitter(track + steady) == pytest.approx(jitter(track), rel=1e-9)
    assert jitter(scale * track) == pytest.approx(jitter(track), rel=1e-9)


def test_a_still_face_is_as_wrong_as_one_that_trembles_twice_as_much():
    gt = talking.talking()
    still = replace(gt, landmarks=np.repeat(gt.landmarks[:1], 100, axis=0))
    found = jitter_difference(gt, still)
    assert found.parts["gen"] == 0
    assert found.value == found.parts["gt"] == jitter(gt.landmarks)


def test_jitter_needs_three_frames_in_a_row():
    gt = talking.talking()
    holed = gt.landmarks.copy()
    holed[::3] = np.nan
    assert jitter_difference(gt, replace(gt, landmarks=holed)).reason == (
        "no three frames in a row in which the take has a face"
    )


# --- blinks


def test_blinks_that_were_made_are_found():
    gt = talking.talking()
    found = find_blinks(gt, closed=0.6)
    assert found.durations == (3 / 25, 4 / 25)
    assert found.watched_s == 4
    assert found.per_minute == 30


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(2, 12), st.integers(4, 20)), min_size=1, max_size=6), st.sampled_from([25, 30]))
def test_any_blinks_are_found_with_their_durations(blinks, rate):
    # Each is (frames closed, frames open before it); 2 frames at 25 and 30 fps last 80 and 67 ms, 12 at most 480 ms.
    starts = np.cumsum([before for _, before in blinks]) + np.cumsum([0, *(length for length, _ in blinks[:-1])])
    made = [(int(start), length) for start, (length, _) in zip(starts, blinks, strict=True)]
    # Open most of the time, as eyes are: the open eye is the 80th percentile.
    frames = made[-1][0] + 12 + 5 * sum(length for length, _ in made)
    track = talking.face_track(np.zeros(frames), blinks=made)
    found = find_blinks(Facts(track, rate, (256, 256)), closed=0.6)
    assert found.durations == pytest.approx([length / rate for _, length in made])


def test_the_open_eye_is_the_80th_percentile():
    openness = np.linspace(1.0, 0.7, 101)  # one is 0.6 of the 80th percentile of these, 0.94, and a little less or more
    openness[[91, 92, 96, 97]] = 0.94 * 0.6 * np.array([0.999, 0.999, 1.001, 1.001])
    track = talking.face_track(np.zeros(101))
    track[:] = track[0]
    for eye in (slice(36, 42), slice(42, 48)):
        middle = track[:, eye, 1].mean(axis=1, keepdims=True)
        track[:, eye, 1] = middle + openness[:, None] * (track[:, eye, 1] - middle)
    ratio = eye_aspect_ratio(track)
    assert ratio[91] < 0.6 * sorted(ratio)[80] < ratio[96]
    assert 0.6 * sorted(ratio)[79] < ratio[91] < ratio[96] < 0.6 * sorted(ratio)[81]
    assert find_blinks(Facts(track, 25.0, (256, 256)), closed=0.6).durations == (2 / 25,)


def test_what_is_no_blink():
    open_eyes = np.zeros(100)

    def durations(*blinks, hole=None):
        track = talking.face_track(open_eyes, blinks=blinks)
        if hole is not None:
            track[hole] = np.nan
        return find_blinks(Facts(track, 25.0, (256, 256)), closed=0.6).durations

    assert durations((40, 1)) == ()  # a frame: 40 ms
    assert durations((40, 13)) == ()  # 520 ms: kept shut
    assert durations((0, 4)) == durations((96, 4)) == ()  # begun before the clip, not over in it
    assert durations((40, 4), hole=39) == durations((40, 4), hole=44) == ()  # cut off
    assert durations((40, 12)) == (0.48,)


def test_a_side_without_a_face_or_a_blink_is_named():
    gt = talking.talking()
    none, awake = talking.without_faces(gt), replace(gt, landmarks=talking.face_track(np.zeros(100), blinks=()))
    for metric in (blink_rate, blink_duration):
        assert metric(gt, gt).frames == 100
    assert blink_rate(none, gt).reason == "no face in the ground truth"
    assert blink_rate(gt, none).reason == "no face in the take"
    assert blink_duration(awake, gt).reason == "no blink in the ground truth"
    assert blink_duration(gt, awake).reason == "no blink in the take"


@pytest.mark.parametrize(("rate", "frames", "found"), [(50, 3, 1), (50, 2, 0), (20, 10, 1), (20, 11, 0)])
def test_the_shortest_and_the_longest_blink(rate, frames, found):
    track = talking.face_track(np.zeros(200), blinks=((40, frames),))  # 60, 40, 500 and 550 ms
    assert len(find_blinks(Facts(track, float(rate), (256, 256)), closed=0.6).durations) == found


def test_blink_differences():
    gt = talking.talking()
    more = replace(gt, landmarks=talking.face_track(talking.opening(100), blinks=((15, 5), (50, 6), (80, 7))))
    rate, duration = blink_rate(gt, more), blink_duration(gt, more)
    assert (rate.value, dict(rate.parts)) == (15, {"gt": 30, "gen": 45})
    assert duration.value == pytest.approx(240 - 140)
    assert dict(duration.parts) == pytest.approx({"gt": 140, "gen": 240})
    none = replace(gt, landmarks=talking.face_track(talking.opening(100), blinks=()))
    assert blink_rate(gt, none).value == 30
    assert blink_duration(gt, none).reason == "no blink in the take"
    assert blink_duration(none, gt).reason == "no blink in the ground truth"


# --- mouths


@pytest.mark.parametrize("frames", range(1, 8))
def test_a_late_mouth_is_late_by_its_lag(frames):
    gt = talking.talking()
    gen = late(gt, frames)
    found = mouth_lag(gt, gen)
    assert (found.value, found.parts["lag_ms"]) == (40 * frames, 40 * frames)
    assert found.parts["best"] > 0.999
    assert mouth_lag(gen, gt).parts["lag_ms"] == -40 * frames
    assert mouth_correlation(gt, gen).value < 0.95


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(0.1, 4), shift=st.floats(-50, 50))
def test_correlation_does_not_see_how_far_a_mouth_opens_nor_where_the_face_is(scale, shift):
    gt = talking.talking()
    opened = talking.opening(100)
    gen = replace(gt, landmarks=talking.face_track(scale * opened) + np.float32(shift))
    assert mouth_correlation(gt, gen).value > 0.99


def test_a_mouth_that_does_not_move_has_no_correlation():
    gt = talking.talking()
    frozen = replace(gt, landmarks=np.repeat(gt.landmarks[:1], 100, axis=0))
    for metric in (mouth_correlation, mouth_lag, mouth_audio_lag):
        assert metric(gt, frozen).reason == "a mouth that does not move"
    assert mouth_audio_correlation(frozen).reason == "a mouth that does not move"


def test_the_voice_goes_with_the_mouth_that_made_it():
    gt = talking.talking()
    found = mouth_audio_correlation(gt)
    assert found.value > 0.8
    assert found.parts["lag_ms"] == 0
    behind = mouth_audio_correlation(late(gt, 3))
    assert behind.value > 0.75
    assert behind.parts["lag_ms"] == 120
    voice, opened = envelope(gt.sound, frames=100, rate=gt.rate), mouth_opening(gt.landmarks)
    assert found.value == pytest.approx(pearsonr(voice, opened).statistic, abs=1e-12)
    assert behind.value == pytest.approx(pearsonr(voice[:-3], opened[:-3]).statistic, abs=0.01)
    difference = mouth_audio_lag(gt, late(gt, 3))
    assert (difference.value, dict(difference.parts)) == (120, {"gt": 0, "gen": 120})


def test_the_difference_of_two_lags_that_are_both_there():
    gt = talking.talking()
    found = mouth_audio_lag(late(gt, 1), late(gt, 4))
    assert (found.value, dict(found.parts)) == (120, {"gt": 40, "gen": 160})


@pytest.mark.parametrize(("rate", "expected"), [(25.0, 4), (24.0, 4), (30.0, 5)])
def test_lags_reach_as_far_as_they_are_told(rate, expected):
    """Up to the whole frames that fit, and no further."""
    wave = np.random.default_rng(0).normal(size=80)
    for frames in (expected - 1, expected):
        found = correlate(wave[frames:], wave[:-frames], rate=rate, reach_ms=1000 * (expected + 0.01) / rate)
        assert found.best == pytest.approx(1, abs=1e-12)
        assert math.isnan(found.lag_ms) == (frames == expected)  # at the very end of the reach it may go on beyond
    found = correlate(wave[expected:], wave[:-expected], rate=rate, reach_ms=1000 * (expected - 0.01) / rate)
    assert found.best < 0.9


def test_a_lag_at_which_nothing_goes_together_is_none():
    rising = np.arange(30.0)
    found = correlate(rising, -rising, rate=25.0, reach_ms=80)
    assert found.at_zero == -1
    assert found.best < 0
    assert math.isnan(found.lag_ms)


@pytest.mark.parametrize(("frames", "seen", "there"), [(20, 10, True), (20, 9, False), (30, 15, True), (30, 14, False)])
def test_a_correlation_rests_on_ten_frames_and_half_of_them(frames, seen, there):
    wave = np.random.default_rng(0).normal(size=frames)
    holed = wave.copy()
    holed[seen:] = np.nan
    found = correlate(wave, holed, rate=25.0, reach_ms=0)
    assert math.isfinite(found.at_zero) == there
    gt = talking.talking(frames)
    track = gt.landmarks.copy()
    track[seen:] = np.nan
    reason = mouth_correlation(gt, replace(gt, landmarks=track)).reason
    assert reason == (None if there else "too few frames with a face")


def test_a_track_that_hardly_moves_is_still_one():
    wave = np.random.default_rng(0).normal(size=30)
    assert correlate(wave, 1e-3 * wave, rate=25.0, reach_ms=0).at_zero == pytest.approx(1, abs=1e-12)
    assert correlate(wave / np.ptp(wave), wave, rate=25.0, reach_ms=0).at_zero == pytest.approx(1, abs=1e-12)
    assert math.isnan(correlate(np.full(30, 3.0), wave, rate=25.0, reach_ms=0).at_zero)
    assert math.isnan(correlate(wave, np.full(30, 3.0), rate=25.0, reach_ms=0).at_zero)


def test_a_lag_at_the_end_of_the_reach_is_none():
    gt = talking.talking()
    found = mouth_lag(gt, late(gt, 12), reach_ms=200)
    assert found.reason == "no lag within reach at which they go together"


def test_too_few_faces():
    gt = talking.talking()
    few = gt.landmarks.copy()
    few[40:] = np.nan
    assert mouth_correlation(gt, replace(gt, landmarks=few)).reason == "too few frames with a face"
