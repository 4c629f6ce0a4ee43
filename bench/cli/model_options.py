"""Options that the verbs of `talkbench model` share, and what they mean."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import TalkbenchError

if TYPE_CHECKING:
    from ...reference_model.prepared import Prepared
    from ...reference_model.profiles import Profile
    from ...reference_model.training import Machine

ProfileName = Annotated[str, typer.Option("--profile", help="Size: paper, gpu, cpu or ci.")]
RowName = Annotated[
    str, typer.Option("--row", help="Of the ablation: baseline, baseline+joint, no-msef, no-aatu, ours.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the first weights and of the order of the clips.")]
Speaker = Annotated[str | None, typer.Option("--speaker", help="Whose clips.  [default: the only speaker]")]
MaxSeconds = Annotated[
    float | None, typer.Option("--max-seconds", min=0, help="Stop after so long; the same command goes on.")
]
PerceptualMode = Literal["vgg19", "random", "none"]
Perceptual = Annotated[
    PerceptualMode | None, typer.Option("--perceptual", help="L_per's network.  [default: the profile's]")
]
Vgg = Annotated[
    Path | None, typer.Option("--vgg-weights", help="torchvision's vgg19-dcbb9e9d.pth, for --perceptual vgg19.")
]
Device = Annotated[Literal["cpu", "cuda"], typer.Option("--device", help="Where networks run.")]
Devices = Annotated[int, typer.Option("--devices", min=1, help="How many GPUs.")]
Precision = Annotated[
    Literal["32-true", "bf16-mixed", "16-mixed"] | None,
    typer.Option("--precision", help="Of the arithmetic.  [default: bf16-mixed on cuda, else 32-true]"),
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes.  [default: one per core]")]

_LOADERS = 8
"""Processes that make batches for a GPU."""


def cores(workers: int | None) -> int:
    """Return the number of processes asked for, or one for each core that is ours."""
    return workers or len(os.sched_getaffinity(0))


def chosen_profile(name: str, perceptual: PerceptualMode | None) -> Profile:
    """Return a profile, with another perceptual loss where one is asked for."""
    from ...reference_model.profiles import find_profile

    profile = find_profile(name)
    if perceptual is None:
        return profile
    return replace(profile, frames=replace(profile.frames, loss=replace(profile.frames.loss, perceptual=perceptual)))


def machine(
    device: Literal["cpu", "cuda"], devices: int, precision: Literal["32-true", "bf16-mixed", "16-mixed"] | None
) -> Machine:
    """Return where training runs."""
    from ...reference_model.training import Machine

    if device == "cpu":
        return Machine(precision=precision or "32-true")
    return Machine("cuda", devices, precision or "bf16-mixed", loaders=min(_LOADERS, cores(None)))


def one_speaker(prepared: Prepared, name: str | None) -> str:
    """Return the speaker who is meant: networks are of one speaker."""
    speakers = prepared.speakers
    if name is None and len(speakers) == 1:
        return speakers[0]
    if name not in speakers:
        found = "none was given" if name is None else f"found {name}"
        raise TalkbenchError(f"--speaker: {found}; {prepared.folder} has {', '.join(speakers)}. Name one of them.")
    return name
