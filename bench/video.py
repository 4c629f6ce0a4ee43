"""Reading videos and folders of numbered frames: probe, count, and stream RGB frames at a stated rate, by time.

Time starts at the first frame shown. The frames at a rate `r` are those nearest in time to 0, 1/r, 2/r, … (a tie takes
the earlier), and there are round(duration · r) of them, where the duration ends when the last frame does. A folder of
frames has no clock: its rate is stated.
"""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np

from ..metrics.contract import Frame
from .errors import MediaError
from .facts import MAX_FRAMES, VideoFacts, too_long
from .frame_folder import frame_files, probe_folder, read_image
from .video_file import probe_file, timed_pictures, to_rgb
from .vocabulary import AS_IS, Reading

T = TypeVar("T")


def probe(path: Path, *, rate: Fraction, reading: Reading = AS_IS) -> VideoFacts:
    """Read what a video or a folder of frames is, without decoding more than its first frame.

    `rate` is the rate of a folder of frames whose reading states none. Raises MediaError for a file that cannot be read
    to its end, and where the reading's panel does not fit into the frame.
    """
    if path.is_dir():
        facts = probe_folder(path, reading.fps or rate, reading.prefix)
    else:
        facts = probe_file(path)
        if reading.fps is not None:
            facts = replace(facts, rate=reading.fps, duration=facts.frames / reading.fps)
    if facts.frames > MAX_FRAMES or facts.duration * 25 > MAX_FRAMES:
        raise too_long(path)
    if reading.panel is None:
        return facts
    left, top, right, bottom = reading.panel
    if right > facts.width or bottom > facts.height:
        raise MediaError(
            f"{path}: is {facts.width}×{facts.height}, but the part that counts reaches to {right}×{bottom}: expected "
            "the system's panels side by side. If it is cropped already, pass --adapter NAME=folder."
        )
    return replace(facts, width=right - left, height=bottom - top)


def read_frames(
    path: Path, *, source_rate: Fraction, rate: Fraction | None, reading: Reading = AS_IS
) -> Iterator[Frame]:
    """Yield (H, W, 3) uint8 RGB frames, C-contiguous, at `rate` by time, or every source frame where `rate` is None.

    `source_rate` is the rate of a folder of frames; a video file states its own times. Raises MediaError for a file
    that cannot be decoded to its end.
    """
    if path.is_dir():
        frames = _folder_frames(path, reading.fps or source_rate, rate, reading.prefix)
    else:
        timed = timed_pictures(path, fps=reading.fps)
        frames = map(to_rgb, (picture for _, _, picture in timed) if rate is None else resample(timed, rate))
    if reading.panel is None:
        yield from frames
        return
    left, top, right, bottom = reading.panel
    for frame in frames:
        yield np.ascontiguousarray(frame[top:bottom, left:right])


def _folder_frames(path: Path, source_rate: Fraction, rate: Fraction | None, prefix: str | None) -> Iterator[Frame]:
    files = frame_files(path, prefix)
    timed = ((index / source_rate, 1 / source_rate, file) for index, file in enumerate(files))
    first: Frame | None = None
    for file in files if rate is None else resample(timed, rate):
        image = read_image(file)
        first = image if first is None else first
        if image.shape != first.shape:
            raise MediaError(
                f"{file}: is {image.shape[1]}×{image.shape[0]} where the frames before it are "
                f"{first.shape[1]}×{first.shape[0]}. Write all frames of a clip in one size."
            )
        yield image


def resample(timed: Iterable[tuple[Fraction, Fraction, T]], rate: Fraction) -> Iterator[T]:
    """Take the items nearest in time to k / rate from (time, duration, item) in rising time, streaming.

    >>> items = [(Fraction(k, 30), Fraction(1, 30), k) for k in range(6)]
    >>> list(resample(items, Fraction(25)))
    [0, 1, 2, 4, 5]
    """
    half, k = Fraction(1, 2), 0
    near: deque[tuple[Fraction, T]] = deque()
    end = Fraction(0)
    for time, duration, item in timed:
        near.append((time, item))
        end = time + duration
        while time >= (k + half) / rate:
            yield _nearest(near, k / rate)
            k += 1
    while near and end >= (k + half) / rate:
        yield _nearest(near, k / rate)
        k += 1


def _nearest(near: deque[tuple[Fraction, T]], time: Fraction) -> T:
    """Return the item nearest to `time`, and forget those that no later time can want."""
    while len(near) > 1 and near[1][0] - time < time - near[0][0]:
        near.popleft()
    return near[0][1]


@cache
def decoder_version() -> str:
    """Name the versions of the libraries that turn files into pixels, and the machine where it is not an x86-64.

    FFmpeg turns YUV into RGB by other code on other machines, and the last bits of the pixels differ.
    """
    versions = av.library_versions
    machine = platform.machine().lower()
    other = "" if machine in ("x86_64", "amd64") else f".{machine}"
    return f"avcodec{versions['libavcodec'][0]}.swscale{versions['libswscale'][0]}.cv{cv2.__version__}{other}"
