"""Clips for tests: a public-domain portrait that moves a little, written in whatever container a test needs."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from skimage.data import astronaut

Frame = npt.NDArray[np.uint8]
MEDIA = Path(__file__).parents[2] / "shared" / "media"
"""Real clips, where the machine has them; tests that want them skip elsewhere."""


@cache
def portrait(size: int = 256) -> Frame:
    """The head of the astronaut portrait, (size, size, 3) RGB."""
    head = astronaut()[0:260, 95:355]
    return np.ascontiguousarray(cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA))


def moving(count: int, *, size: int = 256, phase: float = 0.0, width: int | None = None) -> list[Frame]:
    """`count` frames of the portrait, swaying by up to three px of 256."""
    frames = []
    for t in range(count):
        dx, dy = size / 256 * 3 * np.sin(0.5 * t + phase), size / 256 * 2 * np.cos(0.3 * t + phase)
        matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
        frame = cv2.warpAffine(portrait(size), matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        frames.append(frame if width is None else cv2.resize(frame, (width, size)))
    return frames


def noisy(frames: Iterable[Frame], amount: float, seed: int = 0) -> list[Frame]:
    """The frames with Gaussian noise added."""
    rng = np.random.default_rng(seed)
    return [np.clip(frame + rng.normal(0, amount, frame.shape), 0, 255).astype(np.uint8) for frame in frames]


def faceless(count: int, *, size: int = 256) -> list[Frame]:
    """`count` frames without a face."""
    rng = np.random.default_rng(7)
    return [np.full((size, size, 3), rng.integers(60, 200, 3), np.uint8) for _ in range(count)]


def write(
    path: Path,
    frames: Iterable[Frame],
    *,
    fps: Fraction | int = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: list[int] | None = None,
    options: dict[str, str] | None = None,
    colour: tuple[int, int] | None = None,
) -> Path:
    """Write a video; `times` are presentation times in ms for a variable rate, `colour` a (matrix, range) tag."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps))
        stream.pix_fmt = pix_fmt
        stream.options = options or ({"crf": "14", "threads": "1"} if codec == "libx264" else {})
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if colour is not None:
            stream.codec_context.colorspace, stream.codec_context.color_range = colour
        for index, frame in enumerate(frames):
            if index == 0:
                stream.height, stream.width = frame.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = index if times is None else times[index]
            picture.time_base = 1 / Fraction(fps) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_frames(folder: Path, frames: Iterable[Frame], *, start: int = 1, suffix: str = ".png") -> Path:
    """Write a folder of numbered frames."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=start):
        cv2.imwrite(str(folder / f"{number:05}{suffix}"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    return folder
