"""dlib against the truth: its 68 points on the demo's frames, at 256 px, found as the protocol finds them."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkbench.baselines.mead import EMOTIONS
from talkbench.bench.demo.corpus import Utterance, animate
from talkbench.bench.demo.face import render
from talkbench.bench.demo.speakers import SPEAKERS

dlib = pytest.importorskip("dlib")
PARTS = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}


@cache
def detector_and_predictor():
    model = Path(find_spec("face_recognition_models").origin).parent / "models/shape_predictor_68_face_landmarks.dat"
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))


def found_by_dlib(frame):
    """The 68 points (68, 2) of the largest face, or NaN."""
    grey = np.ascontiguousarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
    detector, predictor = detector_and_predictor()
    faces = detector(grey, 0)
    if not faces:
        return np.full((68, 2), np.nan)
    return np.array([(p.x, p.y) for p in predictor(grey, max(faces, key=dlib.rectangle.area)).parts()], float)


@cache
def measured():
    """Truth and dlib, (N, 68, 2) each, over every speaker and emotion, levels 1 to 3, and the speaker of each frame."""
    truth, found, who = [], [], []
    for number, speaker in enumerate(SPEAKERS):
        for k, emotion in enumerate(EMOTIONS):
            level = 1 if emotion == "neutral" else 1 + (k + number) % 3
            animation = animate(Utterance(speaker, emotion, level, 10 * number + k))
            for pose in animation.poses[3::12]:
                frame, points = render(speaker, pose)
                truth.append(points)
                found.append(found_by_dlib(frame))
                who.append(speaker)
    return np.array(truth), np.array(found), np.array(who)


def correlation(measure):
    """How well a distance measured by dlib follows the truth, within speakers."""
    truth, found, who = measured()
    rows = []
    for speaker in SPEAKERS:
        chosen = (who == speaker) & ~np.isnan(found[:, 0, 0])
        pair = np.stack([measure(truth[chosen]), measure(found[chosen])])
        rows.append(pair - pair.mean(axis=1, keepdims=True))
    return float(np.corrcoef(np.concatenate(rows, axis=1))[0, 1])


def test_dlib_finds_the_face_in_99_of_100_frames():
    _, found, _ = measured()
    assert len(found) > 280
    assert np.isnan(found[:, 0, 0]).mean() <= 0.01


def test_dlib_agrees_with_the_truth_within_two_pixels():
    truth, found, who = measured()
    error = np.linalg.norm(found - truth, axis=2)
    by_part = {name: round(float(np.nanmean(error[:, part])), 2) for name, part in PARTS.items()}
    by_speaker = {name: round(float(np.nanmean(error[who == name])), 2) for name in SPEAKERS}
    print(f"\ndlib against truth: {np.nanmean(error):.2f} px", by_part, by_speaker)  # noqa: T201
    assert np.nanmean(error) < 2.0
    assert max(by_speaker.values()) < 2.5
    assert by_part["eyes"] < 1.5
    assert by_part["mouth"] < 2.6


def test_dlib_follows_mouth_brows_lids_and_head():
    opening = correlation(lambda points: points[:, 66, 1] - points[:, 62, 1])
    width = correlation(lambda points: points[:, 54, 0] - points[:, 48, 0])
    brows = correlation(lambda points: points[:, 36:48, 1].mean(axis=1) - points[:, 17:27, 1].mean(axis=1))
    lids = correlation(lambda points: (points[:, [40, 41, 46, 47]] - points[:, [38, 37, 44, 43]])[..., 1].mean(axis=1))
    nose = correlation(lambda points: points[:, 30, 0])
    print(f"\nopening {opening:.3f} width {width:.3f} brows {brows:.3f} lids {lids:.3f} nose {nose:.3f}")  # noqa: T201
    assert opening > 0.95
    assert width > 0.85
    assert brows > 0.8
    assert lids > 0.6
    assert nose > 0.97
