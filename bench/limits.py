"""How long one clip may take, and how much memory: what a hostile or broken file can cost at most.

Neither changes a number, so neither is part of a protocol or a signature. They hold in worker processes, which can be
ended; measuring in the caller's own process knows none.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import environment
from .errors import TalkbenchError
from .facts import VideoFacts

_START_S = 60.0
"""Allowed to any file and any pair: to start, on a busy machine or a slow disk."""
_LONGEST_S = 86_400.0
_SLOWEST_DISK = 1e6
"""Bytes per second at which a file is read, at worst."""
_SMALLEST_FRAME = 2e3
"""Bytes of a frame of video, at least."""
_SMALLEST = 10**9
"""Bytes that the libraries and one ordinary clip need, with some room."""


@dataclass(frozen=True)
class Limits:
    """`memory` in bytes, for each worker process; `seconds` for every clip alike, None for what its length allows."""

    memory: int
    seconds: float | None = None

    @classmethod
    def stated(cls) -> Limits:
        """Return what `TALKBENCH_CLIP_MEMORY` (4G where it is not set) and `TALKBENCH_CLIP_SECONDS` state.

        Raises TalkbenchError where one of them is not a size or a number of seconds, or is too small to measure with.
        """
        memory = environment.size("TALKBENCH_CLIP_MEMORY", "4G")
        if memory < _SMALLEST:
            raise TalkbenchError(f"TALKBENCH_CLIP_MEMORY: expected at least 1G, got {memory} bytes.")
        return cls(memory, environment.seconds("TALKBENCH_CLIP_SECONDS"))

    def to_probe(self, size: int) -> float:
        """Return how many seconds it may take to look at a file of `size` bytes: 60, and one per MB."""
        return self.seconds or min(_LONGEST_S, _START_S + size / _SLOWEST_DISK)

    def to_measure(self, *sides: VideoFacts | None) -> float:
        """Return how many seconds a pair may take: 60, and one per source frame, or per megapixel of larger frames."""
        frames = sum(side.frames * max(1.0, side.width * side.height / 1e6) for side in sides if side is not None)
        return self.seconds or min(_LONGEST_S, _START_S + frames)

    def to_prepare(self, size: int) -> float:
        """Return how many seconds it may take to read all of a file of `size` bytes: 60, and one per 2 kB, or frame."""
        return self.seconds or min(_LONGEST_S, _START_S + size / _SMALLEST_FRAME)
