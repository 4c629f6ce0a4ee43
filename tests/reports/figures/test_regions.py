"""Boxes lie where the error is: by measurement, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_results import face, moved, results, same, without_face

from talkbench.metrics.m_lmd import mouth_landmark_distance
from talkbench.reports.figures.regions import ANCHOR, EXPRESSION, EYES_AND_CONTOUR, IDENTITY, LIPS, box, errors, worst
from talkbench.reports.figures.tracks import tracks

KINDS = [LIPS, EYES_AND_CONTOUR, EXPRESSION, IDENTITY]
FACES = arrays(np.float64, (3, 68, 2), elements=st.floats(0, 256))


def mark(methods, kind, frame=3):
    return worst(tracks(results(methods), "clip"), frame, kind)


@given(FACES, FACES)
def test_the_lips_error_is_m_lmd(gt, gen):
    np.testing.assert_allclose(errors(LIPS, gt, gen)[:, 0], mouth_landmark_distance(gt, gen), atol=1e-9)


@settings(max_examples=20)
@given(FACES, FACES, st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
def test_a_face_elsewhere_in_the_frame_is_no_error(gt, gen, shift):
    for kind in KINDS:
        np.testing.assert_allclose(errors(kind, gt, gen + shift), errors(kind, gt, gen), atol=1e-9)
        np.testing.assert_allclose(errors(kind, gt, gt + shift), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("points", "kind"),
    [
        (range(17, 22), EXPRESSION),
        (range(6, 11), EYES_AND_CONTOUR),
        (range(11, 17), IDENTITY),
        (range(22, 27), EXPRESSION),
    ],
)
def test_the_region_that_moved_is_marked_on_the_method_that_moved_it(points, kind):
    found = mark({"good": moved(list(points), 1.0), "bad": moved(list(points), 9.0)}, kind)
    assert found.method == "bad"
    assert set(points) <= set(found.points)
    share = len(points) / len(found.points)
    assert found.error == pytest.approx(9 * share, abs=1e-4)


def test_a_lip_that_falls_marks_the_lips_and_not_the_eyes():
    methods = {"good": same, "bad": moved(slice(55, 60), 8.0)}
    assert mark(methods, LIPS).method == "bad"
    assert mark(methods, LIPS).points == tuple(range(48, 68))
    assert mark(methods, EXPRESSION) is None
    assert mark(methods, IDENTITY) is None


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_no_mark(kind):
    assert mark({"a": same, "b": moved(slice(0, 68), 20.0)}, kind) is None
    assert mark({"a": moved(slice(0, 27), 0.3)}, kind) is None  # below 1 % of 96 px


@pytest.mark.parametrize("kind", KINDS)
def test_no_face_no_mark(kind):
    assert mark({"a": lambda track: moved(slice(0, 68, 2), 9.0)(without_face(3)(track))}, kind) is None
    assert mark({"a": lambda track: np.full_like(track, np.nan)}, kind) is None


def test_identity_is_of_the_clip_and_not_of_the_frame():
    once = {"a": moved(slice(11, 17), 9.0, at=slice(3, 4))}
    assert mark(once, EYES_AND_CONTOUR) is not None
    assert mark(once, IDENTITY) is None


def test_a_box_holds_its_points():
    left, top, width, height = box(face()[48:68])
    assert (face()[48:68] > [left, top]).all()
    assert (face()[48:68] < [left + width, top + height]).all()


def test_the_anchor_is_in_no_region_that_speech_moves():
    assert not set(ANCHOR) & {*range(27), *range(48, 68)}
