"""The clips of a corpus: who speaks, in which emotion, how strongly, which sentence, and where picture and sound lie.

MEAD: `<actor>/video/<view>/<emotion>/level_<n>/<NNN>.mp4` and the flat spellings of its names (`baselines/mead.py`).
A video without sound of its own goes with `<actor>/audio/<emotion>/level_<n>/<NNN>.m4a`.

Any other corpus: the path below its folder is cut into words. One word names the emotion (`angry`, `ANG`, `happiness`),
one may name the level (`level_3`; CREMA-D's `LO`, `MD`, `HI`, and `XX` for none). Of the rest the first is the speaker,
and the others together are the sentence: `1001_DFA_ANG_XX.flv` is speaker 1001, angry, no level, sentence DFA. A name
that says no emotion, several, or too little is not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..baselines import folder, mead
from ..baselines.contract import Found
from ..bench.errors import TalkbenchError
from .audio import SUFFIXES

EMOTIONS = mead.EMOTIONS
"""The emotions in the order of their ids, 0 to 7."""

_WORDS = {emotion: emotion for emotion in EMOTIONS} | {
    **{"ang": "angry", "anger": "angry", "con": "contempt", "dis": "disgusted", "disgust": "disgusted"},
    **{"fea": "fear", "fearful": "fear", "hap": "happy", "happiness": "happy", "neu": "neutral", "sadness": "sad"},
    **{"sur": "surprised", "surprise": "surprised"},
}
_LEVELS = {"lo": 1, "md": 2, "hi": 3, "xx": None}


@dataclass(frozen=True)
class CorpusClip:
    """One clip of a corpus. `level` is None where the corpus does not say; `audio` is a sound file beside the video."""

    speaker: str
    emotion: str
    level: int | None
    sentence: str
    video: Path
    audio: Path | None = None

    @property
    def id(self) -> str:
        """Return the clip id, as the bench has it for MEAD: `M003/angry/level_3/001`; without a level, less that."""
        return "/".join([self.speaker, self.emotion, *self._level, self.sentence])

    @property
    def path(self) -> PurePosixPath:
        """Return the clip's path in MEAD's layout, without a suffix: `M003/video/front/angry/level_3/001`."""
        return PurePosixPath(self.speaker, "video", "front", self.emotion, *self._level, self.sentence)

    @property
    def _level(self) -> list[str]:
        return [] if self.level is None else [f"level_{self.level}"]


@dataclass(frozen=True)
class Corpus:
    """The chosen clips, sorted by id, and what was left out: (file, reason)."""

    root: Path
    clips: tuple[CorpusClip, ...]
    left_out: tuple[tuple[Path, str], ...]


def find_corpus(root: Path, *, levels: Sequence[int] = (3,)) -> Corpus:
    """Find the clips below `root`: those of the levels asked for, those without a level, and all neutral ones.

    Of MEAD's cameras only the front one is taken. Raises TalkbenchError where the folder is missing, two files are the
    same clip, or nothing is left.
    """
    clips: dict[str, CorpusClip] = {}
    left_out: list[tuple[Path, str]] = []
    there: set[int] = set()
    for found in folder.find(root).files:
        clip = _mead_clip(found.path, found.name) if found.name else _other_clip(found)
        if isinstance(clip, str):
            left_out.append((found.path, clip))
            continue
        if clip.level is not None:
            there.add(clip.level)
        if clip.level not in (None, *levels) and clip.emotion != "neutral":
            left_out.append((found.path, f"level {clip.level} was not asked for"))
        elif clip.id in clips:
            raise TalkbenchError(
                f"{root}: two files are clip {clip.id}: {clips[clip.id].video} and {clip.video}. Remove one."
            )
        else:
            clips[clip.id] = clip
    if not clips:
        if there:
            raise TalkbenchError(
                f"{root}: holds no clip of level {_listed(levels)}; there are clips of level {_listed(sorted(there))}. "
                "Name the levels to take."
            )
        file, reason = left_out[0]
        raise TalkbenchError(f"{root}: none of its {len(left_out)} videos can be used; the first, {file}: {reason}.")
    return Corpus(root, tuple(clips[name] for name in sorted(clips)), tuple(left_out))


def _mead_clip(video: Path, name: mead.MeadName) -> CorpusClip | str:
    if name.view != "front":
        return f"it is MEAD's view {name.view}, and only the front view is taken"
    return CorpusClip(name.actor, name.emotion, int(name.level), name.sentence, video, _mead_audio(video))


def _mead_audio(video: Path) -> Path | None:
    """Return the sound file that goes with a MEAD video: in its actor's audio folder, or beside it."""
    beside = [video.with_suffix(suffix) for suffix in SUFFIXES]
    if len(video.parents) > 4 and video.parents[3].name.startswith("video"):
        emotion, level = video.parents[1].name, video.parents[0].name
        audio = video.parents[4] / "audio" / emotion / level / video.name
        beside = [audio.with_suffix(suffix) for suffix in SUFFIXES] + beside
    return next((file for file in beside if file.is_file()), None)


def _other_clip(found: Found) -> CorpusClip | str:
    text = re.sub(r"level_?(\d)", r"level\1", found.id, flags=re.IGNORECASE)
    words = [word for word in re.split(r"[\W_]+", text) if word]
    emotions = {_WORDS[word.lower()] for word in words if word.lower() in _WORDS}
    levels = {_level(word) for word in words if _is_level(word)}
    rest = [word for word in words if word.lower() not in _WORDS and not _is_level(word)]
    if not emotions:
        return "its name says no emotion, such as angry or ANG"
    if len(emotions) > 1:
        return f"its name says several emotions: {_listed(sorted(emotions))}"
    if len(levels) > 1:
        return f"its name says several levels: {_listed(sorted(map(str, levels)))}"
    if len(rest) < 2:
        return "its name says an emotion, but not both a speaker and a sentence"
    beside = (found.path.with_suffix(suffix) for suffix in SUFFIXES)
    audio = next((file for file in beside if file.is_file()), None)
    return CorpusClip(rest[0], emotions.pop(), levels.pop() if levels else None, "_".join(rest[1:]), found.path, audio)


def _is_level(word: str) -> bool:
    return word.lower() in _LEVELS or re.fullmatch(r"level\d", word, re.IGNORECASE) is not None


def _level(word: str) -> int | None:
    return _LEVELS[word.lower()] if word.lower() in _LEVELS else int(word[-1])


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names))
