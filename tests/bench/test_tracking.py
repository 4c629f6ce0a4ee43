"""Following a face: the same points as the exact search, nothing where there is no face, and the same whoever asks."""

import clips
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from talkbench.bench.faces import FaceFinder, FaceModel, grey
from talkbench.bench.framing import Whole
from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.signature import signature
from talkbench.bench.source import Side, opened
from talkbench.bench.tracking import KEY, Tracker
from talkbench.bench.video import probe, read_frames

FINDER = FaceFinder(FaceModel())
MOUTH = slice(48, 68)
REAL = ("hdtf/WDA_K*.mp4", "grid/lbb*.mpg", "pairs/edtalk*/real*.mp4")


class Counting:
    """A finder that counts how often the detector looks at a whole frame and at a chip."""

    def __init__(self, model=None):
        self._finder = FINDER if model is None else FaceFinder(model)
        self.searches = self.chips = 0

    def __getattr__(self, name):
        return getattr(self._finder, name)

    def search(self, frame):
        self.searches += 1
        return self._finder.search(frame)

    def surest(self, chip):
        self.chips += 1
        return self._finder.surest(chip)


def swaying(count, seed=0, side=256):
    """Grey frames of the portrait, which sways by fractions of a pixel; sensor noise on top."""
    return [grey(frame) for frame in clips.noisy(clips.moving(count, size=side), 2, seed)]


def another(count, side=256):
    """Grey frames of the same person mirrored, smaller and elsewhere: a cut, as far as a tracker can tell."""
    head = cv2.resize(grey(astronaut())[0:260, 95:355][:, ::-1], (side * 3 // 4, side * 3 // 4))
    wide = cv2.copyMakeBorder(head, 0, side - len(head), 0, side - len(head), cv2.BORDER_REPLICATE)
    return [wide] * count


def covered(frame):
    """The frame with the face behind something grey."""
    points = FINDER.find(frame).landmarks
    left, top = points.min(axis=0).astype(int) - 12
    right, bottom = points.max(axis=0).astype(int) + 12
    hidden = frame.copy()
    hidden[max(0, top - 20) : bottom, max(0, left) : right] = 128
    return hidden


def followed(frames, finder=FINDER):
    tracker = Tracker(finder)
    return [tracker.find(frame) for frame in frames]


def distance(one, other, part=slice(None)):
    one, other = (np.stack(side)[:, part].astype(float) for side in (one, other))
    one, other = (side - side.mean(axis=1, keepdims=True) for side in (one, other))
    return np.linalg.norm(one - other, axis=2).mean(axis=1)


def test_a_steady_face_is_searched_for_rarely_and_found_in_the_same_place():
    frames, finder = swaying(2 * KEY + 5), Counting()
    found = followed(frames, finder)
    exact = [FINDER.find(frame) for frame in frames]
    assert finder.searches == 4  # frames 0 and 1, and every 50th after
    assert [face.count for face in found] == [1] * len(frames)
    apart = distance([face.landmarks for face in found], [face.landmarks for face in exact])
    assert apart.mean() < 0.25  # the exact search's own noise between two looks at a still is 0.16
    assert apart.max() < 0.6


@pytest.mark.parametrize("points", ["subpixel-1", "integer"])
def test_a_frame_that_was_searched_has_the_exact_points(points):
    model = FaceModel(points=points)
    frames, finder = swaying(KEY + 2), FaceFinder(model)
    found = followed(frames, finder)
    for index in (0, 1, KEY + 1):
        np.testing.assert_array_equal(found[index].landmarks, finder.find(frames[index]).landmarks)


@settings(max_examples=8, deadline=None)
@given(dx=st.floats(-4, 4), dy=st.floats(-3, 3), growth=st.floats(0.99, 1.01), roll=st.floats(-1, 1))
def test_points_follow_a_steady_motion_without_lag(dx, dy, growth, roll):
    picture, frames, maps = clips.portrait(256), [], []
    for t in range(9):
        matrix = cv2.getRotationMatrix2D((127.5, 127.5), roll * t, growth**t)
        matrix[:, 2] += np.array([dx, dy]) * t
        maps.append(matrix)
        frames.append(grey(cv2.warpAffine(picture, matrix, (256, 256), borderMode=cv2.BORDER_REPLICATE)))
    found = followed(frames)
    first = found[0].landmarks
    for matrix, face in zip(maps, found, strict=True):
        error = face.landmarks - (first @ matrix[:, :2].T + matrix[:, 2])
        assert np.linalg.norm(error.mean(axis=0)) < 1  # lag would be a frame's motion: up to 5 px


VANISHED = {
    "black": lambda frame: np.zeros_like(frame),
    "grey": lambda frame: np.full_like(frame, 127),
    "noise": lambda frame: np.random.default_rng(0).integers(0, 256, frame.shape).astype(np.uint8),
    "covered": covered,
    "blurred away": lambda frame: cv2.GaussianBlur(frame, (0, 0), 16),
    "a smaller frame": lambda frame: np.zeros((1, 1), np.uint8),
}


@pytest.mark.parametrize("how", VANISHED)
def test_a_face_that_vanishes_is_missed_in_the_same_frame_and_found_again_in_the_same_frame(how):
    frames = swaying(12)
    frames[5:9] = [VANISHED[how](frame) for frame in frames[5:9]]
    assert [FINDER.find(frame).count for frame in frames[5:9]] == [0] * 4
    found = followed(frames)
    assert [face.count for face in found] == [1] * 5 + [0] * 4 + [1] * 3
    assert all(np.isnan(face.landmarks).all() for face in found[5:9])


def test_a_face_that_fades_away_is_missed_when_the_detector_misses_it():
    still = swaying(1)[0]
    blurred = [still] * 3 + [cv2.GaussianBlur(still, (0, 0), 0.5 * t) for t in range(1, 40)]
    exact = [FINDER.find(frame).count for frame in blurred]
    found = [face.count for face in followed(blurred)]
    assert exact[-1] == found[-1] == 0
    assert abs(sum(found) - sum(exact)) <= 4


def test_a_cut_to_another_face_elsewhere_is_followed_at_once():
    frames = swaying(6) + another(6)
    finder = Counting()
    found = followed(frames, finder)
    for frame, face in list(zip(frames, found, strict=True))[6:]:
        exact = FINDER.find(frame)
        assert face.count == exact.count == 1
        assert np.linalg.norm(face.landmarks - exact.landmarks, axis=1).mean() < 1
    assert finder.searches == 4  # the first two frames, and the first two after the cut


def test_a_second_larger_face_is_noticed_at_the_next_search():
    small = cv2.resize(clips.portrait(256), (160, 160), interpolation=cv2.INTER_AREA)
    empty = np.full((256, 256, 3), small[0, 0], np.uint8)
    left = cv2.copyMakeBorder(small, 0, 96, 0, 0, cv2.BORDER_REPLICATE)
    one, two = (grey(np.ascontiguousarray(np.hstack([left, right]))) for right in (empty, clips.portrait(256)))
    assert [FINDER.find(frame).count for frame in (one, two)] == [1, 2]
    found = followed([one] * 5 + [two] * KEY)
    middle = np.array([face.landmarks[:, 0].mean() for face in found])
    assert set(middle[:KEY] < 160) == {True}
    assert [face.count for face in found] == [1] * (KEY + 1) + [2] * 4
    assert set(middle[KEY + 1 :] > 160) == {True}


def test_clips_without_a_face_have_none_and_a_face_in_one_frame_stays_in_one_frame():
    empty = [grey(frame) for frame in clips.faceless(6)]
    assert [face.count for face in followed(empty)] == [0] * 6
    found = followed([*empty[:3], *swaying(1), *empty[3:]])
    assert [face.count for face in found] == [0] * 3 + [1] + [0] * 3


def test_the_same_frames_give_the_same_bytes_whatever_the_finder_did_before():
    frames = [*swaying(8), *another(5), np.zeros((256, 256), np.uint8), *swaying(4, seed=1)]
    once = [face.landmarks.tobytes() for face in followed(frames)]
    followed(another(3))
    again, other = Tracker(FINDER), Tracker(FINDER)
    mixed = []
    for frame in frames:  # two videos in step, as the two sides of a pair are read
        mixed.append(again.find(frame).landmarks.tobytes())
        other.find(frame[:, ::-1])
    assert mixed == once
    assert [face.landmarks.tobytes() for face in followed(frames, FaceFinder(FaceModel()))] == once


@pytest.mark.parametrize("wrong", [astronaut(), np.zeros((0, 5), np.uint8)])
def test_anything_but_a_grey_frame_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected a grey frame \(H, W\) of bytes"):
        Tracker(FINDER).find(wrong)


def test_track_is_in_the_signature_and_exact_leaves_it_as_it_was():
    protocol = PROTOCOLS["talkbench-1"]
    tracked = protocol.with_options(faces="track")
    assert tracked.faces.search == "track"
    assert signature(tracked) != signature(protocol)
    assert ",track|" in signature(tracked)
    assert signature(protocol.with_options(faces="exact")) == signature(protocol)
    assert "search" not in protocol.faces.ingredients()
    assert FaceModel(search="track").ingredients()["search"] == "track"


def test_a_tracks_cache_is_its_own(tmp_path):
    video = clips.write(tmp_path / "face.mp4", clips.moving(8))
    tracks = {}
    for faces in ("exact", "track", "exact", "track"):
        protocol = PROTOCOLS["talkbench-1"].with_options(faces=faces)
        with opened(video, 25, protocol=protocol, cache=tmp_path / "cache") as source:
            track = Side(source, Whole(256)).finish()
        np.testing.assert_array_equal(tracks.setdefault(faces, track).landmarks, track.landmarks)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 2
    assert (tracks["exact"].landmarks != tracks["track"].landmarks).any()


def real_clips():
    return [file for kind in REAL for file in sorted(clips.MEDIA.glob(kind))[:1]]


@pytest.mark.skipif(not real_clips(), reason="no real clips beside the repository")
def test_real_clips_score_as_with_the_exact_search(tmp_path):
    """docs/landmarks.md has this for every clip."""
    deviations = []
    for file in real_clips():
        frames = []
        for frame in read_frames(file, source_rate=probe(file, rate=25).rate, rate=25):
            frames.append(Whole(256)(frame))
            if len(frames) == 30:
                break
        soft = [cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in frames]
        copy = clips.write(tmp_path / f"{file.stem}.mp4", soft, options={"crf": "35", "threads": "1"})
        sides = [[grey(f) for f in side] for side in (frames, read_frames(copy, source_rate=25, rate=None))]
        exact = [np.stack([FINDER.find(frame).landmarks for frame in side]) for side in sides]
        track = [np.stack([face.landmarks for face in followed(side)]) for side in sides]
        assert all(np.isnan(a).sum() >= np.isnan(b).sum() for a, b in zip(exact, track, strict=True))
        for part in (slice(None), MOUTH):
            deviations.append(distance(*track, part).mean() / distance(*exact, part).mean() - 1)
    assert np.abs(deviations).mean() < 0.02
    assert np.abs(deviations).max() < 0.04
