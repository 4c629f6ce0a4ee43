"""The corpus as files, and the simulated failures: each does what its name says, and nothing else."""

import hashlib
import subprocess
import sys
from itertools import islice

import av
import cv2
import numpy as np
import pytest

from talkbench.baselines.mead import EMOTIONS, parse
from talkbench.bench.demo.corpus import Utterance, animate, corpus, true_landmarks, write_corpus
from talkbench.bench.demo.methods import (
    LATE_FRAMES,
    METHODS,
    frozen_mouth_poses,
    neutralised_poses,
    take_frames,
    write_methods,
)
from talkbench.bench.errors import TalkbenchError

SHORT = [Utterance("M003", "angry", 3, 1, syllables=2), Utterance("W015", "sad", 1, 2, syllables=2)]
ONE = Utterance("W009", "happy", 3, 4, syllables=4)
DIGEST = """
import hashlib
from talkbench.bench.demo.corpus import Utterance, animate
animation = animate(Utterance("M030", "fear", 2, 9, size=128, syllables=2))
digest = hashlib.sha256(animation.audio.tobytes())
for frame, points in animation.frames():
    digest.update(frame.tobytes() + points.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The short corpus at 96 px with all methods, written in one process."""
    root = tmp_path_factory.mktemp("written")
    paths = write_methods(root / "gen", SHORT, ground_truth=root / "gt", size=96)
    return root, paths


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def sharpness(frame):
    return cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()


def test_the_layout_is_meads_and_flat_names_are_the_same_clip(written):
    root, paths = written
    real = sorted((root / "gt").rglob("*.mp4"))
    assert [path.relative_to(root / "gt").as_posix() for path in real] == [
        "M003/video/front/angry/level_3/001.mp4",
        "W015/video/front/sad/level_1/002.mp4",
    ]
    assert list(paths) == list(METHODS)
    for takes in paths.values():
        assert [take.name for take in takes] == ["M003_angry_level_3_001.mp4", "W015_sad_level_1_002.mp4"]
        for one, other in zip(real, takes, strict=True):
            assert parse(one.with_suffix("")).clip_id == parse(other.with_suffix("")).clip_id
    assert not [name for name in files(root) if ".part" in name]


def test_true_landmarks_lie_beside_the_videos(written):
    root, _ = written
    saved = np.load(root / "gt" / SHORT[0].path("landmarks", ".npy"))
    assert saved.dtype == np.float32
    truth = true_landmarks(Utterance("M003", "angry", 3, 1, size=96, syllables=2))
    np.testing.assert_allclose(saved, truth, atol=1e-4)
    with av.open(str(root / "gt" / SHORT[0].path())) as file:
        assert len(list(file.decode(video=0))) == len(saved)
        assert file.streams.audio


def test_the_same_bytes_from_one_process_or_two(written, tmp_path):
    root, _ = written
    steps = []
    write_methods(
        tmp_path / "gen", SHORT, ground_truth=tmp_path / "gt", size=96, workers=2, progress=lambda *at: steps.append(at)
    )
    assert files(tmp_path) == files(root)
    assert steps == [(1, 2), (2, 2)]


def test_write_corpus_writes_what_write_methods_calls_the_truth(written, tmp_path):
    root, _ = written
    assert write_corpus(tmp_path, SHORT, size=96) == [tmp_path / utterance.path() for utterance in SHORT]
    assert files(tmp_path) == files(root / "gt")


def test_the_same_frames_landmarks_and_sound_in_another_process():
    animation = animate(Utterance("M030", "fear", 2, 9, size=128, syllables=2))
    digest = hashlib.sha256(animation.audio.tobytes())
    for frame, points in animation.frames():
        digest.update(frame.tobytes() + points.tobytes())
    other = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest.hexdigest()


def test_a_corpus_goes_round_speakers_emotions_and_levels():
    chosen = corpus(24, size=128)
    assert len({utterance.name for utterance in chosen}) == 24
    assert {utterance.emotion for utterance in chosen} == set(EMOTIONS)
    assert {utterance.level for utterance in chosen} == {1, 2, 3}
    assert {utterance.level for utterance in chosen if utterance.emotion == "neutral"} == {1}
    assert len({utterance.speaker for utterance in chosen}) >= 6
    assert {utterance.size for utterance in chosen} == {128}


def test_late_is_exactly_three_frames_late_and_as_long():
    real = [frame for frame, _ in animate(ONE).frames()]
    late = list(take_frames(ONE, "late-3-frames"))
    assert LATE_FRAMES == 3
    assert len(late) == len(real)
    for k, frame in enumerate(late):
        assert np.array_equal(frame, real[max(0, k - 3)])


def test_a_frozen_mouth_stays_at_rest_while_all_else_moves():
    animation = animate(ONE)
    frozen = frozen_mouth_poses(animation)
    truth = true_landmarks(ONE)
    take = np.stack([points for _, points in animation.frames(frozen)])
    assert np.ptp(truth[:, 66, 1] - truth[:, 62, 1]) > 5
    np.testing.assert_allclose(take[:, [65, 66, 67]], take[:, [63, 62, 61]], atol=0.6)  # closed in every frame
    own = take[:, 48:68] - take[:, 48:68].mean(axis=1, keepdims=True)
    assert own.std(axis=0).max() < 0.6  # only the head's turning is left
    np.testing.assert_allclose(take[:, 36:48], truth[:, 36:48], atol=0.1)  # lids, and so the head, move as before
    np.testing.assert_allclose(take[:, 17:27], truth[:, 17:27], atol=0.1)
    rendered = list(islice(take_frames(ONE, "frozen-mouth"), 3))
    assert all(np.array_equal(a, b) for a, (b, _) in zip(rendered, animation.frames(frozen), strict=False))


def test_neutralised_says_the_words_without_the_emotion():
    animation = animate(ONE)
    plain = neutralised_poses(animation)
    assert [pose.jaw for pose in plain] == [pose.jaw for pose in animation.poses]
    truth = true_landmarks(ONE)
    take = np.stack([points for _, points in animation.frames(plain)])
    opening, spoken = (points[:, 66, 1] - points[:, 62, 1] for points in (truth, take))
    assert np.corrcoef(opening, spoken)[0, 1] > 0.95
    smile, rest = ((points[:, 57] - points[:, [48, 54]].mean(axis=1))[:, 1].mean() for points in (truth, take))
    assert smile > rest + 3


def test_blurred_is_blurred_and_not_moved():
    real = next(frame for frame, _ in animate(ONE).frames())
    soft = next(take_frames(ONE, "blurred"))
    assert sharpness(soft) < 0.1 * sharpness(real)
    assert soft.flags.c_contiguous
    assert np.abs(soft.astype(float).mean() - real.mean()) < 1


def test_re_encoded_is_the_same_frames_in_fewer_bytes(written):
    root, paths = written
    assert all(
        np.array_equal(a, b) for a, (b, _) in zip(take_frames(ONE, "re-encoded"), animate(ONE).frames(), strict=True)
    )
    for path, utterance in zip(paths["re-encoded"], SHORT, strict=True):
        sizes = [
            sum(packet.size for packet in av.open(str(file)).demux(video=0))
            for file in (path, root / "gt" / utterance.path())
        ]
        assert sizes[0] < 0.5 * sizes[1]


def test_every_take_has_the_frames_and_the_sound_of_its_utterance(written):
    root, paths = written
    for takes in paths.values():
        for take, utterance in zip(takes, SHORT, strict=True):
            with av.open(str(take)) as one, av.open(str(root / "gt" / utterance.path())) as other:
                assert one.streams.video[0].frames == other.streams.video[0].frames
                sounds = [[bytes(packet) for packet in file.demux(audio=0)] for file in (one, other)]
                assert sounds[0] == sounds[1]


def test_unknown_methods_are_named_with_the_known_ones(tmp_path):
    with pytest.raises(TalkbenchError, match=r"unknown demo method 'frozen'.*frozen-mouth"):
        write_methods(tmp_path, SHORT, methods=["frozen"])
