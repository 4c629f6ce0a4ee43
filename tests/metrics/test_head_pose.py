"""Head pose against scipy's rotations, on heads turned by a known angle and photographed by a known camera."""

from dataclasses import replace

import numpy as np
import pytest
import talking
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from talking import euler, photographed

from talkbench.metrics.contract import Facts
from talkbench.metrics.head_pose import angles, head_pose_error, rotations

turns = st.tuples(st.floats(-25, 25), st.floats(-40, 40), st.floats(-30, 30))


@settings(deadline=None, max_examples=40)
@given(turn=turns, focal=st.floats(0.8, 2), x=st.floats(-60, 60), depth=st.floats(350, 900))
def test_a_known_turn_is_found(turn, focal, x, depth):
    side = photographed(euler(*turn)[None], focal=focal, at=(x, 20, depth))
    found = rotations(side, focal=focal)
    assert found[0] == pytest.approx(euler(*turn), abs=2e-3)
    assert angles(found)[0] == pytest.approx(turn, abs=0.2)


@settings(deadline=None, max_examples=40)
@given(turn=turns)
def test_angles_are_scipys(turn):
    roll, yaw, pitch = Rotation.from_matrix(euler(*turn)).as_euler("ZYX", degrees=True)
    assert angles(euler(*turn)[None])[0] == pytest.approx((pitch, yaw, roll), abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(one=turns, other=turns)
def test_the_error_is_the_angle_between_the_heads(one, other):
    gt, gen = photographed(euler(*one)[None]), photographed(euler(*other)[None])
    expected = np.degrees((Rotation.from_matrix(euler(*other)) * Rotation.from_matrix(euler(*one)).inv()).magnitude())
    found = head_pose_error(gt, gen)
    assert found.value == pytest.approx(expected, abs=0.3)
    assert list(found.parts.values()) == pytest.approx(np.abs(np.subtract(other, one)), abs=0.4)


def test_what_is_positive():
    """A nod goes down, a turn to the picture's left, a tilt clockwise."""
    nose, right_corner = 30, 45
    front, nod, turn, tilt = (
        photographed(euler(*a)[None]).landmarks[0] for a in ((0, 0, 0), (20, 0, 0), (0, 20, 0), (0, 0, 20))
    )
    assert nod[nose, 1] > front[nose, 1]
    assert turn[nose, 0] < front[nose, 0]
    assert tilt[right_corner, 1] > front[right_corner, 1]


def test_turning_a_picture_by_ten_degrees_is_an_error_of_ten_degrees():
    gt = talking.talking()
    turn = Rotation.from_euler("z", 10, degrees=True).as_matrix()[:2, :2]
    gen = replace(gt, landmarks=((gt.landmarks - 127.5) @ turn.T + 127.5).astype(np.float32))
    found = head_pose_error(gt, gen)
    assert found.value == pytest.approx(10, abs=0.05)
    assert found.parts["roll"] == pytest.approx(10, abs=0.2)


def test_size_and_place_matter_little():
    gt = talking.talking()
    moved = replace(gt, landmarks=(gt.landmarks - 128) * np.float32(0.8) + np.float32(134))
    assert head_pose_error(gt, moved).value < 3


def test_the_camera_looks_at_the_middle_of_the_frame():
    """A wide frame has its middle and its longer side elsewhere."""
    side = photographed(euler(5, 10, 0)[None], size=256)
    wide = Facts(side.landmarks + np.array([128.0, 0.0]), 25.0, (256, 512))
    assert rotations(wide, focal=0.5) == pytest.approx(rotations(side, focal=1.0), abs=1e-6)


def test_frames_without_a_face():
    turned = np.stack([euler(0, angle, 0) for angle in (0, 10, 20)])
    gt, gen = photographed(turned), photographed(turned)
    gen.landmarks[1] = np.nan
    found = head_pose_error(gt, gen)
    assert (found.value, found.frames) == (0, 2)
    gen.landmarks[:] = np.nan
    assert head_pose_error(gt, gen).reason == "no frame in which both sides have a face"
