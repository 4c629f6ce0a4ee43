"""How the frames of a take are matched with those of its clip once both run at the protocol's rate."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .errors import TalkbenchError

_OFFSET = re.compile(r"^offset=([+-]?\d+)$")


@dataclass(frozen=True)
class Alignment:
    """A policy by name.

    "strict"    both have the same number of frames, or the pair is refused
    "truncate"  the frames that both have are compared; what is longer is cut, and coverage says so
    "linspace"  both are thinned to the shorter one's length at evenly spaced indices (EAT's evaluation)
    "resample"  the take is stretched in time so that its first and last frames meet the clip's
    "offset=K"  frame t of the clip is compared with frame t + K of the take (K > 0 for a take that is late)
    """

    policy: str

    def __post_init__(self) -> None:
        if self._offset is None and self.policy not in ("strict", "truncate", "linspace", "resample"):
            raise TalkbenchError(
                f"--align {self.policy}: expected strict, truncate, resample, linspace or offset=K, "
                "for example offset=3."
            )

    @property
    def _offset(self) -> int | None:
        match = _OFFSET.match(self.policy)
        return int(match[1]) if match else None

    def matches(self, gt: int, gen: int) -> list[tuple[int, int]]:
        """Return the (clip frame, take frame) pairs for two lengths, rising in both; empty where none overlap.

        >>> Alignment("offset=2").matches(4, 4)
        [(0, 2), (1, 3)]
        >>> Alignment("resample").matches(3, 5)
        [(0, 0), (1, 2), (2, 4)]
        """
        if self.policy == "strict" and gt != gen:
            return []
        if self.policy == "resample":
            steps, span = max(gt - 1, 1), max(gen - 1, 0)
            return [(t, (2 * t * span + steps) // (2 * steps)) for t in range(gt)] if gen else []
        if self.policy == "linspace":
            length = min(gt, gen)
            # numpy's own rounding, since the script's indices are numpy's
            chosen = (np.linspace(0, count, length, endpoint=False).astype(int).tolist() for count in (gt, gen))
            return list(zip(*chosen, strict=True))
        shift = self._offset or 0
        return [(t, t + shift) for t in range(gt) if 0 <= t + shift < gen]
