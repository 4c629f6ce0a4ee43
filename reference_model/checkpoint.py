"""Checkpoint files: tensors, numbers and text, never code; whole or not there at all.

`config` is everything that decides what the weights are: stage, settings, seed, speaker, and the hash of the prepared
clips. A checkpoint is used only where the configuration is the expected one; otherwise the difference is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..bench.claim import first_difference
from ..bench.errors import TalkbenchError
from ..bench.results import replacing

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """One network, trained for `step` of `steps` steps.

    `model` is its state; `data` holds the tensors without which it means nothing (PCA, mean and deviation of the MFCC);
    `training` what only the trainer needs to go on (optimizer, schedule), None once training is finished.
    """

    config: dict[str, Any]
    step: int
    steps: int
    model: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any] | None

    @property
    def finished(self) -> bool:
        """Whether training is finished."""
        return self.step == self.steps


def save(file: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, all at once."""
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    with replacing(file) as temporary:
        torch.save(content | {"format": FORMAT}, temporary)


def load(file: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU. Raises TalkbenchError where it is none; code in it is never run."""
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TalkbenchError(f"{file}: does not exist. Expected what `talkbench model train` wrote.") from error
    except Exception as error:  # what the bytes make of the loader
        raise TalkbenchError(f"{file}: is not a checkpoint of talkbench, or is damaged. Train it again.") from error
    names = {field.name for field in fields(Checkpoint)}
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT or content.keys() != names:
        raise TalkbenchError(f"{file}: is not a checkpoint of format {FORMAT} of talkbench. Train it again.")
    return Checkpoint(**content)


def refuse_other(file: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise TalkbenchError, saying how, where a configuration is not the expected one."""
    different = first_difference(dict(found), dict(expected))
    if different:
        name, there, here = different
        raise TalkbenchError(
            f"{file}: was made otherwise: {name} is {there!r} there and {here!r} here. Choose another -o, or train it "
            "again."
        )
