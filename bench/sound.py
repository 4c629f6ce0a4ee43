"""Reading a video's sound, in time with its frames."""

from __future__ import annotations

from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from .errors import MediaError

Sound = tuple[npt.NDArray[np.float32], int]
"""Mono samples (N,), −1 to 1, the first of them at the first frame shown, and their rate in Hz."""


def read_sound(video: Path, *, rate: int | None = None) -> Sound | None:
    """Return a video's first sound stream, mixed to mono, at `rate` Hz (None: its own).

    None where it has no sound, as a folder of frames has none.

    Silence stands where sound starts after the first frame; what comes before it is cut. Raises MediaError for a file
    whose sound cannot be decoded.
    """
    if video.is_dir():
        return None
    try:
        with av.open(f"file:{video}", metadata_errors="ignore") as container:
            if not container.streams.audio or not container.streams.video:
                return None
            first = next(iter(container.decode(container.streams.video[0])), None)
            shown = 0.0 if first is None or first.time is None else first.time
        with av.open(f"file:{video}", metadata_errors="ignore") as container:
            stream = container.streams.audio[0]
            hertz = rate or int(stream.rate)
            resampler = AudioResampler(format="fltp", layout="mono", rate=hertz)
            parts: list[npt.NDArray[np.float32]] = []
            start: float | None = None
            for frame in container.decode(stream):
                start = frame.time if start is None else start
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except av.error.FFmpegError as error:
        raise MediaError(f"{video}: its sound cannot be decoded ({error.strerror}). Make the file again.") from error
    if not parts:
        return None
    samples = np.concatenate(parts).astype(np.float32)
    late = round(((start or 0.0) - shown) * hertz)
    return (np.concatenate([np.zeros(late, np.float32), samples]) if late > 0 else samples[-late:]), hertz
