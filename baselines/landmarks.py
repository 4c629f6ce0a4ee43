"""Predicted landmarks: the files that systems write, read as 68 points in the order of dlib's model.

A scheme says how a file is laid out, in which space its points are, and at which rate. A file starts with its clip.
Only `dlib-68` is in px of the take's own frames; the others are in a space of their own, where x grows to the right and
y downwards, and have to be placed: one similarity per clip, on points 27–44, which speech moves least.

The 106-point schemes come from a closed detector (jixinya/EVP, issue 3); which points they are was seen on EVP's
shipped `M003.npy`. Nose, eyes and lips are counted alike in both, in the same order, so that each of dlib's points has
one. Not exact are, in % of the distance between the outer eye corners: the jaw, where dlib's 17 points are taken to be
every second of 33 (these 17 lie 22 % apart); the brows, where the 106 points follow both edges, 8 % apart, and the
upper is taken; the corners of the inner lips, which dlib puts 5 % inside those of the outer, the 106 points 1–2 %. The
cost: after a similarity, the median faces of EVP's and of ATVGnet's shipped tracks differ by 0–6 % at the jaw, 5–9 % at
the brows, 0–4 % at the nose, 1–5 % at the eyes, 3–10 % at the outer and 5–11 % at the inner lips. They are of two
speakers, so the schemes account for part of it only; but it is an offset that neither centring nor a longer clip
removes. A landmark distance from such a file holds against others of its scheme, not against re-detected points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bench.errors import BROKEN_ARRAY, TalkbenchError
from ..bench.regular import opened_regular
from .contract import unknown

Points = npt.NDArray[np.float64]

FROM_106 = (*range(0, 33, 2), *range(33, 43), *range(43, 52), *range(52, 64), *range(84, 104))
"""The 106-point scheme's index of each of dlib's 68 points."""

_BRIDGE, _CHIN = 27, 8
_NUMBERED = re.compile(r"^\d+$")
_LEAD_IN = 2
"""The keypoints that `lm2map.py` puts in front are the background video's own."""


@dataclass(frozen=True)
class Scheme:
    """How one system writes landmarks: `points` of `dims` coordinates, at `fps` (None: at the take's own rate).

    `space` says what the coordinates are; `in_frame`, that they are px of the take's own frames.
    """

    name: str
    points: int
    dims: int
    space: str
    in_frame: bool = False
    fps: Fraction | None = None


SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("dlib-68", 68, 2, "px of the take's frames", in_frame=True),
        Scheme("atvg-68", 68, 2, "mean-face frame of a Procrustes fit, times 5", fps=Fraction(25)),
        Scheme("makeittalk-68", 68, 3, "units in which the source picture's jaw is 1.6 wide", fps=Fraction(125, 2)),
        Scheme("evp-106", 106, 2, "0 to 1 of an aligned face crop", fps=Fraction(25)),
        Scheme("vid2vid-106", 106, 2, "px of the target video's frames", fps=Fraction(25)),
    )
}
"""All schemes by name."""


def read(path: Path, scheme: str) -> Points:
    """Read predicted landmarks as (T, 68, 2), x and y in the scheme's own space; NaN where the file has NaN.

    Raises TalkbenchError where the file cannot be read or its shape is not the scheme's.
    """
    if scheme not in SCHEMES:
        raise unknown("landmark scheme", scheme, SCHEMES)
    layout = SCHEMES[scheme]
    numbers = _keypoint_files(path, layout) if scheme == "vid2vid-106" else _numbers(path)
    tracks = _shaped(numbers, path, layout)[..., :2]
    if layout.points == 106:
        tracks = tracks[:, FROM_106]
    return _upright(tracks) if scheme == "makeittalk-68" else tracks


def _numbers(path: Path) -> npt.NDArray[Any]:
    """Read an array, or a text of numbers with a frame per line."""
    try:
        if path.suffix == ".npy":
            # Mapped: a header that promises more than the file holds is refused before there is memory for it.
            with opened_regular(path):
                return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        with opened_regular(path) as file:
            lines = file.read().decode().replace(",", " ").splitlines()
        if not any(line.strip() for line in lines):
            raise ValueError("it is empty")
        return np.loadtxt(lines, ndmin=2)
    except BROKEN_ARRAY as error:
        raise TalkbenchError(
            f"{path}: cannot be read as landmarks ({error}). Write it again or leave it out."
        ) from error


def _keypoint_files(folder: Path, scheme: Scheme) -> npt.NDArray[Any]:
    """Read a folder of one text per frame, without the background's own."""
    try:
        files = {
            int(file.stem): file for file in folder.iterdir() if file.suffix == ".txt" and _NUMBERED.match(file.stem)
        }
    except OSError as error:
        raise TalkbenchError(f"{folder}: cannot be read ({error.strerror}). Expected a folder of keypoints.") from error
    numbers = sorted(number for number in files if number >= _LEAD_IN)
    if not numbers or numbers != list(range(_LEAD_IN, _LEAD_IN + len(numbers))):
        raise TalkbenchError(
            f"{folder}: expected keypoints {_LEAD_IN:06}.txt and on without a gap, found {len(numbers)} from there on. "
            "Write the missing ones again."
        )
    frames = [_numbers(files[number]) for number in numbers]
    for number, frame in zip(numbers, frames, strict=True):
        if frame.shape != (scheme.points, scheme.dims):
            raise _misshapen(files[number], scheme, frame, f"{scheme.points} lines of x,y")
    return np.stack(frames)


def _shaped(numbers: npt.NDArray[Any], path: Path, scheme: Scheme) -> Points:
    """Return (T, points, dims): files leave out, or add, an axis."""
    flat, last = scheme.points * scheme.dims, (scheme.points, scheme.dims)
    frames = numbers[0] if numbers.ndim == 3 and numbers.shape[0] == 1 and numbers.shape[2] == flat else numbers
    fits = (frames.ndim == 3 and frames.shape[1:] == last) or (frames.ndim == 2 and frames.shape[1] == flat)
    if not fits or len(frames) == 0 or not np.issubdtype(frames.dtype, np.number) or np.iscomplexobj(frames):
        raise _misshapen(path, scheme, numbers, f"numbers (T, {scheme.points}, {scheme.dims}) or (T, {flat})")
    tracks = frames.reshape(-1, *last).astype(np.float64)
    if np.isinf(tracks).any():
        raise TalkbenchError(f"{path}: holds infinite landmarks. Write it again or leave it out.")
    return tracks


def _misshapen(path: Path, scheme: Scheme, found: npt.NDArray[Any], expected: str) -> TalkbenchError:
    return TalkbenchError(
        f"{path}: is not {scheme.name}: expected {expected}, found {found.dtype} {found.shape}. "
        "Name the right adapter, or leave the file out."
    )


def _upright(tracks: Points) -> Points:
    """Turn a face that stands on its head: MakeItTalk's code negates x and y back and forth.

    The shipped sample is upright; other versions may leave out one of the negations.
    """
    heights = tracks[:, _CHIN, 1] - tracks[:, _BRIDGE, 1]
    seen = heights[~np.isnan(heights)]
    return -tracks if seen.size and np.median(seen) < 0 else tracks
