"""`talkbench doctor`: is this machine ready, and is this folder fit for a long run?"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import MediaError, TalkbenchError
from . import arguments
from .output import as_line, one_line, progress_bar

if TYPE_CHECKING:
    from ...metrics.contract import Frame
    from ..facts import VideoFacts

EXAMPLES = (
    "Examples:\n\n"
    "talkbench doctor\n\n"
    "talkbench doctor real/\n\n"
    "Exit code 1 where something must be put right before a run."
)
_LIBRARIES = ("av", "dlib-bin", "numpy", "numba", "opencv-python-headless", "pandas", "pyarrow", "scikit-image")
_DECODERS = ("h264", "hevc", "vp9", "mpeg4", "mpeg1video", "flv", "prores", "png", "mjpeg")
Check = tuple[bool, str, str]
"""(passed, what, finding)."""


def doctor(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A folder of videos to look through.", show_default=False)
    ] = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Check the installation, and a folder's videos where one is named."""
    checks: list[Check] = []
    for check in chain(_environment(), () if folder is None else _folder(folder)):
        checks.append(check)
        ok, what, finding = check
        if not as_json:
            typer.echo(f"{'ok  ' if ok else 'BAD '} {one_line(what)}: {one_line(finding)}")
    if as_json:
        typer.echo(as_line([{"ok": ok, "what": what, "finding": finding} for ok, what, finding in checks]))
    if not all(ok for ok, _, _ in checks):
        raise typer.Exit(1)


def _environment() -> Iterator[Check]:
    from av.codec import codecs_available

    from ..cache import default_folder
    from ..faces import weights_hash

    yield True, "talkbench", f"{version('talkbench')} on Python {platform.python_version()}, {platform.platform()}"
    yield True, "cores", f"{len(os.sched_getaffinity(0))}"
    yield True, "libraries", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    missing = [name for name in _DECODERS if name not in codecs_available]
    yield not missing, "decoders", f"without {', '.join(missing)}" if missing else ", ".join(_DECODERS)
    try:
        yield True, "landmark weights", weights_hash()
        yield _self_test()
    except TalkbenchError as error:
        yield False, "landmark weights", str(error)
    cache = default_folder()
    existing = next(parent for parent in (cache, *cache.parents) if parent.exists())
    writable = os.access(existing, os.W_OK)
    yield (
        writable,
        "landmark cache",
        f"{cache}" + ("" if writable else " cannot be written: pass --cache or --no-cache"),
    )


def _self_test() -> Check:
    """Find the face of scikit-image's portrait, and compare the picture with itself."""
    import skimage.data

    from ...metrics.ssim import ssim
    from ..faces import FaceFinder, grey
    from ..protocol import PROTOCOLS

    picture: Frame = skimage.data.astronaut()
    face = FaceFinder(PROTOCOLS["talkbench-1"].faces).find(grey(picture))
    same = ssim(picture, picture)
    passed = face.count == 1 and abs(same - 1) < 1e-9
    return passed, "self-test", f"{face.count} face in a portrait, SSIM {same:.3f} with itself"


def _folder(folder: Path) -> Iterator[Check]:
    from ...baselines.folder import find
    from ..video import probe

    try:
        listing = find(folder)
    except TalkbenchError as error:
        yield False, f"{folder}", str(error)
        return
    kinds: Counter[str] = Counter()
    with progress_bar() as progress:
        for done, found in enumerate(listing.files):
            progress("inspect", done, len(listing.files))
            try:
                facts = probe(found.path, rate=Fraction(25))
                share = _share_with_face(facts)
            except MediaError as error:
                yield False, found.id, str(error)
                continue
            kinds[f"{facts.width}×{facts.height}, {float(facts.rate):.4g} fps, {facts.codec}, {facts.colour}"] += 1
            if share < 1:
                yield share > 0, found.id, f"a face in {share:.0%} of the frames looked at"
        progress("inspect", len(listing.files), len(listing.files))
    yield (
        True,
        f"{folder}",
        f"{len(listing.files)} videos; " + "; ".join(f"{n} × {kind}" for kind, n in kinds.most_common()),
    )


def _share_with_face(facts: VideoFacts) -> float:
    """Look for a face as `talkbench-1` would, once per second and at least three times."""
    from ..faces import FaceFinder, grey
    from ..framing import Whole
    from ..protocol import PROTOCOLS
    from ..video import read_frames

    finder, whole = FaceFinder(PROTOCOLS["talkbench-1"].faces), Whole(256)
    frames = read_frames(facts.path, source_rate=facts.rate, rate=max(Fraction(1), 3 / facts.duration))
    seen = [finder.find(grey(whole(frame))).count > 0 for frame in frames]
    return sum(seen) / len(seen)
