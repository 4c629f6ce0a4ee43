"""CBAM (Woo et al., 2018): attention over the channels, then over space.

Channels: one MLP on the average and on the maximum over space, summed, sigmoid. Space: a 7 × 7 convolution with batch
normalisation on the maximum and the mean over channels, sigmoid. Each multiplies what it was made from.
"""

from __future__ import annotations

from torch import Tensor, cat, nn

from ..bench.errors import TalkbenchError


class Cbam(nn.Module):
    """Map (B, C, H, W) to (B, C, H, W).

    Fewer channels than `reduction` leave the MLP no hidden unit: TalkbenchError.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = channels // reduction
        if hidden < 1:
            # PyTorch would only warn, and the gate would be a constant.
            raise TalkbenchError(
                f"CBAM on {channels} channels: expected at least as many as the reduction, {reduction}. Choose more "
                "channels (ngf) or a smaller reduction."
            )
        self.channel = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.space = nn.Sequential(nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1, momentum=0.01))

    def channel_gate(self, x: Tensor) -> Tensor:
        """Return the weight of every channel, (B, C, 1, 1)."""
        gate: Tensor = self.channel(x.mean(dim=(2, 3))) + self.channel(x.amax(dim=(2, 3)))
        return gate.sigmoid()[:, :, None, None]

    def space_gate(self, x: Tensor) -> Tensor:
        """Return the weight of every place, (B, 1, H, W)."""
        gate: Tensor = self.space(cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1))
        return gate.sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Return x, weighted."""
        x = x * self.channel_gate(x)
        return x * self.space_gate(x)
