"""A corpus to train on without any download: the demo's speakers, in MEAD's layout, in all emotions.

Ten sentences in each of the eight emotions at full strength (neutral at level 1), about two seconds each. The same ten
sentences in every emotion, as MEAD's first three are: the words do not give the emotion away. True landmarks lie beside
the videos. The same bytes every time, for any number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..bench.demo.corpus import Utterance, write_corpus
from ..bench.demo.speakers import SPEAKERS
from ..bench.errors import TalkbenchError
from ..bench.run import Progress
from .corpus import EMOTIONS

SPEAKER = "M003"
SENTENCES = 10
_SYLLABLES = 6
"""About two seconds."""


def demo_utterances(speakers: Sequence[str] = (SPEAKER,), sentences: int = SENTENCES) -> list[Utterance]:
    """Return the corpus's utterances: every speaker, emotion and sentence."""
    for speaker in speakers:
        if speaker not in SPEAKERS:
            raise TalkbenchError(f"There is no demo speaker {speaker!r}. There are: {', '.join(SPEAKERS)}.")
    return [
        Utterance(speaker, emotion, 1 if emotion == "neutral" else 3, sentence, syllables=_SYLLABLES)
        for speaker in speakers
        for emotion in EMOTIONS
        for sentence in range(1, sentences + 1)
    ]


def write_demo_corpus(
    root: Path,
    *,
    speakers: Sequence[str] = (SPEAKER,),
    sentences: int = SENTENCES,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the corpus in MEAD's layout below `root`, all that is not there yet; return the paths of its videos."""
    utterances = demo_utterances(speakers, sentences)
    missing = [one for one in utterances if not all((root / path).is_file() for path in _files(one))]
    done = len(utterances) - len(missing)
    write_corpus(
        root,
        missing,
        workers=workers,
        progress=None if progress is None else lambda number, _: progress("make", done + number, len(utterances)),
    )
    return [root / one.path() for one in utterances]


def _files(utterance: Utterance) -> tuple[Path, Path]:
    return utterance.path(), utterance.path("landmarks", ".npy")
