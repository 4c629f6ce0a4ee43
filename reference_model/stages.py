"""The two things that are trained: from sound to landmarks, and from landmarks to frames."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from .audio2landmarks import Audio2Landmarks
from .dataset import Batch, FrameBatches, LandmarkBatches, Share
from .losses import frame_loss, joint_loss
from .perceptual import load_perceptual
from .profiles import FrameSettings, LandmarkSettings, Profile, Row, frame_settings, landmark_settings
from .translator import Translator

if TYPE_CHECKING:
    from .prepared import Prepared

Stage = Literal["landmarks", "frames"]


class LandmarkTask:
    """Stage 1 on the training clips of one speaker, with the components of the speaker's face model.

    `seed` sets the first weights and the order of the batches.
    """

    def __init__(self, prepared: Prepared, speaker: str, settings: LandmarkSettings, *, seed: int) -> None:
        self._pca = prepared.pca(speaker)
        settings = replace(settings, net=replace(settings.net, components=self._pca.components))
        self._clips, self._settings, self._seed = prepared.clips("train", speaker), settings, seed
        mean, deviation = prepared.cmvn(speaker)
        self._cmvn = mean.astype(np.float32), deviation.astype(np.float32)
        torch.manual_seed(seed)
        self.schedule = settings.schedule
        self.module: nn.Module = Audio2Landmarks(settings.net)
        self.config = _config("landmarks", asdict(settings), prepared, speaker, seed)
        self.data = _data(prepared, speaker) | {
            "cmvn_mean": torch.from_numpy(self._cmvn[0]),
            "cmvn_deviation": torch.from_numpy(self._cmvn[1]),
        }

    @property
    def steps(self) -> int:
        """Return the number of steps of the whole training."""
        return self.schedule.epochs * self.batches(Share()).per_epoch

    def batches(self, share: Share) -> LandmarkBatches:
        """Return this process's share of the batches."""
        return LandmarkBatches(self._clips, self._pca, self._cmvn, self._settings, seed=self._seed, share=share)

    def losses(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return every term, the total, and the share of frames whose emotion is told right (with MSEF)."""
        z, logits, _ = module(batch["windows"], batch["z_ref"])
        device = z.device
        mean, basis = self.data["pca_mean"].to(device), self.data["pca_basis"].to(device)
        losses = joint_loss(
            z, logits, batch["landmarks"], batch["emotion"], mean=mean, basis=basis, loss=self._settings.loss
        )
        if logits is not None:
            losses["emotion_accuracy"] = (logits.argmax(dim=2) == batch["emotion"][:, None]).float().mean()
        return losses


class FrameTask:
    """Stage 2 on the training clips of one speaker. The perceptual loss's weights are part of the configuration."""

    def __init__(
        self, prepared: Prepared, speaker: str, settings: FrameSettings, *, seed: int, vgg: Path | None = None
    ) -> None:
        self._clips, self._settings, self._seed = prepared.clips("train", speaker), settings, seed
        self._pca = prepared.pca(speaker)
        self._perceptual = load_perceptual(settings.loss.perceptual, vgg)
        torch.manual_seed(seed)
        self.schedule = settings.schedule
        self.module: nn.Module = Translator(settings.net).to(memory_format=torch.channels_last)  # a sixth faster
        source = "none" if self._perceptual is None else self._perceptual.source
        self.config = _config("frames", asdict(settings), prepared, speaker, seed) | {"perceptual": source}
        self.data = _data(prepared, speaker)

    @property
    def steps(self) -> int:
        """Return the number of steps of the whole training."""
        return self.schedule.epochs * self.batches(Share()).per_epoch

    def batches(self, share: Share) -> FrameBatches:
        """Return this process's share of the batches."""
        return FrameBatches(self._clips, self._pca, self._settings, seed=self._seed, share=share)

    def losses(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return every term and the total."""
        if self._perceptual is not None:
            self._perceptual.to(batch["frame"].device)
        made = module(batch["raster"], batch["reference"])
        return frame_loss(made, batch["frame"], self._perceptual, loss=self._settings.loss)


def _config(stage: Stage, settings: dict[str, Any], prepared: Prepared, speaker: str, seed: int) -> dict[str, Any]:
    return {"stage": stage, "settings": settings, "speaker": speaker, "seed": seed, "prepared": prepared.sha256}


def _data(prepared: Prepared, speaker: str) -> dict[str, Any]:
    pca = prepared.pca(speaker)
    return {"pca_mean": torch.from_numpy(pca.mean), "pca_basis": torch.from_numpy(pca.basis)}


def net_file(folder: Path, row: Row, stage: Stage) -> Path:
    """Return where a row's network of a stage lies in the folder of one speaker and seed; rows share networks."""
    return folder / f"{stage}-{row.landmarks if stage == 'landmarks' else row.frames}.pt"


def task_for(
    prepared: Prepared, speaker: str, profile: Profile, row: Row, stage: Stage, *, seed: int, vgg: Path | None = None
) -> LandmarkTask | FrameTask:
    """Return what a row of the ablation trains in a stage."""
    if stage == "landmarks":
        return LandmarkTask(prepared, speaker, landmark_settings(profile, row.landmarks), seed=seed)
    return FrameTask(prepared, speaker, frame_settings(profile, row.frames), seed=seed, vgg=vgg)
