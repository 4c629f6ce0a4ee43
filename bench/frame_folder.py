"""Reading folders of numbered frames: one series of images, in the order of their numbers, without a gap."""

from __future__ import annotations

import io
import re
import warnings
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..metrics.contract import Frame
from .errors import MediaError
from .facts import MAX_PIXELS, VideoFacts, too_large
from .regular import opened_regular
from .vocabulary import IMAGE_SUFFIXES

_NUMBERED = re.compile(r"^(?P<prefix>.*?)(?P<number>\d+)$")


def frame_files(folder: Path, prefix: str | None = None) -> list[Path]:
    """Return a folder's numbered frames in the order of their numbers; with `prefix` only those that bear it.

    Raises MediaError where the numbering has a gap, repeats, or mixes several series: each shifts frames in time.
    """
    numbered: dict[int, Path] = {}
    prefixes: set[str] = set()
    for file in sorted(folder.iterdir()):
        match = _NUMBERED.match(file.stem)
        if file.suffix.lower() not in IMAGE_SUFFIXES or match is None or file.name.startswith("."):
            continue
        if prefix is not None and match["prefix"] != prefix:
            continue
        number = int(match["number"])
        prefixes.add(match["prefix"])
        if len(prefixes) > 1:
            raise MediaError(
                f"{folder}: holds several series of frames ({', '.join(repr(p) for p in sorted(prefixes))}). "
                "Expected one; keep one series per folder."
            )
        if number in numbered:
            raise MediaError(f"{folder}: frame {number} is there twice: {numbered[number].name} and {file.name}.")
        numbered[number] = file
    if not numbered:
        raise MediaError(f"{folder}: holds no numbered frames (png, jpg). Expected names such as 00001.png.")
    order = sorted(numbered)
    steps = {b - a for a, b in pairwise(order)}
    if len(steps) > 1:
        gap = next(a for a, b in pairwise(order) if b - a > min(steps))
        raise MediaError(
            f"{folder}: a frame is missing after {numbered[gap].name}, which would shift all later ones in time. "
            "Write the missing frames, or renumber the folder if none is missing."
        )
    return [numbered[number] for number in order]


def probe_folder(folder: Path, rate: Fraction, prefix: str | None) -> VideoFacts:
    """Read what a folder of frames is from its names and its first frame. Raises MediaError where it cannot be read."""
    files = frame_files(folder, prefix)
    first = read_image(files[0])
    return VideoFacts(
        path=folder,
        kind="frames",
        width=first.shape[1],
        height=first.shape[0],
        frames=len(files),
        rate=rate,
        duration=Fraction(len(files)) / rate,
        codec=files[0].suffix.lower().lstrip("."),
        pixel_format="rgb24",
        colour="rgb",
    )


def read_image(file: Path) -> Frame:
    """Read an image as RGB; 16-bit, grey and alpha images become 8-bit RGB."""
    with opened_regular(file) as content:
        data = np.fromfile(content, np.uint8)
    _refuse_huge_image(file, data)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise MediaError(f"{file}: is not a readable image ({data.size} bytes). Write it again.")
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False))


def _refuse_huge_image(file: Path, data: npt.NDArray[np.uint8]) -> None:
    """Raise for an image that would fill the memory, before it is decoded; what Pillow cannot open, OpenCV judges."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data.tobytes())) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise MediaError(f"{file}: has more than {MAX_PIXELS:,} pixels. Scale the frames down.") from error
    except (OSError, SyntaxError, ValueError):
        return
    if width * height > MAX_PIXELS:
        raise too_large(file, width, height)
