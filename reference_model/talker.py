"""Two trained networks as one talking head: speech and a reference face in, landmarks, emotions and frames out.

The label of an emotion is never an input: emotion comes from the speech, and from the reference, which shows the same
one [P]. Landmarks are what stage 1 predicts, neither smoothed nor exaggerated. Frames are made at the networks' own
size and enlarged (cubic) to 256 px, the canvas on which everything is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..bench.errors import TalkbenchError
from ..bench.source import content_hash
from . import checkpoint
from .audio2landmarks import Audio2Landmarks, State
from .canonical import SIZE
from .checkpoint import Checkpoint
from .dataset import resized
from .mfcc import windows
from .pca import LandmarkPca
from .prepared import Prepared
from .profiles import FrameNet, LandmarkLoss, LandmarkNet
from .raster import rasterise
from .translator import Translator, to_images, to_tensor

Floats = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]
Settings = TypeVar("Settings", LandmarkNet, LandmarkLoss, FrameNet)

_BATCH = 8
_CHUNK = 1000
"""Frames of sound at a time: memory stays flat, and the LSTM's state goes on from one to the next."""


@dataclass(frozen=True)
class Reference:
    """A face on the canvas: image (256, 256, 3) uint8 RGB, and landmarks (68, 2) px of it."""

    image: Frame
    landmarks: Floats


@dataclass(frozen=True)
class Spoken:
    """What stage 1 makes of a clip: landmarks (T, 68, 2) px of the canvas; emotions (T, 8), None without MSEF.

    The emotions are the classifier's probabilities. Trained by the paper's loss they are eight separate yes-or-no
    answers, whose sum is not 1.
    """

    landmarks: Floats
    emotions: Floats | None


class Talker:
    """The networks of stages 1 and 2 of one speaker. `device` is torch's name of where they run."""

    def __init__(self, landmarks: Path, frames: Path, *, device: str = "cpu") -> None:
        first, second = (_of_stage(landmarks, "landmarks"), _of_stage(frames, "frames"))
        for name in ("speaker", "prepared"):
            if first.config[name] != second.config[name]:
                raise TalkbenchError(
                    f"{frames}: does not go with {landmarks}: {name} is {second.config[name]!r} there and "
                    f"{first.config[name]!r} here. Give two checkpoints of one speaker and one preparation."
                )
        self.speaker: str = first.config["speaker"]
        self.prepared: str = first.config["prepared"]
        self.sha256 = {"landmarks": content_hash(landmarks), "frames": content_hash(frames)}
        self.device = _device(device)
        self._softmax = _settings(landmarks, LandmarkLoss, first.config["settings"]["loss"]).emotion == "ce"
        self._speak = Audio2Landmarks(_settings(landmarks, LandmarkNet, first.config["settings"]["net"]))
        self._draw = Translator(_settings(frames, FrameNet, second.config["settings"]["net"]))
        self._draw.to(memory_format=torch.channels_last)
        for module, file, known in ((self._speak, landmarks, first), (self._draw, frames, second)):
            _fill(module, file, known)
            module.to(self.device).eval()
        self._size: int = self._draw.net.size
        self._pca = LandmarkPca(
            first.data["pca_mean"].numpy(), first.data["pca_basis"].numpy(), np.full(self._speak.net.components, np.nan)
        )
        self._mean, self._deviation = (first.data[name].numpy() for name in ("cmvn_mean", "cmvn_deviation"))

    def refuse_other(self, prepared: Prepared) -> None:
        """Raise TalkbenchError where the networks were trained on another preparation: its test clips may be known."""
        if prepared.sha256 != self.prepared:
            raise TalkbenchError(
                f"{prepared.folder}: is not what the networks were trained on: prep.json is {prepared.sha256[:12]}… "
                f"where they had {self.prepared[:12]}…. Give the folder that they were trained on, or train again."
            )

    @torch.inference_mode()
    def speak(self, mfcc: Floats, reference: Reference, *, chunk: int = _CHUNK) -> Spoken:
        """Return landmarks and emotions for speech, MFCC (4T + 24, 13), `chunk` frames at a time."""
        heard = (windows(mfcc, (len(mfcc) - 24) // 4) - self._mean) / self._deviation  # (T, 28, 12)
        z_ref = torch.from_numpy(self._pca.project(reference.landmarks))[None].to(self.device)  # (1, K)
        state: State | None = None
        coefficients, emotions = [], []
        for start in range(0, len(heard), chunk):
            part = torch.from_numpy(heard[start : start + chunk])[None].to(self.device)  # (1, chunk, 28, 12)
            z, logits, state = self._speak(part, z_ref, state)
            coefficients.append(z[0].float().cpu())
            if logits is not None:
                emotions.append((logits.softmax(dim=2) if self._softmax else logits.sigmoid())[0].float().cpu())
        landmarks = self._pca.restore(torch.cat(coefficients).numpy())
        return Spoken(landmarks, torch.cat(emotions).numpy() if emotions else None)

    def frames(self, landmarks: Floats, reference: Reference) -> Iterator[Frame]:
        """Yield a frame (256, 256, 3) for each face of landmarks (T, 68, 2)."""
        face = to_tensor(resized(reference.image, self._size)[None]).to(self.device)  # (1, 3, S, S)
        for start in range(0, len(landmarks), _BATCH):
            drawings = to_tensor(rasterise(landmarks[start : start + _BATCH], self._size)).to(self.device)
            for frame in self._translated(drawings, face):
                yield resized(frame, SIZE)

    @torch.inference_mode()
    def _translated(self, drawings: Tensor, face: Tensor) -> Frame:
        return to_images(self._draw(drawings, face.expand(len(drawings), -1, -1, -1)))


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise TalkbenchError("--device cuda: torch finds no GPU here. Pass --device cpu.")
    return torch.device(name)


def _of_stage(file: Path, stage: str) -> Checkpoint:
    known = checkpoint.load(file)
    found = known.config.get("stage")
    if found != stage:
        raise TalkbenchError(f"{file}: is of stage {found!r} where one of stage {stage!r} is expected.")
    if not known.finished:
        raise TalkbenchError(
            f"{file}: is trained for {known.step} of {known.steps} steps. Run the same `talkbench model train` command "
            "again to the end."
        )
    return known


def _settings(file: Path, kind: type[Settings], values: dict[str, Any]) -> Settings:
    try:
        return kind(**values)
    except TypeError as error:
        raise TalkbenchError(
            f"{file}: has settings that this version does not know ({error}). Train it again."
        ) from error


def _fill(module: torch.nn.Module, file: Path, known: Checkpoint) -> None:
    try:
        module.load_state_dict(known.model)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise TalkbenchError(f"{file}: its weights do not fit its configuration: {first} Train it again.") from error
