"""MSEF: from a window of MFCCs to 128 features of emotion, with external attention inside.

The page of the paper that describes its inside is not in our copy, so this is a documented interpretation: the trunk
of EVP's emotion network [I], external attention over its time steps [I], 128 features [I], an additional classifier
of 8 emotions [P]. `lite` is a small trunk with the same attention, for processors without a GPU [D].
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from .external_attention import ExternalAttention
from .profiles import Trunk

EMOTIONS = 8
FEATURES = 128


class Msef(nn.Module):
    """Map windows (B, T, 28, 12) to features (B, T, 128) and emotion logits (B, T, 8)."""

    def __init__(self, trunk: Trunk, scope: Literal["window", "clip"] = "window") -> None:
        super().__init__()
        self.scope = scope
        self.trunk: ConvTrunk | LiteTrunk = ConvTrunk() if trunk == "conv" else LiteTrunk()
        self.classifier = nn.Linear(FEATURES, EMOTIONS)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits of every window."""
        clips, frames = windows.shape[:2]
        tokens = self.trunk.tokens(windows.flatten(0, 1))  # (BT, n, d)
        shape = tokens.shape
        if self.scope == "clip":
            tokens = tokens.reshape(clips, -1, shape[2])  # (B, Tn, d)
        attended = self.trunk.attention(tokens).reshape(shape)
        features = self.trunk.features(attended).reshape(clips, frames, FEATURES)
        return features, self.classifier(features)


class ConvTrunk(nn.Module):
    """EVP's emotion network, 13 tokens of 256 in the middle of it."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Sequential(  # (BT, 1, 12, 28)
            *convolution(1, 64),
            nn.MaxPool2d((1, 3), stride=(1, 2)),  # (BT, 64, 12, 13)
            *convolution(64, 128),
            *convolution(128, 256),
            nn.MaxPool2d((12, 1)),  # (BT, 256, 1, 13)
        )
        self.attention = ExternalAttention(256)
        self.after = nn.Sequential(
            *convolution(256, 512),
            nn.MaxPool2d((1, 2)),  # (BT, 512, 1, 6)
            nn.Flatten(),
            nn.Linear(3072, 2048),
            nn.ReLU(),
            nn.Linear(2048, FEATURES),
            nn.ReLU(),
        )

    def tokens(self, windows: Tensor) -> Tensor:
        """Return (N, 28, 12) as tokens (N, 13, 256), one for each step in time."""
        trunk: Tensor = self.before(windows.transpose(1, 2).unsqueeze(1))
        return trunk.squeeze(2).transpose(1, 2)

    def features(self, tokens: Tensor) -> Tensor:
        """Return tokens (N, 13, 256) as features (N, 128)."""
        features: Tensor = self.after(tokens.transpose(1, 2).unsqueeze(2))
        return features


class LiteTrunk(nn.Module):
    """28 tokens, one for each MFCC frame, and their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(12, 128)
        self.attention = ExternalAttention(128)
        self.after = nn.Sequential(nn.Linear(128, FEATURES), nn.ReLU())

    def tokens(self, windows: Tensor) -> Tensor:
        """Return (N, 28, 12) as tokens (N, 28, 128)."""
        tokens: Tensor = self.before(windows)
        return tokens

    def features(self, tokens: Tensor) -> Tensor:
        """Return tokens (N, 28, 128) as features (N, 128)."""
        features: Tensor = self.after(tokens.mean(dim=1))
        return features


def convolution(channels: int, out: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return a 3 × 3 convolution with batch normalisation and ReLU."""
    return nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
