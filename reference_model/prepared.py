"""A prepared corpus: what the networks are trained and tested on.

prep.json                           settings, versions, split, clips with the SHA-256 of every file, speakers
clips/<clip id>/frames.npy          (T, 256, 256, 3) uint8 RGB, 25 fps, aligned to the canvas
                landmarks.npy       (T, 68, 2) float32 px of the canvas
                mfcc.npy            (4T + 24, 13) float32
                matrix.npy          (T, 2, 3) float32, from px of the source frame to px of the canvas
                audio.wav           640·T samples, 16 kHz, mono, 16 bit
                clip.json           what prep.json says of the clip
speakers/<speaker>.npz              mean face, basis, explained variance; mean and spread of the MFCC
truth/<speaker>/video/front/…       the test clips as videos for `talkbench score --gt`: FFV1, lossless, with sound
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bench.errors import TalkbenchError
from .corpus import EMOTIONS
from .pca import LandmarkPca
from .split import Side

FORMAT = 1
TRUTH_SUFFIX = ".mkv"


@dataclass(frozen=True)
class PreparedClip:
    """One prepared clip of `length` frames. `path` is its path in MEAD's layout, without a suffix."""

    id: str
    speaker: str
    emotion_name: str
    level: int | None
    sentence: str
    split: Side
    length: int
    path: PurePosixPath
    folder: Path

    @property
    def emotion(self) -> int:
        """Return the emotion's id, 0 to 7."""
        return EMOTIONS.index(self.emotion_name)

    @property
    def wav(self) -> Path:
        """Return the sound file: 640·T samples, 16 kHz, mono."""
        return self.folder / "audio.wav"

    def frames(self) -> npt.NDArray[np.uint8]:
        """Return the frames (T, 256, 256, 3), RGB; they are read from the disk as they are used."""
        frames: npt.NDArray[np.uint8] = np.load(self.folder / "frames.npy", mmap_mode="r", allow_pickle=False)
        return frames

    @cached_property
    def landmarks(self) -> npt.NDArray[np.float32]:
        """Return the landmarks (T, 68, 2), px of the canvas."""
        return self._array("landmarks")

    @cached_property
    def mfcc(self) -> npt.NDArray[np.float32]:
        """Return the MFCC (4T + 24, 13)."""
        return self._array("mfcc")

    @cached_property
    def matrix(self) -> npt.NDArray[np.float32]:
        """Return the similarities (T, 2, 3) from px of the source to px of the canvas."""
        return self._array("matrix")

    def _array(self, name: str) -> npt.NDArray[np.float32]:
        array: npt.NDArray[np.float32] = np.load(self.folder / f"{name}.npy", allow_pickle=False)
        return array


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus. `info` is prep.json, `sha256` its digest: it stands for every byte of every file."""

    folder: Path
    info: Mapping[str, Any]
    sha256: str

    @classmethod
    def load(cls, folder: Path) -> Prepared:
        """Read prep.json. Raises TalkbenchError where the folder holds no finished preparation."""
        file = folder / "prep.json"
        try:
            text = file.read_bytes()
            info = json.loads(text)
        except FileNotFoundError as error:
            raise TalkbenchError(
                f"{folder}: holds no prep.json. Expected a folder that `talkbench model prepare` wrote."
            ) from error
        except (OSError, ValueError) as error:
            raise TalkbenchError(f"{file}: cannot be read ({error}). Prepare the corpus again.") from error
        if not isinstance(info, dict) or info.get("format") != FORMAT:
            raise TalkbenchError(f"{file}: is not of format {FORMAT}. Prepare the corpus into a new folder.")
        if not info["finished"]:
            raise TalkbenchError(
                f"{folder}: its preparation is not finished. Run the same `talkbench model prepare` command again; it "
                "goes on from there."
            )
        return cls(folder, info, hashlib.sha256(text).hexdigest())

    @property
    def speakers(self) -> tuple[str, ...]:
        """Return the speakers, sorted."""
        return tuple(sorted(self.info["speakers"]))

    @property
    def truth(self) -> Path:
        """Return the folder of the test clips' videos, as `talkbench score --gt` takes it."""
        return self.folder / "truth"

    def clips(self, split: Side | None = None, speaker: str | None = None) -> list[PreparedClip]:
        """Return the clips of one side of the split, or of both, and of one speaker, or of all; sorted by id."""
        return [
            PreparedClip(
                id=name,
                speaker=clip["speaker"],
                emotion_name=clip["emotion"],
                level=clip["level"],
                sentence=clip["sentence"],
                split=clip["split"],
                length=clip["frames"],
                path=PurePosixPath(clip["path"]),
                folder=self.folder / "clips" / name,
            )
            for name, clip in sorted(self.info["clips"].items())
            if split in (None, clip["split"]) and speaker in (None, clip["speaker"])
        ]

    def pca(self, speaker: str) -> LandmarkPca:
        """Return a speaker's face model."""
        return LandmarkPca.load(self.folder / "speakers" / f"{speaker}.npz")

    def cmvn(self, speaker: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return mean and standard deviation (12,) of a speaker's MFCC, without the energy, on the training split."""
        with np.load(self.folder / "speakers" / f"{speaker}.npz", allow_pickle=False) as kept:
            return kept["mfcc_mean"], kept["mfcc_std"]
