"""Landmarks found once are kept, by content: the same video under the same definition is never searched twice.

The key is a hash of the video's bytes and of everything that the landmarks depend on, never a name. Writers are safe
beside each other: a file appears whole or not at all, and whoever comes second writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .results import replacing


@dataclass(frozen=True)
class Track:
    """One video's faces: landmarks (T, 68, 2) float32 px, NaN where there is no face; number of faces seen (T,)."""

    landmarks: npt.NDArray[np.float32]
    faces: npt.NDArray[np.uint8]


def default_folder() -> Path:
    """Return `$XDG_CACHE_HOME/talkbench`, or `~/.cache/talkbench`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "talkbench"


def key(ingredients: dict[str, Any]) -> str:
    """Hash what a track depends on."""
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


class TrackCache:
    """A folder of tracks. With no folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, name: str) -> Track | None:
        """Return a kept track, or None where there is none or its file is damaged."""
        if self.folder is None:
            return None
        try:
            with np.load(self._file(self.folder, name), allow_pickle=False) as kept:
                track = Track(kept["landmarks"], kept["faces"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return track if track.landmarks.shape == (len(track.faces), 68, 2) else None

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

    @staticmethod
    def _file(folder: Path, name: str) -> Path:
        return folder / "landmarks" / name[:2] / f"{name}.npz"
