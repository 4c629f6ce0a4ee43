"""External attention (Guo et al., 2021): tokens attend to two learned memories that every sample shares.

Q = W_q F;  A = Q M_kᵀ;  A ← softmax over the tokens, then each token's row ÷ its sum;  out = ReLU(F + LN(W_o A M_v)).
The cost is linear in the number of tokens. EANet normalises with BatchNorm; LayerNorm works for a batch of one too [D].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ExternalAttention(nn.Module):
    """Map tokens (B, n, d) to (B, n, d)."""

    def __init__(self, width: int, slots: int = 64) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        # Two memories, as in the paper. EANet's code makes one a view of the other, which ends at the first .cuda().
        self.keys = nn.Parameter(torch.randn(slots, width) / width**0.5)  # M_k
        self.values = nn.Parameter(torch.randn(slots, width) / slots**0.5)  # M_v
        self.out = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def attention(self, tokens: Tensor) -> Tensor:
        """Return the weights (B, n, S): each token's sum to 1 over the slots."""
        scores = self.query(tokens) @ self.keys.T  # (B, n, S)
        over_tokens = scores.softmax(dim=1)
        return over_tokens / (1e-9 + over_tokens.sum(dim=2, keepdim=True))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens with what the memories add to them."""
        recalled = self.attention(tokens) @ self.values  # (B, n, d)
        return torch.relu(tokens + self.norm(self.out(recalled)))
