"""The corpus to train on: all emotions, the same sentences in each, told apart by ear and by eye on unheard ones."""

import numpy as np
import pytest

from talkbench.baselines.mead import EMOTIONS
from talkbench.bench.demo.corpus import animate
from talkbench.bench.demo.pose import Pose
from talkbench.bench.errors import TalkbenchError
from talkbench.reference_model import demo_corpus
from talkbench.reference_model.corpus import find_corpus
from talkbench.reference_model.demo_corpus import demo_utterances, write_demo_corpus
from talkbench.reference_model.mfcc import mfcc

NUMBERS = [name for name in Pose.__dataclass_fields__ if isinstance(getattr(Pose(), name), float)]


def test_eight_emotions_in_the_same_ten_sentences():
    utterances = demo_utterances()
    assert len(utterances) == 80
    for emotion in EMOTIONS:
        mine = [one for one in utterances if one.emotion == emotion]
        assert [one.sentence for one in mine] == list(range(1, 11))
        assert {one.level for one in mine} == {1 if emotion == "neutral" else 3}
    assert {one.speaker for one in utterances} == {"M003"}
    assert len(demo_utterances(("M003", "W009"), 2)) == 32
    with pytest.raises(TalkbenchError, match="no demo speaker 'M999'"):
        demo_utterances(("M999",))


@pytest.mark.parametrize("sense", ["sound", "face"])
def test_unheard_sentences_tell_their_emotion(sense):
    """Nearest mean of the emotion, learnt on two sentences: chance is one in eight."""

    def seen(one):
        animation = animate(one)
        if sense == "face":
            return np.mean([[getattr(pose, name) for name in NUMBERS] for pose in animation.poses], axis=0)
        count = len(animation.audio) // 640
        features = mfcc(animation.audio[: 640 * count], count)[12:-12]
        return np.concatenate([features.mean(axis=0), features.std(axis=0)])

    utterances = demo_utterances(sentences=3)
    values = np.array([seen(one) for one in utterances])
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)
    train = np.array([one.sentence != 1 for one in utterances])
    names = np.array([one.emotion for one in utterances])
    means = np.array([values[train & (names == emotion)].mean(axis=0) for emotion in EMOTIONS])
    guessed = [EMOTIONS[int(np.linalg.norm(means - value, axis=1).argmin())] for value in values[~train]]
    assert np.mean([one == other for one, other in zip(guessed, names[~train], strict=True)]) >= 0.75


def test_what_is_there_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_corpus, "_SYLLABLES", 1)
    monkeypatch.setattr(demo_corpus, "EMOTIONS", ("angry", "neutral"))
    steps = []
    paths = write_demo_corpus(tmp_path, sentences=1, progress=lambda *at: steps.append(at))
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "M003/video/front/angry/level_3/001.mp4",
        "M003/video/front/neutral/level_1/001.mp4",
    ]
    assert [clip.id for clip in find_corpus(tmp_path).clips] == ["M003/angry/level_3/001", "M003/neutral/level_1/001"]
    before = paths[0].stat().st_ino, paths[1].read_bytes()
    paths[1].unlink()
    write_demo_corpus(tmp_path, sentences=1, progress=lambda *at: steps.append(at))
    assert (paths[0].stat().st_ino, paths[1].read_bytes()) == before
    assert steps == [("make", 1, 2), ("make", 2, 2), ("make", 2, 2)]
