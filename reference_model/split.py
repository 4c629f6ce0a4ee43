"""Training and test: 8 to 2 by sentence, so that nothing that is tested was heard in training, at whatever level.

A speaker's sentences are gone through in order, and one is held out whenever the emotions in which it is said are due a
test sentence: before a fifth of what each has had so far was held out. Where the emotions share their sentences (MEAD:
001, 002, …) or share none, this is just "index % 5 == 0" in each emotion; in between it still puts every recording of a
sentence, in all emotions and levels, on one side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from ..bench.errors import TalkbenchError
from .corpus import CorpusClip

Split = Literal["sentence", "clip", "none"]
"""By sentence; by clip, which tests sentences heard in training; or no test clips at all."""
Side = Literal["train", "test"]
SHARE = 5
"""One sentence in so many is held out."""


def split_clips(clips: Sequence[CorpusClip], by: Split = "sentence") -> dict[str, Side]:
    """Return the side of every clip by its id.

    Raises TalkbenchError where a speaker has no emotion in more than one sentence: nothing would be left to train on.
    """
    sides: dict[str, Side] = {}
    for speaker, mine in _grouped(clips).items():
        if by == "none":
            held: set[str] = set()
        elif by == "clip":
            held = {clip.id for clip in sorted(mine, key=lambda clip: natural(clip.id))[::SHARE]}
        else:
            held = _held_out(speaker, mine)
        sides |= {clip.id: "test" if clip.id in held else "train" for clip in mine}
    return sides


def _held_out(speaker: str, clips: Sequence[CorpusClip]) -> set[str]:
    emotions: dict[str, set[str]] = {}
    for clip in clips:
        emotions.setdefault(clip.sentence, set()).add(clip.emotion)
    seen: Counter[str] = Counter()
    held: Counter[str] = Counter()
    out = set()
    for sentence in sorted(emotions, key=natural):
        if sum(seen[emotion] - SHARE * held[emotion] for emotion in emotions[sentence]) >= 0:
            held.update(emotions[sentence])
            out.add(sentence)
        seen.update(emotions[sentence])
    if len(out) == len(emotions):
        raise TalkbenchError(
            f"Speaker {speaker} says no emotion in more than one sentence ({', '.join(sorted(out, key=natural)[:3])}), "
            "so that a split by sentence leaves nothing to train on. Pass --split clip to test on sentences heard in "
            "training, which is a trial and no result, or --split none to train on all clips."
        )
    return {clip.id for clip in clips if clip.sentence in out}


def warnings(clips: Sequence[CorpusClip], sides: Mapping[str, Side], by: Split) -> list[str]:
    """Say what is wrong with a split: in a sentence each, for whoever reads its numbers."""
    said = []
    if by == "clip":
        said.append("Split by clip: test sentences were heard in training. Numbers from this are no result.")
    if by == "none":
        said.append("No test clips: nothing is held out, and nothing can be scored.")
    for speaker, mine in _grouped(clips).items() if by != "none" else ():
        counts = {
            emotion: Counter(sides[clip.id] for clip in mine if clip.emotion == emotion)
            for emotion in sorted({clip.emotion for clip in mine})
        }
        for side in ("train", "test"):
            lacking = [emotion for emotion, count in counts.items() if not count[side]]
            if lacking:
                said.append(f"Speaker {speaker}: no {side} clip in {', '.join(lacking)}.")
    return said


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which 9 comes before 10.

    >>> sorted(["s10", "s9"], key=natural)
    ['s9', 's10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((int(part), "") if part[0] in "0123456789" else (-1, part) for part in parts)


def _grouped(clips: Iterable[CorpusClip]) -> dict[str, list[CorpusClip]]:
    groups: dict[str, list[CorpusClip]] = {}
    for clip in clips:
        groups.setdefault(clip.speaker, []).append(clip)
    return groups
