"""Stage 1: from the sound and one reference face to the landmarks' PCA coefficients in every frame.

    x_t = [E_Lm(z_ref), E_A(W_t), e_t]  →  LSTM, 3 layers of 256  →  Linear  →  z_t

E_Lm and E_A are the paper's "simple MLPs" with 512 and 128 outputs [P]; 512 + 128 + MSEF's 128 is the 768 of ATVG's
LSTM, which the rest follows [I]. Without MSEF its 128 inputs are left out.
"""

from __future__ import annotations

from torch import Tensor, cat, nn

from .msef import EMOTIONS, FEATURES, Msef, convolution
from .profiles import LandmarkNet

WINDOW = (28, 12)
"""MFCC frames of a window, 10 ms apart, and their coefficients."""

State = tuple[Tensor, Tensor]
"""The LSTM's (h, c), each (3, B, 256)."""


class Audio2Landmarks(nn.Module):
    """Map windows (B, T, 28, 12) and reference coefficients (B, K) to coefficients (B, T, K) and emotions (B, T, 8).

    `state` is that of an earlier call on the frames before: a clip in pieces gives what the whole clip gives, except
    with `ea_scope="clip"`.
    """

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net
        self.landmark_encoder = nn.Sequential(nn.Linear(net.components, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU())
        self.audio_encoder = audio_mlp() if net.audio_encoder == "mlp" else audio_convolutions()
        self.msef = Msef(net.msef, net.ea_scope) if net.msef else None
        emotion = {"features": FEATURES, "logits": EMOTIONS}[net.emo_to_lstm] if net.msef else 0
        self.lstm = nn.LSTM(512 + 128 + emotion, 256, num_layers=3, batch_first=True)
        self.out = nn.Linear(256, net.components)

    def forward(
        self, windows: Tensor, reference: Tensor, state: State | None = None
    ) -> tuple[Tensor, Tensor | None, State]:
        """Return coefficients, emotion logits (None without MSEF) and the state after the last frame."""
        clips, frames = windows.shape[:2]
        face = self.landmark_encoder(reference)  # (B, 512)
        parts = [
            face.unsqueeze(1).expand(-1, frames, -1),  # (B, T, 512)
            self.audio_encoder(windows.reshape(-1, 1, *WINDOW)).reshape(clips, frames, -1),  # (B, T, 128)
        ]
        logits = None
        if self.msef is not None:
            features, logits = self.msef(windows)  # (B, T, 128), (B, T, 8)
            parts.append(features if self.net.emo_to_lstm == "features" else logits)
        hidden, state = self.lstm(cat(parts, dim=2), state)  # (B, T, 256)
        z: Tensor = self.out(hidden)  # (B, T, K)
        if self.net.residual:
            z = z + reference.unsqueeze(1)
        return z, logits, state


def audio_mlp() -> nn.Sequential:
    """Return E_A as the paper words it: windows (N, 1, 28, 12) to (N, 128). The hidden width is ours [D]."""
    return nn.Sequential(nn.Flatten(), nn.Linear(336, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())


def audio_convolutions() -> nn.Sequential:
    """Return E_A as ATVG and EVP have it, with 128 outputs: windows (N, 1, 28, 12) to (N, 128)."""
    return nn.Sequential(
        *convolution(1, 64),
        *convolution(64, 128),  # (N, 128, 28, 12)
        nn.MaxPool2d(3, stride=(1, 2)),  # (N, 128, 26, 5)
        *convolution(128, 256),
        *convolution(256, 256),
        *convolution(256, 512),  # (N, 512, 26, 5)
        nn.MaxPool2d(3, stride=(2, 2)),  # (N, 512, 12, 2)
        nn.Flatten(),
        nn.Linear(12288, 2048),
        nn.ReLU(),
        nn.Linear(2048, 128),
        nn.ReLU(),
    )
