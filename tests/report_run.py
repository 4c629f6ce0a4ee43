"""A small run for the tests of reports: hostile names, formats no browser plays, frames without a face, a failure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import clips
import numpy as np
import pytest

import talkbench

SCRIPT = "<script>alert(1)</script>"
"""A clip's id: a folder `<script>alert(1)<` with a video `script>.mp4`."""
IMAGE = '"><img src=x onerror=alert(2)>'
"""A method's name."""
PLAIN = "plain"
FRAMES = 20
FACELESS = range(8, 11)
STAMP = 64
GOOD = {"flags": "+qscale", "global_quality": "236"}


def shared(factory: pytest.TempPathFactory) -> Path:
    """Return the run's result folder, made once per process: leave it and its videos as they are."""
    folder = factory.getbasetemp() / "report-run"
    if not (folder / "run").exists():
        _make(folder)
    return folder / "run"


def _make(folder: Path) -> None:
    """Score two methods on two clips; the plain method's second take is no video."""
    real, image, plain = folder / "real", folder / "image", folder / "plain"
    for place, name in enumerate((SCRIPT, "tame")):
        truth = clips.moving(FRAMES, phase=place)
        truth = [clips.faceless(1)[0] if at in FACELESS else frame for at, frame in enumerate(truth)]
        clips.write(real / f"{name}.mp4", stamped(truth), pix_fmt="yuv444p")
        clips.write(image / f"{name}.mkv", stamped(clips.noisy(truth, 12)), codec="ffv1", pix_fmt="bgr0")
        clips.write(plain / f"{name}.avi", stamped(clips.noisy(truth, 6)), codec="mpeg4", options=GOOD)
    (plain / "tame.avi").write_bytes(b"no video")
    talkbench.score(real, {IMAGE: image, PLAIN: plain}, out=folder / "run", cache=folder / "cache")


def stamped(frames: Iterable[clips.Frame]) -> list[clips.Frame]:
    """Number the frames by the brightness of their top left corner."""
    numbered = [frame.copy() for frame in frames]
    for number, frame in enumerate(numbered):
        frame[:STAMP, :STAMP] = 20 + 10 * number
    return numbered


def stamp(picture: clips.Frame) -> int:
    """Read the number of a frame, shown at any size."""
    height, width = picture.shape[:2]
    corner = picture[: height // 6, : width // 6].astype(np.float64)
    return round((corner[2:-2, 2:-2].mean() - 20) / 10)
