"""THEval's dynamics on 68 points, on faces that move in a known way."""

import math
from dataclasses import replace

import numpy as np
import pytest
import talking
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.metrics.contract import Facts
from talkbench.metrics.dynamics import (
    brow_closeness,
    brow_dynamics,
    closeness,
    head_closeness,
    head_dynamics,
    lip_closeness,
    lip_dynamics,
    mean_closeness,
    silent_lip_closeness,
    silent_lip_stability,
)
from talkbench.metrics.face_shape import mouth_opening
from talkbench.metrics.voice import silent_frames


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(0.5, 3), shift=st.floats(-40, 40), angle=st.floats(-0.5, 0.5))
def test_lips_and_brows_do_not_see_where_how_large_and_how_tilted_a_face_is(scale, shift, angle):
    track = talking.talking().landmarks.astype(np.float64)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = scale * track @ turn.T + shift
    assert lip_dynamics(moved) == pytest.approx(lip_dynamics(track), rel=1e-9)
    assert brow_dynamics(moved) == pytest.approx(brow_dynamics(track), rel=1e-9)


def test_nothing_moves():
    gt = talking.talking()
    still = replace(gt, landmarks=np.repeat(gt.landmarks[:1], 100, axis=0))
    assert (lip_dynamics(still.landmarks), brow_dynamics(still.landmarks)) == pytest.approx((0, 0), abs=1e-12)
    assert head_dynamics(still, focal=1.0) == pytest.approx(0, abs=1e-9)
    assert silent_lip_stability(still).value == pytest.approx(0, abs=1e-12)
    for metric in (lip_closeness, brow_closeness, head_closeness):
        assert metric(gt, still).value == pytest.approx(0, abs=1e-9)
    assert lip_closeness(still, gt).reason == "lips of the ground truth that do not move"


@pytest.mark.parametrize(("amount", "expected"), [(0.5, 0.5), (1.0, 1.0), (1.5, 0.5)])
def test_closeness_falls_on_both_sides_of_the_real_motion(amount, expected):
    assert closeness(4.0, 4.0 * amount) == expected
    gt = talking.talking()
    opened = talking.opening(100)
    found = lip_closeness(gt, replace(gt, landmarks=talking.face_track(amount * opened)))
    assert found.value == pytest.approx(expected, abs=0.12)
    assert found.value == pytest.approx(closeness(found.parts["gt"], found.parts["gen"]))


def test_lips_in_silence_equal_a_naive_median():
    gt = talking.talking()
    silent = silent_frames(gt.sound, frames=100, rate=25.0, silence_db=20)
    assert 13 <= silent.sum() <= 15
    assert silent[41:54].all()
    quiet = sorted(mouth_opening(gt.landmarks)[silent])
    middle = sum(quiet) / len(quiet)
    away = sorted(abs(value - middle) for value in quiet)
    found = silent_lip_stability(gt)
    assert found.value == pytest.approx((away[(len(away) - 1) // 2] + away[len(away) // 2]) / 2, rel=1e-9)
    babbling = replace(gt, landmarks=talking.face_track(np.roll(talking.opening(100), 30)))
    assert silent_lip_stability(babbling).value > 5 * found.value
    assert silent_lip_closeness(gt, babbling).value < 0


def test_the_mean_is_that_of_its_parts_and_of_three_without_a_silence():
    gt, gen = talking.talking(), talking.worse()
    found = mean_closeness(gt, gen)
    assert set(found.parts) == {"lip", "brow", "head", "silent"}
    assert found.value == pytest.approx(sum(found.parts.values()) / 4)
    assert found.parts["silent"] == silent_lip_closeness(gt, gen).value
    quiet = mean_closeness(replace(gt, sound=None), replace(gen, sound=None))
    assert set(quiet.parts) == {"lip", "brow", "head"}
    assert quiet.value == pytest.approx(sum(quiet.parts.values()) / 3)


def test_a_take_without_a_face_in_the_silence_has_no_mean():
    gt, gen = talking.talking(), talking.worse()
    track = gen.landmarks.copy()
    track[38:57] = np.nan
    found = mean_closeness(gt, replace(gen, landmarks=track))
    assert found.reason == "no face in the silences"


def test_reasons():
    gt = talking.talking()
    loud = np.random.default_rng(0).normal(0, 0.1, len(gt.sound)).astype(np.float32)
    assert silent_lip_stability(replace(gt, sound=loud)).reason == "no silence of 300 ms"
    assert silent_lip_stability(replace(gt, sound=None)).reason == "no sound"
    none = talking.without_faces(gt)
    assert lip_closeness(gt, none).reason == "too few faces in the take"
    assert head_closeness(none, gt).reason == "too few faces in the ground truth"


def test_single_faces_among_gaps_move_no_brow():
    track = talking.talking().landmarks.copy()
    track[1::2] = np.nan
    assert math.isnan(brow_dynamics(track))
    assert math.isfinite(lip_dynamics(track))


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_short_clips(frames):
    gt = talking.talking()
    short = Facts(gt.landmarks[:frames], 25.0, (256, 256), gt.sound[: frames * 640])
    for metric in (lip_closeness, brow_closeness, head_closeness, mean_closeness):
        found = metric(short, short)
        assert math.isnan(found.value) == (found.reason is not None)


def test_two_frames_with_a_face_in_a_row_are_the_fewest():
    gt = talking.talking()
    for frames in (1, 2):
        few = replace(gt, landmarks=gt.landmarks[:frames])
        assert math.isfinite(head_dynamics(few, focal=1.0)) == (frames == 2)
        assert math.isfinite(lip_dynamics(few.landmarks)) == (frames == 2)


def test_a_head_that_turns_through_half_a_circle_does_not_jump():
    # In-plane, so that roll passes 180°: from one frame to the next it changes by 4° and no more.
    face = talking.talking().landmarks[0].astype(np.float64)
    middle = face.mean(axis=0)
    turns = np.radians(np.arange(150, 214, 4.0))
    turned = np.stack([np.cos(turns), -np.sin(turns), np.sin(turns), np.cos(turns)], axis=1).reshape(-1, 2, 2)
    track = middle + (face - middle) @ turned.transpose(0, 2, 1)
    assert head_dynamics(Facts(track, 25.0, (256, 256)), focal=1.0) < 20


@pytest.mark.parametrize("frames", [4, 5])
def test_a_silence_is_measured_on_five_faces(frames):
    gt = talking.talking()
    silent = np.flatnonzero(silent_frames(gt.sound, frames=100, rate=25.0, silence_db=20))
    track = gt.landmarks.copy()
    track[silent[frames:]] = np.nan
    found = silent_lip_stability(replace(gt, landmarks=track))
    assert found.reason == (None if frames == 5 else "no face in the silences")
    assert found.frames == (0 if frames == 4 else 100 - len(silent) + 5)


def test_a_silence_of_five_frames_is_the_shortest():
    gt = talking.talking()
    slow = replace(gt, rate=10.0, landmarks=gt.landmarks[:40])  # 0.6 s of silence, of which five frames lie in it whole
    silent = silent_frames(gt.sound, frames=40, rate=10.0, silence_db=20)
    assert silent.sum() == 5
    assert silent_lip_stability(slow).reason is None
    assert silent_lip_stability(replace(slow, rate=9.0)).reason == "no silence of 300 ms"


def test_real_lips_that_are_still_in_silence_have_no_closeness_and_are_left_out_of_the_mean():
    gt, gen = talking.talking(), talking.worse()
    still = replace(gt, landmarks=np.where(
        silent_frames(gt.sound, frames=100, rate=25.0, silence_db=20)[:, None, None], gt.landmarks[:1], gt.landmarks
    ))  # fmt: skip
    assert silent_lip_closeness(still, gen).reason == "lips of the ground truth that do not move"
    assert set(mean_closeness(still, gen).parts) == {"lip", "brow", "head"}
