"""Landmarks found once are kept, by content: the same video under the same definition is never searched twice.

The key is a hash of the video's bytes and of everything that the landmarks depend on, never a name. Writers are safe
beside each other: a file appears whole or not at all, and whoever comes second writes the same bytes. The folder is
bounded: at the end of a run what was used longest ago makes room.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import environment
from .errors import BROKEN_ARRAY
from .results import replacing

_ABANDONED = 3600
"""Seconds after which a temporary file belongs to a writer that was killed."""


@dataclass(frozen=True)
class Track:
    """One video's faces: landmarks (T, 68, 2) float32 px, NaN where there is no face; number of faces seen (T,)."""

    landmarks: npt.NDArray[np.float32]
    faces: npt.NDArray[np.uint8]


def default_folder() -> Path:
    """Return `$XDG_CACHE_HOME/talkbench`, or `~/.cache/talkbench`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "talkbench"


def size_limit() -> int:
    """Return how many bytes the cache may hold: `$TALKBENCH_CACHE_SIZE`, such as 500M or 20G; 10G where it is not set.

    Raises TalkbenchError where the variable is not a size.
    """
    return environment.size("TALKBENCH_CACHE_SIZE", "10G")


def key(ingredients: dict[str, Any]) -> str:
    """Hash what a track depends on."""
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Usage:
    """What a cache holds: tracks, bytes, and when the one used longest ago was used (seconds since the epoch)."""

    tracks: int
    bytes: int
    oldest: float | None


class TrackCache:
    """A folder of tracks. With no folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, name: str) -> Track | None:
        """Return a kept track, or None where there is none or its file is damaged."""
        if self.folder is None:
            return None
        file = self._file(self.folder, name)
        try:
            with np.load(file, allow_pickle=False) as kept:
                track = Track(kept["landmarks"], kept["faces"])
        except BROKEN_ARRAY:
            return None
        with contextlib.suppress(OSError):  # somebody else's cache, which can only be read
            os.utime(file)
        whole = track.faces.ndim == 1 and track.landmarks.shape == (len(track.faces), 68, 2)
        return track if whole else None

    def put(self, name: str, track: Track) -> None:
        """Keep a track; a cache that cannot be written is not an error, only slower."""
        if self.folder is None:
            return
        file = self._file(self.folder, name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as temporary, temporary.open("wb") as handle:
                np.savez(handle, landmarks=track.landmarks, faces=track.faces)
        except OSError:
            return

    def usage(self) -> Usage:
        """Count what is kept."""
        files = list(self._files())
        return Usage(len(files), sum(size for _, size, _ in files), min((used for used, _, _ in files), default=None))

    def trim(self, limit: int) -> int:
        """Delete what was used longest ago until at most `limit` bytes are kept, and return how many tracks that were.

        Runs may go on meanwhile: whoever misses a track finds it again.
        """
        files = sorted(self._files())
        kept = sum(size for _, size, _ in files)
        deleted = 0
        for _, size, file in files:
            if kept <= limit:
                break
            file.unlink(missing_ok=True)
            kept -= size
            deleted += 1
        self._sweep()
        return deleted

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Yield (time of last use, bytes, file) of every track; what else lies in the folder is not ours."""
        for file in () if self.folder is None else self.folder.glob("landmarks/[0-9a-f][0-9a-f]/*.npz"):
            try:
                status = file.stat()
            except FileNotFoundError:  # another run made room
                continue
            yield status.st_mtime, status.st_size, file

    def _sweep(self) -> None:
        for file in () if self.folder is None else self.folder.glob("landmarks/[0-9a-f][0-9a-f]/.*.tmp"):
            try:
                if time.time() - file.stat().st_mtime > _ABANDONED:
                    file.unlink()
            except FileNotFoundError:
                continue

    @staticmethod
    def _file(folder: Path, name: str) -> Path:
        return folder / "landmarks" / name[:2] / f"{name}.npz"
