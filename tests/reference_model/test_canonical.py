"""The canvas: a face lies on it where the template has it, however it was turned, moved or scaled in the frame."""

import cv2
import numpy as np
import pytest
from clips import portrait
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from talkbench.bench.faces import FaceFinder, FaceModel, grey
from talkbench.reference_model.canonical import (
    ANCHORS,
    anchor_template,
    filled,
    longest_gap,
    moved,
    steadied,
    to_canvas,
    warp,
)

ANCHOR_LIST = list(ANCHORS)


def face(seed=0):
    """A made-up face of 68 points, px, on an 1080p frame."""
    points = np.random.default_rng(seed).normal((900, 500), 60, (68, 2))
    points[ANCHOR_LIST] = anchor_template() * 1.7 + (700, 300)
    return points


def track(count, seed=0):
    rng = np.random.default_rng(seed)
    return face(seed) + rng.normal(0, 3, (count, 1, 2)) + rng.normal(0, 0.5, (count, 68, 2))


def turned(landmarks, scale, angle, shift):
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return landmarks @ np.array([[cosine, -sine], [sine, cosine]]).T + shift


similarities = st.tuples(
    st.floats(0.2, 4), st.floats(-1, 1), st.tuples(st.floats(-500, 500), st.floats(-500, 500)).map(np.array)
)


def test_the_template_is_level_and_in_the_middle():
    anchors = dict(zip(ANCHORS, anchor_template(), strict=True))
    for one, other in ((36, 45), (39, 42)):
        assert abs(anchors[one][1] - anchors[other][1]) <= 1
        assert (anchors[one][0] + anchors[other][0]) / 2 == pytest.approx(128, abs=1)


@given(similarities, st.integers(0, 50))
def test_a_face_lands_on_the_canvas_wherever_it_was(change, seed):
    here = face(seed)[None]
    there = turned(here, *change)
    on_canvas = [moved(points, to_canvas(points, "frame")) for points in (here, there)]
    np.testing.assert_allclose(on_canvas[0], on_canvas[1], atol=1e-2)
    np.testing.assert_allclose(on_canvas[0][0, ANCHOR_LIST], anchor_template(), atol=1e-2)


@given(st.integers(0, 50))
def test_the_fit_is_the_least_squares_one_of_scikit_image(seed):
    points = face(seed)
    points[ANCHOR_LIST] += np.random.default_rng(seed).normal(0, 8, (9, 2))
    theirs = SimilarityTransform.from_estimate(points[ANCHOR_LIST], anchor_template()).params[:2]
    np.testing.assert_allclose(to_canvas(points[None], "frame")[0], theirs, rtol=1e-6, atol=1e-8)


def test_a_mirrored_face_is_not_mirrored_back():
    points = face()
    points[:, 0] = -points[:, 0]
    (a, minus_b, _), (b, also_a, _) = to_canvas(points[None], "frame")[0]
    assert (a, b) == pytest.approx((also_a, -minus_b))
    assert a * also_a - b * minus_b > 0


def test_per_frame_takes_head_motion_out_and_per_clip_keeps_it():
    rng = np.random.default_rng(1)
    drift = np.cumsum(rng.normal(0, 1, (60, 1, 2)), axis=0)
    landmarks = face() + drift
    still = moved(landmarks, to_canvas(landmarks, "frame"))
    kept = moved(landmarks, to_canvas(landmarks, "clip"))
    assert still.std(axis=0).max() < 0.6
    np.testing.assert_allclose(kept - kept[0], (drift - drift[0]) / 1.7 * np.ones((1, 68, 1)), atol=1e-2)
    assert len(np.unique(to_canvas(landmarks, "clip"), axis=0)) == 1


@given(similarities, st.integers(0, 20))
def test_smoothing_does_not_depend_on_where_the_frame_has_its_origin(change, seed):
    landmarks = track(12, seed)
    other = turned(landmarks, *change)
    np.testing.assert_allclose(
        moved(landmarks, to_canvas(landmarks, "frame")), moved(other, to_canvas(other, "frame")), atol=1e-2
    )


def test_the_mouth_is_not_smoothed_and_the_rest_is():
    landmarks = track(30)
    smooth = steadied(landmarks)
    np.testing.assert_array_equal(smooth[:, 48:], landmarks[:, 48:])
    for points in (slice(0, 17), slice(27, 48)):
        assert (
            np.abs(np.diff(smooth[:, points], 2, axis=0)).mean()
            < 0.5 * np.abs(np.diff(landmarks[:, points], 2, axis=0)).mean()
        )
    line = face() + np.arange(9.0)[:, None, None]
    np.testing.assert_allclose(steadied(line)[1:-1], line[1:-1])
    np.testing.assert_array_equal(steadied(landmarks[:4]), landmarks[:4])


@given(st.integers(3, 30), st.sets(st.integers(0, 29), max_size=20))
def test_gaps_are_filled_in_straight_lines_and_counted(count, missing):
    missing = sorted(frame for frame in missing if frame < count)
    if len(missing) == count:
        return
    landmarks = face() + np.arange(float(count))[:, None, None]
    holes = landmarks.copy()
    holes[missing] = np.nan
    runs = "".join("x" if frame in missing else " " for frame in range(count)).split(" ")
    start, gap = longest_gap(holes)
    assert gap == max(map(len, runs))
    if gap:
        assert set(range(start, start + gap)) <= set(missing)
    whole = filled(holes)
    known = [frame for frame in range(count) if frame not in missing]
    np.testing.assert_allclose(whole[known[0] : known[-1] + 1], landmarks[known[0] : known[-1] + 1])
    np.testing.assert_array_equal(whole[: known[0]], np.repeat(whole[[known[0]]], known[0], axis=0))
    assert not np.isnan(whole).any()


def test_no_face_at_all_is_one_long_gap():
    assert longest_gap(np.full((7, 68, 2), np.nan)) == (0, 7)


@pytest.mark.parametrize(("scale", "degrees", "shift"), [(1.0, 0, (0, 0)), (1.6, 0, (30, 10)), (1.3, 8, (60, -20))])
def test_the_pixels_go_where_the_landmarks_go(scale, degrees, shift):
    """A turned and enlarged portrait, found, aligned, and found again: the same points, on the same canvas."""
    finder = FaceFinder(FaceModel())
    matrix = cv2.getRotationMatrix2D((127.5, 127.5), degrees, scale)
    matrix[:, 2] += (200 + shift[0], 100 + shift[1])
    frame = cv2.warpAffine(portrait(), matrix, (700, 500), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    found = finder.find(grey(frame)).landmarks[None].astype(float)
    to = to_canvas(found, "frame")
    canvas = warp(to[0])(frame)
    assert canvas.shape == (256, 256, 3)
    again = finder.find(grey(canvas)).landmarks
    apart = np.hypot(*(again - moved(found, to)[0]).T)
    assert np.median(apart) < 0.5
    assert np.abs(again[ANCHOR_LIST] - anchor_template()).mean() < 2.5
