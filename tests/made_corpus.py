"""A small corpus for tests of the reference model: one speaker of the demo, two emotions, three short sentences."""

from __future__ import annotations

from pathlib import Path

from talkbench.bench.demo.corpus import Utterance, write_corpus
from talkbench.reference_model.prepare import Settings, prepare
from talkbench.reference_model.prepared import Prepared

UTTERANCES = [
    Utterance("M003", emotion, 3, sentence, syllables=2) for emotion in ("angry", "happy") for sentence in (1, 2, 3)
]


def write(root: Path) -> Path:
    """Write the corpus below a folder."""
    write_corpus(root, UTTERANCES)
    return root


def prepared(root: Path) -> Prepared:
    """Write the corpus and prepare it: sentence 1 of each emotion is the test split."""
    return prepare(write(root / "corpus"), root / "prepared", settings=Settings(faces="track"), cache=root / "cache")
