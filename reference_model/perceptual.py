"""The perceptual loss (Johnson et al., 2016): L1 distance of two images' features in VGG-19.

No package ships VGG-19's weights and nothing is downloaded: they come from a path, and their SHA-256 is kept. `random`
is VGG-19 with weights from a fixed seed, a stand-in that is never taken by itself.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import vgg19

from ..bench.errors import TalkbenchError

LAYERS = (1, 6, 11, 20, 29)
"""relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 in torchvision's `features` [I: MakeItTalk]."""


class Perceptual(nn.Module):
    """Map two batches of images (B, 3, S, S) in [-1, 1] to one distance per layer, (5,). `source` names the weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Sequential, source: str) -> None:
        super().__init__()
        self.features = features.requires_grad_(requires_grad=False)
        self.source = source
        # ImageNet's mean and deviation, which VGG was trained with, for images in [-1, 1].
        self.register_buffer("mean", 2 * torch.tensor([0.485, 0.456, 0.406])[:, None, None] - 1)
        self.register_buffer("std", 2 * torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Return the mean absolute difference in each layer."""
        x, y = ((images - self.mean) / self.std for images in (generated, real.detach()))
        distances = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            with torch.no_grad():
                y = layer(y)
            if index in LAYERS:
                distances.append(functional.l1_loss(x, y))  # in float32 even where the layers are in bfloat16
        return torch.stack(distances)


def load_perceptual(mode: Literal["vgg19", "random", "none"], weights: Path | None = None) -> Perceptual | None:
    """Return the loss that a setting names; TalkbenchError where weights are missing, superfluous or not VGG-19's.

    `weights` is a state dict of torchvision's `vgg19`, with or without its classifier.
    """
    if mode != "vgg19" and weights is not None:
        raise TalkbenchError(f"{weights}: VGG weights are only for perceptual = vgg19; it is {mode}. Leave one out.")
    if mode == "none":
        return None
    with torch.device("meta"):
        features = vgg19(weights=None).features[: LAYERS[-1] + 1]
    if mode == "random":
        return Perceptual(_random(features), "random")
    if weights is None:
        raise TalkbenchError(
            "perceptual = vgg19: expected the path of torchvision's weights (vgg19-dcbb9e9d.pth), got none. Give it "
            "with --vgg-weights, or choose --perceptual random or none."
        )
    digest = _load(features, weights)
    return Perceptual(features, f"vgg19 sha256:{digest}")


def _random(features: nn.Sequential) -> nn.Sequential:
    generator = torch.Generator().manual_seed(19)
    features = features.to_empty(device="cpu")
    for layer in features:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return features


def _load(features: nn.Sequential, path: Path) -> str:
    """Put the weights of a file into the layers, and return its SHA-256."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TalkbenchError(f"{path}: cannot read VGG-19 weights: {error.strerror}. Check --vgg-weights.") from error
    expected = features.state_dict()
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        found = {name: state[f"features.{name}"] for name in expected}
        wrong = [name for name, value in found.items() if value.shape != expected[name].shape]
        if wrong:
            raise ValueError(f"features.{wrong[0]} is {tuple(found[wrong[0]].shape)}")
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        reason = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error).split("\n", 1)[0]
        raise TalkbenchError(
            f"{path}: expected a state dict of torchvision's vgg19, found something else ({reason}). Give "
            "vgg19-dcbb9e9d.pth, or choose --perceptual random or none."
        ) from error
    features.load_state_dict(found, assign=True)
    return hashlib.sha256(content).hexdigest()
