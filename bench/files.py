"""The files that a pair is measured from: what they are and what they hold. URLs are fetched first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from .facts import VideoFacts
from .remote import fetched
from .source import content_hash
from .video import probe
from .vocabulary import AS_IS, Pair, Reading

_HASHES = ("gt_sha256", "gen_sha256", "gen_landmarks_sha256")
"""The columns of clips.parquet that say from which content a pair was measured."""


@dataclass(frozen=True)
class File:
    """A video or file of landmarks, how it is read, and where what is fetched is kept."""

    path: Path
    reading: Reading = AS_IS
    cache: Path | None = None

    @property
    def size(self) -> int:
        """Return its bytes as far as can be told from here: 0 for what is not here."""
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return 0


def look(task: tuple[File, Fraction]) -> VideoFacts:
    """Probe a video; the rate is that of a folder of frames. Raises MediaError where it cannot be read."""
    file, rate = task
    with fetched([file.path], file.cache) as here:
        return replace(probe(here[file.path], rate=rate, reading=file.reading), path=file.path)


def hash_of(file: File) -> str:
    """Return the SHA-256 of a file's content. Raises MediaError or OSError where it cannot be read."""
    with fetched([file.path], file.cache) as here:
        return content_hash(here[file.path], file.reading.prefix)


def files(pair: Pair, cache: Path | None) -> dict[str, File]:
    """Return the files that a pair is measured from, by the column of clips.parquet that holds their SHA-256."""
    clip, take = pair.clip, pair.take
    found = {"gt_sha256": File(clip.video, cache=cache)}
    if take.video is not None:
        found["gen_sha256"] = File(take.video, Reading(prefix=take.reading.prefix), cache)
    if take.landmarks is not None:
        found["gen_landmarks_sha256"] = File(take.landmarks, cache=cache)
    return found


def unchanged(row: Mapping[str, Any], of_pair: Mapping[str, File], hashed: Callable[[File], object]) -> bool:
    """Tell whether a row of clips.parquet was measured from what the files of its pair hold now."""
    return all(row[name] == (hashed(of_pair[name]) if name in of_pair else None) for name in _HASHES)
