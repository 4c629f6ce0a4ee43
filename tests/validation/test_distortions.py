"""What each distortion does to a clip, and what it leaves alone."""

import clips
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.demo.corpus import true_landmarks
from talkbench.bench.validation.bending import with_less_mouth, with_other_face
from talkbench.bench.validation.distortions import DISTORTIONS
from talkbench.bench.validation.pixels import blurred, delayed, shifted, with_noise
from talkbench.bench.validation.subjects import Kept, demo_subjects, not_applicable, real_subjects, take_frames


def distance(one, other):
    return np.abs(np.stack(list(one)).astype(int) - np.stack(list(other))).mean()


@pytest.fixture(scope="module")
def subject():
    (one,) = demo_subjects(1)
    return one


@pytest.fixture(scope="module")
def frames(subject):
    return list(subject.frames(10))


@pytest.fixture(scope="module")
def landmarks(subject, frames):
    return true_landmarks(subject.utterance)[: len(frames)]


def test_levels_rise_and_name_their_methods():
    for one in DISTORTIONS.values():
        assert list(one.levels) == sorted(one.levels)
        assert len({one.method(level) for level in one.levels}) == len(one.levels)
    assert DISTORTIONS["blur"].method(0.5) == "blur-0.5"


@pytest.mark.parametrize("name", ["mouth-amplitude", "emotion", "identity"])
def test_rendered_distortions_grow_with_their_level(subject, frames, landmarks, name):
    kept = Kept(None, landmarks)
    steps = [distance(take_frames(subject, kept, None, name, level), frames) for level in (0, 50, 100)]
    assert steps[0] == 0
    assert steps[0] < steps[1] < steps[2]


@pytest.mark.parametrize("change", [blurred, shifted])
def test_distortions_of_pixels_grow_with_their_level(frames, change):
    steps = [distance(change(iter(frames), level), frames) for level in (0.5, 1, 2, 4)]
    assert steps == sorted(steps)
    assert steps[0] > 0


def test_sizes_are_those_of_a_frame_of_256_px():
    small, large = clips.moving(1, size=256), clips.moving(1, size=512)
    for change in (blurred, shifted):
        same = distance(change(iter(small), 2), small) / distance(change(iter(large), 2), large)
        assert same == pytest.approx(1, abs=0.2)


@given(st.integers(1, 30), st.integers(1, 12))
def test_a_delay_loses_the_end_and_holds_the_first_frame(count, late):
    numbered = [np.full((2, 2, 3), index, np.uint8) for index in range(count)]
    seen = [int(frame[0, 0, 0]) for frame in delayed(iter(numbered), late)]
    assert seen == [max(0, index - late) for index in range(count)]


def test_noise_on_landmarks_scales_one_draw_and_keeps_gaps():
    track = np.zeros((200, 68, 2), np.float32)
    track[3] = np.nan
    one, four = with_noise(track, 1, seed=5), with_noise(track, 4, seed=5)
    np.testing.assert_allclose(four, 4 * one, rtol=1e-5)
    assert np.isnan(one[3]).all()
    assert np.nanstd(one) == pytest.approx(1, abs=0.02)


def test_a_bent_mouth_moves_less_and_nothing_else_moves(frames, landmarks):
    """The dark of the open mouth shrinks; the forehead, and a frame without a face, stay as they are."""
    gaps = landmarks.copy()
    gaps[2] = np.nan
    bent = list(with_less_mouth(iter(frames), gaps, 100))
    assert np.array_equal(bent[2], frames[2])
    assert all(np.array_equal(a[:100], b[:100]) for a, b in zip(bent, frames, strict=True))
    assert distance(bent, frames) > distance(with_less_mouth(iter(frames), gaps, 50), frames) > 0
    assert distance(with_less_mouth(iter(frames), gaps, 0), frames) < 0.05  # resampled where it was


def test_a_bent_mouth_is_found_closer_to_the_median(frames):
    """By the detector, which knows nothing of the bending."""
    from talkbench.bench.faces import FaceFinder, grey
    from talkbench.bench.protocol import PROTOCOLS

    finder = FaceFinder(PROTOCOLS["talkbench-1"].faces)

    def opening(shown):
        found = np.stack([finder.find(grey(frame, channels="rgb")).landmarks for frame in shown])
        return np.std(found[:, 66, 1] - found[:, 62, 1])

    found = np.stack([finder.find(grey(frame, channels="rgb")).landmarks for frame in frames]).astype(np.float64)
    assert opening(with_less_mouth(iter(frames), found, 100)) < 0.6 * opening(frames)


def test_another_face_is_laid_inside_the_landmarks(frames, landmarks):
    other = demo_subjects(2)[1]
    others = list(other.frames(10))
    theirs = true_landmarks(other.utterance)[:10]
    theirs[0] = np.nan  # the first face is held back until there is one
    mixed = [list(with_other_face(iter(frames), landmarks, iter(others), theirs, level)) for level in (25, 100)]
    assert 0 < distance(mixed[0], frames) < distance(mixed[1], frames)
    outside = np.s_[:60]
    assert all(np.array_equal(a[outside], b[outside]) for a, b in zip(mixed[1], frames, strict=True))
    assert len(mixed[0]) == len(frames)


def test_what_does_not_apply_to_real_clips_is_said(tmp_path):
    clips.write(tmp_path / "a.mp4", clips.moving(3, size=64))
    alone = real_subjects(tmp_path, 4)
    assert set(not_applicable(alone)) == {"emotion", "identity"}
    assert not_applicable(demo_subjects(1)) == {}
    with pytest.raises(KeyError, match="emotion"):
        take_frames(alone[0], Kept(tmp_path / "a.mp4", np.zeros((3, 68, 2))), None, "emotion", 50)


def test_real_clips_keep_their_names_and_get_even_sides(tmp_path):
    clips.write(tmp_path / "deep" / "one.two.mp4", clips.moving(3, size=64))
    clips.write_frames(tmp_path / "folder", [frame[:63, :61] for frame in clips.moving(3, size=64)])
    subjects = real_subjects(tmp_path, 9)
    assert [str(one.path) for one in subjects] == ["deep/one.two.mp4", "folder.mp4"]
    assert [next(one.frames(9)).shape for one in subjects] == [(64, 64, 3), (62, 60, 3)]
    assert len(list(subjects[0].frames(2))) == 2
