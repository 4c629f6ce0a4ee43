"""Stage 2: from a drawing of the landmarks and a reference image to the frame.

MakeItTalk's U-net of six residual levels [P: "based on the MakeItTalk framework"]. With CBAM in the first four levels
of the encoder and of the decoder it is AATU [P]; each CBAM is the last step of its level, before the skip connection
is taken, so that skips carry attended features [D].
"""

from __future__ import annotations

from math import gcd

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..bench.errors import TalkbenchError
from .cbam import Cbam
from .profiles import FrameNet

LEVELS = 6


class Translator(nn.Module):
    """Map a raster and a reference (B, 3, S, S) in [-1, 1] to frames (B, 3, S, S) in [-1, 1]."""

    def __init__(self, net: FrameNet) -> None:
        super().__init__()
        if net.size < 2**LEVELS or net.size % 2**LEVELS:
            raise TalkbenchError(
                f"Frames of {net.size} px: expected a multiple of {2**LEVELS}, which {LEVELS} halvings need."
            )
        self.net = net
        n = net.ngf
        wide = [n, 2 * n, 4 * n, 8 * n, 8 * n, 8 * n]  # channels after E1 … E6
        self.encoder = nn.ModuleList(
            down(net, channels, out, normalised=0 < level < LEVELS - 1, attended=net.cbam and level < 4)
            for level, (channels, out) in enumerate(zip([6, *wide], wide, strict=False))
        )
        narrow = [8 * n, 8 * n, 4 * n, 2 * n, n]  # channels after D1 … D5
        attended = range(4) if net.cbam_decoder == "first4" else range(1, 5)
        self.decoder = nn.ModuleList(
            up(net, channels if level == 0 else 2 * channels, out, attended=net.cbam and level in attended)
            for level, (channels, out) in enumerate(zip([8 * n, *narrow], narrow, strict=False))
        )
        self.out = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(2 * n, 3, 3, padding=1, bias=False), nn.Tanh()
        )  # D6

    def forward(self, raster: Tensor, reference: Tensor) -> Tensor:
        """Return the frames."""
        x = torch.cat([raster, reference], dim=1)  # (B, 6, S, S)
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        skips.pop()  # the bottleneck, (B, 8·ngf, S/64, S/64), is x itself
        for level in self.decoder:
            x = torch.cat([level(x), skips.pop()], dim=1)
        frames: Tensor = self.out(x)
        return frames


class Residual(nn.Module):
    """Two 3 × 3 convolutions around a shortcut."""

    def __init__(self, net: FrameNet, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(net, channels, channels), nn.ReLU(inplace=True), *convolution(net, channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ReLU(x + body(x))."""
        return torch.relu(x + self.body(x))


def down(net: FrameNet, channels: int, out: int, *, normalised: bool, attended: bool) -> nn.Sequential:
    """Return a level of the encoder, which halves the side."""
    first = convolution(net, channels, out, stride=2)
    return nn.Sequential(*(first if normalised else first[:1]), *body(net, out, attended=attended))


def up(net: FrameNet, channels: int, out: int, *, attended: bool) -> nn.Sequential:
    """Return a level of the decoder, which doubles the side."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2), *convolution(net, channels, out), *body(net, out, attended=attended)
    )


def body(net: FrameNet, channels: int, *, attended: bool) -> list[nn.Module]:
    """Return what follows a level's first convolution."""
    attention = [Cbam(channels, net.reduction)] if attended else []
    return [nn.ReLU(inplace=True), Residual(net, channels), Residual(net, channels), *attention]


def convolution(net: FrameNet, channels: int, out: int, *, stride: int = 1) -> list[nn.Module]:
    """Return a 3 × 3 convolution and its normalisation."""
    norm = nn.BatchNorm2d(out) if net.norm == "batch" else nn.GroupNorm(gcd(8, out), out)
    return [nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False), norm]


def to_tensor(images: npt.NDArray[np.uint8]) -> Tensor:
    """Return images (B, S, S, 3) uint8 as (B, 3, S, S) float32 in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(frames: Tensor) -> npt.NDArray[np.uint8]:
    """Return frames (B, 3, S, S) in [-1, 1] as images (B, S, S, 3) uint8."""
    bytes_ = ((frames.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return bytes_.permute(0, 2, 3, 1).contiguous().cpu().numpy()
