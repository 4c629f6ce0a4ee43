"""Every module of a profile's networks, with the shape that it puts out and its parameters. Nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .audio2landmarks import WINDOW, Audio2Landmarks
from .profiles import (
    FrameSettings,
    LandmarkSettings,
    find_profile,
    find_row,
    frame_settings,
    landmark_settings,
)
from .translator import Translator

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Layer:
    """A module with the shape that it puts out, or a parameter beside smaller modules (`kind` Parameter) with its own.

    `name` is that in the checkpoint, "" the whole network; `shape` is None for a module that only holds others;
    `parameters` counts everything inside.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None
    parameters: int


@dataclass(frozen=True)
class Description:
    """The two networks of a row of the ablation, for one clip of `landmark_settings.frames` frames, and one frame."""

    profile: str
    row: str
    landmark_settings: LandmarkSettings
    landmark_layers: list[Layer]
    frame_settings: FrameSettings
    frame_layers: list[Layer]

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


def describe(profile: str, row: str = "ours") -> Description:
    """Describe a row of the ablation in a profile. TalkbenchError where there is no such name."""
    nets = find_row(row)
    landmarks = landmark_settings(find_profile(profile), nets.landmarks)
    frames = frame_settings(find_profile(profile), nets.frames)
    with torch.device("meta"):
        windows = torch.empty(1, landmarks.frames, *WINDOW)
        first = layers(Audio2Landmarks(landmarks.net), windows, torch.empty(1, landmarks.net.components))
        image = torch.empty(1, 3, frames.net.size, frames.net.size)
        second = layers(Translator(frames.net), image, image)
    return Description(profile, row, landmarks, first, frames, second)


def layers(net: nn.Module, *inputs: Tensor) -> list[Layer]:
    """Return the modules of a network in the order of their definition, with what they put out for some inputs."""
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, _: object, output: Tensor | tuple[Tensor, ...]) -> None:
        shapes[module] = tuple((output if isinstance(output, Tensor) else output[0]).shape)

    hooks = [module.register_forward_hook(note) for module in net.modules()]
    with torch.no_grad():
        net.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    return list(_layers("", net, shapes))


def _layers(name: str, module: nn.Module, shapes: dict[nn.Module, tuple[int, ...]]) -> Iterator[Layer]:
    children = list(module.named_children())
    count = sum(parameter.numel() for parameter in module.parameters())
    yield Layer(name, type(module).__name__, shapes.get(module), count)
    if children:
        for own, parameter in module.named_parameters(name, recurse=False):
            yield Layer(own, "Parameter", tuple(parameter.shape), parameter.numel())
    for child, inner in children:
        yield from _layers(f"{name}.{child}".lstrip("."), inner, shapes)


def render(description: Description) -> RenderableType:
    """Return a description as two tables for the terminal."""
    from rich.console import Group

    first, second = description.landmark_settings, description.frame_settings
    which = f"({description.profile}, {description.row})"
    return Group(
        _table(
            f"Stage 1 {which}: one clip of {first.frames} frames",
            f"Loss: {landmark_formula(first)}",
            description.landmark_layers,
        ),
        _table(
            f"Stage 2 {which}: one frame of {second.net.size} × {second.net.size}",
            f"Loss: {frame_formula(second)}",
            description.frame_layers,
        ),
    )


def landmark_formula(settings: LandmarkSettings) -> str:
    """Return the loss of stage 1 as a formula, without what it leaves out.

    >>> from .profiles import PROFILES, landmark_settings
    >>> landmark_formula(landmark_settings(PROFILES["ci"], "joint"))
    'L_pca + 10 L_landmark + 10 L_lip'
    """
    loss = settings.loss
    terms = {"L_landmark": loss.landmark, "L_lip": loss.lip, "L_ec": loss.ec}
    return " + ".join(["L_pca", *(f"{weight:g} {term}" for term, weight in terms.items() if weight)])


def frame_formula(settings: FrameSettings) -> str:
    """Return the loss of stage 2 as a formula, with the network that L_per looks through.

    >>> from .profiles import PROFILES
    >>> frame_formula(PROFILES["paper"].frames)
    'L1 + 1 L_per (vgg19)'
    """
    loss = settings.loss
    return "L1" if loss.perceptual == "none" else f"L1 + {loss.weight:g} L_per ({loss.perceptual})"


def _table(title: str, caption: str, shown: list[Layer]) -> RenderableType:
    from rich.table import Table

    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("module", overflow="fold")
    table.add_column("kind")
    table.add_column("shape")
    table.add_column("parameters", justify="right")
    for layer in shown:
        shape = " × ".join(map(str, layer.shape or ()))
        style = "bold" if layer.name.count(".") == 0 else ""
        table.add_row(layer.name or "all", layer.kind, shape, f"{layer.parameters:,}", style=style)
    return table
