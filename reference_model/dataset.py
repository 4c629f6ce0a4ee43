"""Training batches: what the batch of a step holds follows from the seed and the step alone.

So a run that was interrupted goes on with the very batches that it would have had, with any number of loader processes,
and nothing but the step has to be remembered. ATVG and MakeItTalk take the reference from the same clip; here every
second one comes from another clip of the same emotion [D], so that the mouth of the reference says nothing about the
target's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..bench.errors import TalkbenchError
from .mfcc import windows
from .pca import LandmarkPca, normalised
from .prepared import PreparedClip
from .profiles import FrameSettings, LandmarkSettings
from .raster import rasterise
from .translator import to_tensor

Batch = dict[str, Tensor]
Floats = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]

_OTHER_CLIP = 0.5
"""Share of references that come from another clip, where there is one of the same emotion."""
_ATVG_LAG = 3, 7
"""ATVG's reference is frame r of the clip and the target begins at r + 1, with r from 3 to 7."""


@dataclass(frozen=True)
class Place:
    """A frame, or the first frame of a segment: the clip's place in the list, and the frame's in the clip."""

    clip: int
    frame: int


@dataclass(frozen=True)
class Share:
    """Which part of every batch a process takes, of how many."""

    rank: int = 0
    ranks: int = 1


class _Epochs:
    """Which places the batch of a step holds: every place once per epoch, in an order of its own each time."""

    def __init__(self, places: Sequence[Place], batch: int, seed: int, share: Share) -> None:
        self._places, self._batch, self._seed, self._share = places, batch, seed, share
        self.steps = -(-len(places) // batch)

    def at(self, step: int) -> tuple[list[Place], np.random.Generator]:
        """Return this process's share of the places of a step, and the generator for what else is drawn in it."""
        epoch, within = divmod(step, self.steps)
        order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._places))
        # the last batch of an epoch is filled up from the epoch's beginning: batch statistics need whole batches
        batch = np.resize(np.roll(order, -within * self._batch), self._batch)
        chosen = [self._places[at] for at in batch[self._share.rank :: self._share.ranks]]
        return chosen, np.random.default_rng([self._seed, 1, step, self._share.rank])


class _References:
    """Another clip's frame with the same emotion, or one of the same clip."""

    def __init__(self, clips: Sequence[PreparedClip]) -> None:
        self._clips = clips
        self._alike = [
            [other for other, clip in enumerate(clips) if clip.emotion == one.emotion and clip is not one]
            for one in clips
        ]

    def draw(self, clip: int, rng: np.random.Generator) -> Place:
        """Draw a reference for a clip."""
        alike = self._alike[clip]
        chosen = int(rng.choice(alike)) if alike and rng.random() < _OTHER_CLIP else clip
        return Place(chosen, int(rng.integers(self._clips[chosen].length)))


class LandmarkBatches(Dataset[Batch]):
    """Stage 1. Item `step`: windows (B, T, 28, 12), z_ref (B, K), landmarks (B, T, 136), emotion (B,)."""

    def __init__(
        self,
        clips: Sequence[PreparedClip],
        pca: LandmarkPca,
        cmvn: tuple[Floats, Floats],
        settings: LandmarkSettings,
        *,
        seed: int,
        share: Share,
    ) -> None:
        mean, deviation = cmvn
        self._windows = [(windows(clip.mfcc, len(clip.landmarks)) - mean) / deviation for clip in clips]
        self._landmarks = [normalised(clip.landmarks).astype(np.float32) for clip in clips]
        self._z = [pca.project(clip.landmarks) for clip in clips]
        self._emotions = [clip.emotion for clip in clips]
        self._references = _References(clips)
        self._settings = settings
        places = [
            Place(at, start)
            for at, clip in enumerate(clips)
            for start in segment_starts(len(clip.landmarks), settings.frames)
        ]
        if not places:
            raise TalkbenchError(f"No training clip has {settings.frames} frames. Give longer clips.")
        self._epochs = _Epochs(places, settings.schedule.batch, seed, share)
        self.per_epoch = self._epochs.steps

    def __getitem__(self, step: int) -> Batch:
        places, rng = self._epochs.at(step)
        references = [self._reference(place, rng) for place in places]
        return {
            "windows": self._segments(self._windows, places),
            "z_ref": torch.from_numpy(np.stack([self._z[place.clip][place.frame] for place in references])),
            "landmarks": self._segments(self._landmarks, places),
            "emotion": torch.tensor([self._emotions[place.clip] for place in places]),
        }

    def _reference(self, place: Place, rng: np.random.Generator) -> Place:
        if self._settings.reference == "atvg":
            first, last = _ATVG_LAG
            return Place(place.clip, max(place.frame - 1 - int(rng.integers(last - first + 1)), 0))
        return self._references.draw(place.clip, rng)

    def _segments(self, of: Sequence[Floats], places: Sequence[Place]) -> Tensor:
        cut = [of[place.clip][place.frame : place.frame + self._settings.frames] for place in places]
        return torch.from_numpy(np.stack(cut))


def segment_starts(length: int, frames: int) -> list[int]:
    """Return where segments of `frames` frames begin: side by side, the last one flush with the end.

    >>> segment_starts(40, 16), segment_starts(15, 16)
    ([0, 16, 24], [])
    """
    if length < frames:
        return []
    starts = list(range(0, length - frames + 1, frames))
    return starts if length % frames == 0 else [*starts, length - frames]


class FrameBatches(Dataset[Batch]):
    """Stage 2. Item `step`: raster, reference and frame, each (B, 3, S, S) in −1 to 1."""

    def __init__(
        self, clips: Sequence[PreparedClip], pca: LandmarkPca, settings: FrameSettings, *, seed: int, share: Share
    ) -> None:
        self._clips, self._size = clips, settings.net.size
        self._projected_share = settings.projected_rasters
        self._pca = pca
        self._references = _References(clips)
        places = [Place(at, frame) for at, clip in enumerate(clips) for frame in range(0, clip.length, settings.stride)]
        self._epochs = _Epochs(places, settings.schedule.batch, seed, share)
        self.per_epoch = self._epochs.steps

    def __getitem__(self, step: int) -> Batch:
        places, rng = self._epochs.at(step)
        references = [self._references.draw(place.clip, rng) for place in places]
        faces = np.stack([self._clips[place.clip].landmarks[place.frame] for place in places])
        projected = rng.random(len(places)) < self._projected_share
        faces[projected] = self._pca.restore(self._pca.project(faces[projected]))
        return {
            "raster": to_tensor(rasterise(faces, self._size)),
            "reference": to_tensor(np.stack([self._frame(place) for place in references])),
            "frame": to_tensor(np.stack([self._frame(place) for place in places])),
        }

    def _frame(self, place: Place) -> Frame:
        return resized(self._clips[place.clip].frames()[place.frame], self._size)


def resized(frame: Frame, size: int) -> Frame:
    """Return a frame (H, H, 3) as (size, size, 3): averaged where it shrinks, cubic where it grows."""
    if len(frame) == size:
        return np.ascontiguousarray(frame)
    how = cv2.INTER_AREA if size < len(frame) else cv2.INTER_CUBIC
    return cast(Frame, cv2.resize(np.ascontiguousarray(frame), (size, size), interpolation=how))
