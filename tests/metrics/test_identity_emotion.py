"""CSIM and emotion accuracy: dlib's own descriptors, and made-up ONNX networks of known behaviour."""

import json
from pathlib import Path

import clips
import cv2
import dlib
import networks
import numpy as np
import pytest
from skimage.transform import estimate_transform, warp

from talkbench.bench.faces import FaceFinder, FaceModel, grey
from talkbench.metrics import METRICS
from talkbench.metrics.contract import Facts
from talkbench.metrics.csim import _ARCFACE, arcface_chip, arcface_embedder, dlib_embedder, identity_similarity
from talkbench.metrics.emotion import EMOTIONS, EmotionEmbedder, emotion_accuracy, face_square, load_classifier

NOBODY = np.full((68, 2), np.nan, np.float32)


@pytest.fixture(scope="module")
def portrait():
    frame = clips.portrait(256)
    return frame, FaceFinder(FaceModel()).find(grey(frame)).landmarks


def rows(embedder, frames, points):
    return np.stack([embedder.add(frame, one) for frame, one in zip(frames, points, strict=True)])


def facts(embeddings, emotion=None):
    return Facts(np.zeros((len(embeddings), 68, 2)), 25, (256, 256), emotion=emotion, embeddings=embeddings)


def test_dlib_s_descriptor_is_that_of_dlib_s_own_shape(portrait):
    """dlib's own way from a frame to 128 numbers: its 68-point predictor on its detector's box."""
    from talkbench.bench.faces import weights_path

    frame, points = portrait
    detected = dlib.get_frontal_face_detector()(frame, 0)[0]
    shape = dlib.shape_predictor(str(weights_path()))(frame, detected)
    model = dlib.face_recognition_model_v1(
        str(Path(weights_path()).with_name("dlib_face_recognition_resnet_model_v1.dat"))
    )
    expected = np.array(model.compute_face_descriptor(frame, shape))
    own = np.array([(part.x, part.y) for part in shape.parts()], np.float32)
    assert dlib_embedder().add(frame, own) == pytest.approx(expected, abs=1e-6)
    assert np.linalg.norm(dlib_embedder().add(frame, points) - expected) < 0.3  # the same person by dlib's rule of 0.6


def test_every_fifth_frame_with_a_face_is_embedded(portrait):
    frame, points = portrait
    given = [points] * 5 + [NOBODY] * 5 + [points]
    embedded = rows(dlib_embedder(every=5), [frame] * 11, given)
    assert np.flatnonzero(~np.isnan(embedded).any(axis=1)).tolist() == [0, 10]
    found = identity_similarity(facts(embedded), facts(embedded.copy()), every=5)
    assert (found.value, found.frames) == (1.0, 10)


def test_the_same_person_is_nearer_than_what_is_hardly_a_face(portrait):
    frame, points = portrait
    blurred = cv2.GaussianBlur(frame, (0, 0), 3)
    stretched = np.ascontiguousarray(frame[::-1])
    real, soft, wrong = (rows(dlib_embedder(), [one], [points]) for one in (frame, blurred, stretched))
    near, far = (identity_similarity(facts(real), facts(other)).value for other in (soft, wrong))
    assert 1 > near > far


def test_no_face_is_missing_in_words(portrait):
    nothing = facts(np.full((7, 128), np.nan, np.float32))
    found = identity_similarity(nothing, nothing)
    assert np.isnan(found.value)
    assert found.reason == "no 25th frame has a face on both sides"
    assert identity_similarity(Facts(np.zeros((7, 68, 2)), 25, (9, 9)), nothing).reason == "no frames"


def test_arcface_s_template():
    """insightface's `arcface_dst` of `face_align.py`: what its networks were trained on."""
    assert _ARCFACE.tolist() == [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]


def test_an_embedder_takes_the_frames_that_it_is_told_to(portrait):
    frame, points = portrait
    for every, taken in ((1, [0, 1, 2, 3, 4, 5, 6]), (2, [0, 2, 4, 6]), (3, [0, 3, 6])):
        embedded = rows(dlib_embedder(every=every), [frame] * 7, [points] * 7)
        assert np.flatnonzero(~np.isnan(embedded).any(axis=1)).tolist() == taken
        assert identity_similarity(facts(embedded), facts(embedded), every=every).frames == 7


def test_a_similarity_with_numbers():
    one, other = (np.array(rows, np.float32) for rows in ([[3, 4], [1, 0], [5, 0]], [[4, 3], [0, 1], [0, 0.5]]))
    assert identity_similarity(facts(one), facts(other), every=1).value == pytest.approx((0.96 + 0 + 0) / 3, abs=1e-15)


def test_arcface_s_chip_is_the_best_similarity_to_its_template(portrait):
    frame, points = portrait
    five = [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    similarity = estimate_transform("similarity", np.array(five), _ARCFACE)
    expected = warp(frame, similarity.inverse, output_shape=(112, 112), order=1, preserve_range=True)
    assert np.abs(arcface_chip(frame, points).astype(float) - expected).mean() < 1


def test_arcface_s_network_gets_its_chip(tmp_path, portrait):
    frame, points = portrait
    weights = str(networks.onnx_file(tmp_path / "arcface.onnx", (3, 112, 112), 4))
    chip = (arcface_chip(frame, points).astype(float) - 127.5) / 127.5
    expected = chip.reshape(4, 28, 4, 28, 3).mean(axis=(1, 3)).transpose(2, 0, 1).reshape(-1)
    assert arcface_embedder(weights=weights).add(frame, points) == pytest.approx(expected, abs=1e-5)
    raw = arcface_embedder(weights=weights, mean=0, scale=1).add(frame, points)
    assert raw == pytest.approx(expected * 127.5 + 127.5, abs=1e-3)


def test_other_files_are_refused_in_words(tmp_path):
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be used as an ONNX network that takes 3 × 112 × 112"):
        METRICS["CSIM-ArcFace"].load(str(wrong))
    other_size = networks.onnx_file(tmp_path / "other.onnx", (3, 64, 64), 1)
    with pytest.raises(ValueError, match="takes 3 × 112 × 112"):
        METRICS["CSIM-ArcFace"].load(str(other_size))


def test_face_square_is_centred_and_black_outside():
    frame = np.full((100, 120, 3), 9, np.uint8)
    points = np.zeros((68, 2))
    points[:, 0] = np.linspace(0, 40, 68)
    points[:, 1] = np.linspace(40, 80, 68)
    square = face_square(frame, points, 1.5)
    assert square.shape == (60, 60, 3)
    assert (square[:, :10] == 0).all()
    assert (square[:, 10:] == 9).all()
    for outside in ((1000, 0), (-1000, 0), (0, 1000), (0, -1000)):
        assert face_square(frame, points + outside, 1.5).max() == 0
    lower = points + np.array([0, 50])
    assert face_square(frame, lower, 1.5)[:, 10:].max(axis=(1, 2)).tolist() == [9] * 20 + [0] * 40


@pytest.mark.parametrize(("channel", "seen"), [(0, "angry"), (1, "happy"), (2, "sad")])
def test_a_tinted_face_is_what_the_classifier_was_made_to_see(tmp_path, portrait, channel, seen):
    _, points = portrait
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[..., channel] = 200
    embedded = rows(EmotionEmbedder(weights=str(networks.classifier(tmp_path))), [frame] * 6, [points] * 6)
    for emotion in ("angry", "happy", "sad"):
        found = emotion_accuracy(facts(embedded, emotion))
        assert found.value == (100.0 if emotion == seen else 0.0)
        assert found.frames == 6
        assert max(found.parts, key=lambda part: np.nan_to_num(found.parts[part])) == f"p-{seen}"
    known = [found.parts[f"p-{emotion}"] for emotion in ("angry", "happy", "sad")]
    assert sum(known) == pytest.approx(1)
    assert emotion_accuracy(facts(embedded, "fear")).reason == "the classifier does not know 'fear'"
    assert emotion_accuracy(facts(embedded, None)).reason == "the clip bears no emotion"


def test_a_class_that_is_none_of_mead_s_can_win_and_is_wrong(tmp_path, portrait):
    _, points = portrait
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[..., 2] = 200
    weights = str(networks.classifier(tmp_path, ("angry", "happy", "bored")))
    embedded = rows(EmotionEmbedder(weights=weights), [frame], [points])
    assert emotion_accuracy(facts(embedded, "happy")).value == 0


def test_a_row_holds_the_eight_emotions_and_the_best_of_the_others(tmp_path, portrait):
    _, points = portrait
    frame = np.full((256, 256, 3), (10, 20, 35), np.uint8)
    weights = str(networks.classifier(tmp_path, ("surprised", "bored", "asleep"), std=[1, 1, 1]))
    row = EmotionEmbedder(weights=weights).add(frame, points)
    odds = np.exp(np.array([10, 20, 35]) / 255)
    assert np.isnan(row[:7]).all()
    assert row[7:] == pytest.approx([odds[0] / odds.sum(), odds[2] / odds.sum()], abs=1e-6)


@pytest.mark.parametrize(
    ("colour", "changes", "expected"),
    [
        ((51, 51, 153), {}, (0.2, 0.2, 0.6)),
        ((0, 102, 153), {}, (0.0, 0.4, 0.6)),  # a class may have none
        ((51, 51, 204), {}, None),  # sum to 1.2
        ((0, 51, 255), {"mean": [0.1, 0.1, 0.0]}, None),  # −0.1, 0.1 and 1 sum to 1, and one is negative
        ((100, 30, 200), {"mean": [0.5, 0.4, 0.3], "std": [0.5, 2.0, 0.1]}, None),
    ],
)
def test_probabilities_stay_as_they_are_and_scores_become_some(tmp_path, portrait, colour, changes, expected):
    _, points = portrait
    weights = networks.classifier(tmp_path)
    described = {"labels": ["angry", "happy", "sad"], "size": 16} | changes
    Path(f"{weights}.json").write_text(json.dumps(described))
    row = EmotionEmbedder(weights=str(weights)).add(np.full((256, 256, 3), colour, np.uint8), points)
    if expected is None:
        scores = (np.array(colour) / 255 - described.get("mean", 0)) / described.get("std", 1)
        expected = np.exp(scores) / np.exp(scores).sum()
    assert row[[0, 4, 6]] == pytest.approx(expected, abs=1e-6)


def test_an_emotion_is_looked_for_in_every_fifth_frame(tmp_path, portrait):
    frame, points = portrait
    embedded = rows(EmotionEmbedder(weights=str(networks.classifier(tmp_path))), [frame] * 12, [points] * 12)
    assert np.flatnonzero(~np.isnan(embedded).all(axis=1)).tolist() == [0, 5, 10]
    assert emotion_accuracy(facts(embedded, "happy")).frames == 12


def test_without_faces_there_is_no_accuracy(tmp_path):
    embedded = rows(EmotionEmbedder(weights=str(networks.classifier(tmp_path))), [clips.portrait()], [NOBODY])
    found = emotion_accuracy(facts(embedded, "happy"))
    assert np.isnan(found.value)
    assert found.reason == "no 5th frame has a face"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": ["angry"]}, "returns 3 classes, but .* names 1"),
        ({"channels": "bgr"}, "labels, size, channels"),
        ({"size": "large"}, "labels, size, channels"),
        ({"channels": "grey"}, "takes 1 × 16 × 16"),
        (None, "needs .*json beside it"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_in_words(tmp_path, changes, words):
    weights = networks.classifier(tmp_path, **(changes or {})) if not (changes or {}).get("labels") else None
    weights = weights or networks.classifier(tmp_path, tuple(changes["labels"]))
    if changes is None:
        Path(f"{weights}.json").unlink()
    with pytest.raises(ValueError, match=words):
        load_classifier(str(weights))


def test_emotions_are_mead_s():
    from talkbench.baselines import mead

    assert EMOTIONS == mead.EMOTIONS
