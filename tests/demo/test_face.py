"""The face: what a pose does to the picture and to the true landmarks."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from talkbench.bench.demo.corpus import animate, corpus
from talkbench.bench.demo.face import pose_vertices, render
from talkbench.bench.demo.pose import LEFT_RIGHT, Pose, movements
from talkbench.bench.demo.speakers import SPEAKERS, speaker_named
from talkbench.bench.errors import TalkbenchError

REST = Pose()


def brightness_between_lips(jaw: float, size: int = 256) -> float:
    frame, points = render("W009", Pose(jaw=jaw), size=size)
    x, y = np.round((points[62] + 3 * points[66]) / 4).astype(int)
    return float(frame[y - 1 : y + 2, x - 1 : x + 2].mean())


@pytest.mark.parametrize("size", [64, 128, 255, 256, 512])
def test_any_size_gives_a_contiguous_frame_with_landmarks_that_scale(size):
    frame, points = render("M030", Pose(jaw=0.4, yaw=3.0), size=size)
    assert frame.shape == (size, size, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert points.shape == (68, 2)
    assert points.dtype == np.float64
    _, at_256 = render("M030", Pose(jaw=0.4, yaw=3.0))
    np.testing.assert_allclose((points + 0.5) / size, (at_256 + 0.5) / 256, atol=1e-9)


def test_sizes_show_the_same_picture():
    small, large = (render("W011", Pose(jaw=0.5), size=size)[0].astype(float) for size in (128, 256))
    assert np.abs(large.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)) - small).mean() < 3.0


def test_the_same_pose_gives_the_same_bytes():
    pose = Pose(jaw=0.3, yaw=2.0, eye_left=0.4)
    (first, points), (second, again) = render("W015", pose), render("W015", pose)
    assert first.tobytes() == second.tobytes()
    assert points.tobytes() == again.tobytes()


def test_speakers_are_six_or_more_and_differ():
    assert len(SPEAKERS) >= 6
    faces = [render(name, REST) for name in SPEAKERS]
    for (one, one_points), (other, other_points) in combinations(faces, 2):
        assert np.abs(one.astype(int) - other).mean() > 5
        assert np.abs(one_points - other_points).max() > 1


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_landmarks_are_in_ibug_order_on_the_picture(speaker):
    _, points = render(speaker, REST)
    assert (np.diff(points[3:14, 0]) > 0).all()  # along the jaw, image left to right
    assert (np.diff(points[17:27, 0]) > 0).all()
    assert points[36:42, 0].max() < points[42:48, 0].min()
    assert points[8, 1] == points[:, 1].max()
    assert points[17:27, 1].max() < points[36:48, 1].min() < points[33, 1] < points[51, 1] < points[57, 1]


def test_a_mirrored_speaker_acts_the_same_way_round():
    """`corner_left` is the picture's left for every speaker, mirrored or not."""
    for name in ("W009", "M009"):
        rest, smirk = (render(name, pose)[1] for pose in (REST, Pose(corner_left=1.0)))
        assert rest[48, 1] - smirk[48, 1] > 4
        assert abs(rest[54, 1] - smirk[54, 1]) < 0.5
        turned = render(name, Pose(yaw=6.0))[1]
        assert turned[30, 0] - rest[30, 0] > 3


def test_mirroring_a_pose_twice_gives_it_back():
    pose = Pose(corner_left=0.3, brow_right=0.5, eye_left=0.2, yaw=3.0, gaze_x=0.4, shift_x=2.0)
    assert pose.mirrored() != pose
    assert pose.mirrored().mirrored() == pose
    assert [LEFT_RIGHT[other] for other in LEFT_RIGHT] == list(range(68))


def test_opening_the_mouth_moves_lips_and_chin_and_shows_the_dark_inside():
    gaps = [render("W009", Pose(jaw=jaw))[1] for jaw in (0.0, 0.25, 0.5, 0.75, 1.0)]
    opening = [points[66, 1] - points[62, 1] for points in gaps]
    assert opening[0] == pytest.approx(0.0, abs=1e-9)
    assert np.all(np.diff(opening) > 3)
    assert np.all(np.diff([points[8, 1] for points in gaps]) > 2)
    assert brightness_between_lips(0.8) < 0.5 * brightness_between_lips(0.0)


def test_an_open_mouth_shows_teeth_above_the_dark():
    frame, points = render("W009", Pose(jaw=0.6))
    x, top, bottom = round(points[62, 0]), round(points[62, 1]), round(points[66, 1])
    column = frame[top : bottom + 1, x + 3].mean(axis=1)
    assert column[: len(column) // 2].max() > 110 > 60 > column[len(column) // 2 :].min()


def test_a_blink_closes_the_lids_over_the_eye():
    (open_frame, open_points), (shut_frame, shut_points) = (
        render("W009", pose) for pose in (REST, Pose(eye_left=0.0, eye_right=0.0))
    )
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert open_points[lower, 1] - open_points[upper, 1] > 5
        assert 0 <= shut_points[lower, 1] - shut_points[upper, 1] < 0.5
    iris = np.round(open_points[36:42].mean(axis=0)).astype(int)
    patch = slice(iris[1] - 2, iris[1] + 1), slice(iris[0] - 3, iris[0] + 4)
    assert shut_frame[patch].mean() > open_frame[patch].mean() + 20  # skin instead of the dark iris


@pytest.mark.parametrize("name", movements())
def test_every_movement_is_seen_and_stays_in_the_face(name):
    (still, rest), (moved, points) = render("W029", REST), render("W029", replace(REST, **{name: 1.0}))
    assert np.linalg.norm(points - rest, axis=1).max() > 1.0
    assert np.abs(moved.astype(int) - still).max() > 20
    np.testing.assert_array_equal(moved[:8, :8], still[:8, :8])


def test_a_moving_head_leaves_the_corners_of_the_backdrop_alone():
    still, _ = render("W009", REST)
    moved, points = render("W009", Pose(yaw=8.0, pitch=5.0, roll=5.0, shift_x=3.0))
    assert np.linalg.norm(points[30] - render("W009", REST)[1][30]) > 8
    assert np.abs(moved[:10, :10].astype(int) - still[:10, :10]).max() < 25
    assert np.abs(moved[:10, -10:].astype(int) - still[:10, -10:]).max() < 25


def test_the_mesh_never_folds_over():
    for utterance in corpus(16):
        speaker = speaker_named(utterance.speaker)
        for pose in animate(utterance).poses[::4]:
            vertices, triangles = pose_vertices(speaker, pose)
            one, two = (vertices[triangles[:, k]] - vertices[triangles[:, 0]] for k in (1, 2))
            area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
            assert (area * np.sign(np.median(area))).min() > -0.05, utterance.name


def test_an_unknown_speaker_is_named_with_the_known_ones():
    with pytest.raises(TalkbenchError, match=r"unknown demo speaker 'M999'.*M003"):
        render("M999", REST)
