"""Head pose on heads turned by a known angle and photographed by a known camera."""

from dataclasses import replace

import numpy as np
import pytest
import talking
from scipy.spatial.transform import Rotation
from talking import euler, photographed

from talkbench.metrics import METRICS
from talkbench.metrics.contract import Facts
from talkbench.metrics.head_pose import HEAD, head_pose_error, rotations


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


def test_the_generic_head():
    """Ours, so that nobody else's values tell: another head gives other angles, and is another version."""
    expected = {
        27: (0, 0, 0), 28: (0, 15, -8), 29: (0, 29, -16), 30: (0, 44, -24), 31: (-15, 49, 2), 32: (-8, 51, -5),
        33: (0, 53, -6), 34: (8, 51, -5), 35: (15, 49, 2), 36: (-44.5, 4, 22), 39: (-16, 4, 12), 42: (16, 4, 12),
        45: (44.5, 4, 22),
    }  # fmt: skip
    assert expected == HEAD
    assert METRICS["head-pose"].version == "1"


def test_angles_go_round():
    gt, gen = (photographed(euler(0, 0, roll)[None]) for roll in (175, -175))
    found = head_pose_error(gt, gen)
    assert (found.value, found.parts["roll"]) == pytest.approx((10, 10), abs=1e-4)


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
