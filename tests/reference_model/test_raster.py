"""The drawing of the landmarks: colours at known segments, and what it refuses."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.reference_model.raster import rasterise

WHITE = (255, 255, 255)
JAW, BROW, NOSE, EYE, MOUTH = (255, 144, 25), (50, 205, 50), (208, 224, 63), (71, 99, 255), (238, 130, 238)
PARTS = {  # colour, points in the order of drawing
    "jaw": (JAW, list(range(17))),
    "right brow": (BROW, list(range(17, 22))),
    "left brow": (BROW, list(range(22, 27))),
    "nose": (NOSE, list(range(27, 36))),
    "right eye": (EYE, [*range(36, 42), 36]),
    "left eye": (EYE, [*range(42, 48), 42]),
    "outer lips": (MOUTH, [*range(48, 60), 48]),
    "inner lips": (MOUTH, [*range(60, 68), 60]),
}


FAR = (-500, -500)
A, B, C = (40, 60), (200, 60), (120, 200)


def faces(**places):
    """Return landmarks (1, 68, 2) with each named part's points at one place, and the rest far away."""
    landmarks = np.full((1, 68, 2), FAR, np.float32)
    for name, points in places.items():
        order = PARTS[name.replace("_", " ")][1]
        landmarks[0, order] = points
    return landmarks


def colour(landmarks, x, y):
    return tuple(rasterise(landmarks)[0, y, x])


SEGMENTS = [(name, a, b) for name, (_, order) in PARTS.items() for a, b in itertools.pairwise(order)]


@pytest.mark.parametrize(("name", "first", "last"), SEGMENTS)
def test_segment_has_its_part_s_colour(name, first, last):
    landmarks = faces(**{name.replace(" ", "_"): A})
    landmarks[0, last] = B  # every line of the part is now a dot at A, or the line between A and B
    drawing = rasterise(landmarks)[0]
    assert first != last
    assert tuple(drawing[60, 120]) == PARTS[name][0]
    assert {tuple(c) for c in drawing.reshape(-1, 3)} == {WHITE, PARTS[name][0]}


@pytest.mark.parametrize("pair", list(itertools.pairwise(PARTS)))
def test_parts_are_not_joined(pair):
    first, second = (name.replace(" ", "_") for name in pair)
    landmarks = faces(**{first: A, second: B})
    assert colour(landmarks, *A) == PARTS[pair[0]][0]
    assert colour(landmarks, *B) == PARTS[pair[1]][0]
    assert colour(landmarks, 120, 60) == WHITE


@pytest.mark.parametrize("name", PARTS)
def test_eyes_and_lips_are_closed_and_the_rest_is_open(name):
    order = PARTS[name][1]
    landmarks = faces(**{name.replace(" ", "_"): C})
    points = sorted(set(order))
    landmarks[0, points[0]], landmarks[0, points[-1]] = A, B
    closed = name in {"right eye", "left eye", "outer lips", "inner lips"}
    assert colour(landmarks, 120, 60) == (PARTS[name][0] if closed else WHITE)


def test_lines_are_not_smoothed_and_as_wide_as_opencv_draws_two():
    landmarks = faces(jaw=A)
    landmarks[0, 16] = B
    column = rasterise(landmarks)[0, :, 120]
    inked = np.flatnonzero((column != 255).any(axis=1))
    canvas = np.zeros((256, 256), np.uint8)
    cv2.line(canvas, A, B, 255, 2, cv2.LINE_8)
    np.testing.assert_array_equal(inked, np.flatnonzero(canvas[:, 120]))
    assert {tuple(c) for c in column[inked]} == {JAW}


def apart():
    """Return 68 whole-pixel points (68, 2) all over the canvas."""
    return np.stack(np.divmod(np.arange(68), 9)[::-1], axis=1).astype(np.float32) * 28 + 10


def test_coordinates_are_truncated():
    whole = apart()[None]
    np.testing.assert_array_equal(rasterise(whole + np.float32(0.99)), rasterise(whole))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 4), size=st.sampled_from([64, 128, 256]))
def test_frames_are_drawn_each_alone(seed, count, size):
    landmarks = np.random.default_rng(seed).uniform(-300, 600, (count, 68, 2)).astype(np.float32)
    drawings = rasterise(landmarks, size)
    assert drawings.shape == (count, size, size, 3)
    assert drawings.dtype == np.uint8
    for one, drawing in zip(landmarks, drawings, strict=True):
        np.testing.assert_array_equal(rasterise(one[None], size)[0], drawing)


@pytest.mark.parametrize("size", [64, 128])
def test_smaller_is_the_mean_of_the_full_size(size):
    block = 256 // size
    full = rasterise(apart()[None]).astype(float).reshape(1, size, block, size, block, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(rasterise(apart()[None], size), full, atol=0.5)


def test_refusals():
    missing = np.repeat(apart()[None], 3, axis=0)
    missing[1, 30, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in frame 1"):
        rasterise(missing)
    with pytest.raises(ValueError, match=r"expected \(T, 68, 2\), got \(68, 2\)"):
        rasterise(apart())
