"""The split: no sentence on both sides, whatever the corpus looks like; one in five held out where that can be."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.bench.errors import TalkbenchError
from talkbench.reference_model.corpus import EMOTIONS, CorpusClip
from talkbench.reference_model.split import split_clips, warnings


def clip(sentence, emotion="angry", level=3, speaker="M003"):
    return CorpusClip(speaker, emotion, level, str(sentence), Path(f"{speaker}-{emotion}-{level}-{sentence}.mp4"))


names = st.one_of(
    st.integers(1, 40).map(lambda n: f"{n:03d}"), st.sampled_from(["DFA", "IEO", "MTI", "TAI", "WSI", "44_02", "7_1"])
)
corpora = st.sets(
    st.tuples(names, st.sampled_from(EMOTIONS), st.sampled_from([1, 2, 3, None]), st.sampled_from(["M003", "W009"])),
    min_size=2,
    max_size=40,
).map(lambda drawn: [clip(*one) for one in sorted(drawn, key=str)])


def splittable(clips):
    spoken = {(one.speaker, one.emotion, one.sentence) for one in clips}
    counts = Counter((speaker, emotion) for speaker, emotion, _ in spoken)
    return all(any(counts[speaker, emotion] > 1 for emotion in EMOTIONS) for speaker in {one.speaker for one in clips})


@given(corpora)
def test_no_sentence_of_a_speaker_is_on_both_sides(clips):
    """Neither over levels nor over emotions; and neither side is empty."""
    try:
        sides = split_clips(clips)
    except TalkbenchError as error:
        speaker = str(error).split()[1]
        assert all(
            len({one.sentence for one in clips if (one.speaker, one.emotion) == (speaker, emotion)}) < 2
            for emotion in EMOTIONS
        )
        return
    assert sides.keys() == {one.id for one in clips}
    where = {}
    for one in clips:
        where.setdefault((one.speaker, one.sentence), set()).add(sides[one.id])
    assert all(len(found) == 1 for found in where.values())
    for speaker in {one.speaker for one in clips}:
        assert {sides[one.id] for one in clips if one.speaker == speaker} == {"train", "test"}


@settings(max_examples=30)
@given(corpora.filter(splittable), st.randoms())
def test_the_order_of_files_does_not_matter(clips, random):
    shuffled = list(clips)
    random.shuffle(shuffled)
    assert split_clips(shuffled) == split_clips(clips)


@given(count=st.integers(2, 40), emotions=st.sets(st.sampled_from(EMOTIONS), min_size=1))
def test_shared_sentences_are_split_by_index_modulo_five(count, emotions):
    clips = [
        clip(f"{n:03d}", emotion, level) for n in range(1, count + 1) for emotion in emotions for level in (1, 2, 3)
    ]
    sides = split_clips(clips)
    for one in clips:
        assert sides[one.id] == ("test" if (int(one.sentence) - 1) % 5 == 0 else "train")


@given(counts=st.lists(st.integers(1, 20), min_size=1, max_size=8).filter(lambda counts: max(counts) > 1))
def test_sentences_of_one_emotion_each_are_split_by_their_index_in_it(counts):
    clips, number = [], 0
    for emotion, count in zip(EMOTIONS, counts, strict=False):
        clips += [clip(f"{number + n:03d}", emotion) for n in range(count)]
        number += count
    sides = split_clips(clips)
    for emotion, count in zip(EMOTIONS, counts, strict=False):
        mine = [sides[one.id] for one in clips if one.emotion == emotion]
        assert mine == ["test" if n % 5 == 0 else "train" for n in range(count)]


def test_sentences_dealt_out_in_turn_are_stratified():
    """Index modulo 5 over the whole speaker would put one emotion's sentences all on one side."""
    clips = [clip(f"{n:03d}", EMOTIONS[n % 5]) for n in range(50)]
    sides = split_clips(clips)
    held = Counter(one.emotion for one in clips if sides[one.id] == "test")
    assert held == dict.fromkeys(EMOTIONS[:5], 2)


def test_mead_is_split_eight_to_two():
    clips = [clip(f"{n:03d}", emotion) for emotion in EMOTIONS for n in range(1, 41 if emotion == "neutral" else 31)]
    sides = split_clips(clips)
    held = Counter(one.emotion for one in clips if sides[one.id] == "test")
    assert held == {emotion: 8 if emotion == "neutral" else 6 for emotion in EMOTIONS}
    assert warnings(clips, sides, "sentence") == []


def test_numbers_are_ordered_as_numbers():
    clips = [clip(n) for n in range(1, 12)]
    assert [one.sentence for one in clips if split_clips(clips)[one.id] == "test"] == ["1", "6", "11"]


def test_one_sentence_is_refused_with_what_can_be_done():
    clips = [clip("DFA", emotion, None, "1001") for emotion in ("angry", "happy", "sad")]
    with pytest.raises(
        TalkbenchError, match=r"1001 says no emotion in more than one sentence \(DFA\).*--split clip.*--split none"
    ):
        split_clips(clips)
    assert set(split_clips(clips, "none").values()) == {"train"}
    by_clip = split_clips(clips, "clip")
    assert [by_clip[one.id] for one in clips] == ["test", "train", "train"]
    said = warnings(clips, by_clip, "clip")
    assert "no result" in said[0]
    assert said[1:] == ["Speaker 1001: no train clip in angry.", "Speaker 1001: no test clip in happy, sad."]
    assert warnings(clips, split_clips(clips, "none"), "none") == [
        "No test clips: nothing is held out, and nothing can be scored."
    ]
