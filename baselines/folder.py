"""The default layout: a folder (searched in depth) of videos, of folders of numbered frames, or of both.

A file's clip id is its MEAD name where it has one, else its path below the folder without suffix. A path to one video,
or to one folder of numbered frames, is a layout of its own: a single file.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from ..bench.errors import TalkbenchError
from ..bench.vocabulary import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from . import mead

Key = Literal["path", "stem"]
_NUMBERED = re.compile(r"\d+$")


@dataclass(frozen=True)
class Found:
    """One video or folder of frames, and what its name says."""

    id: str
    path: Path
    name: mead.MeadName | None = None


@dataclass(frozen=True)
class Listing:
    """All that was found below `root`. `single` means that the root itself is the video."""

    root: Path
    files: tuple[Found, ...]
    single: bool = False


def find(root: Path, *, key: Key = "path") -> Listing:
    """Find the videos and folders of frames below `root`, sorted by clip id.

    Raises TalkbenchError where the root is missing or unreadable, holds nothing, or gives two files the same id.
    """
    root = root.expanduser()
    if not root.exists():
        raise TalkbenchError(f"{root}: does not exist. Expected a folder of videos, or one video.")
    if root.is_file() or _is_frame_folder(root):
        absolute = root.absolute()
        name = mead.parse(absolute.with_suffix("") if root.is_file() else absolute)
        return Listing(root, (Found(name.clip_id if name else _normal(root.stem), root, name),), single=True)
    files = sorted((_found(root, path, key) for path in _media(root)), key=lambda found: (found.id, str(found.path)))
    if not files:
        raise TalkbenchError(
            f"{root}: holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}) and no folder of numbered frames (png, jpg)."
        )
    for one, other in pairwise(files):
        if one.id == other.id:
            raise TalkbenchError(
                f"{root}: two files are clip {one.id!r}: {one.path.relative_to(root)} and "
                f"{other.path.relative_to(root)}. Keep one, or name the right one in a --manifest."
            )
    return Listing(root, tuple(files))


def _found(root: Path, path: Path, key: Key) -> Found:
    bare = path if path.is_dir() else path.with_suffix("")
    name = mead.parse(bare.absolute())
    if name is not None:
        return Found(name.clip_id, path, name)
    return Found(_normal(bare.name if key == "stem" else bare.relative_to(root).as_posix()), path)


def _normal(text: str) -> str:
    """Spell a name one way: file systems differ in how they store accents."""
    return unicodedata.normalize("NFC", text)


def _media(root: Path) -> Iterator[Path]:
    """Yield videos and folders of frames in depth, following links but entering no folder twice."""

    def refuse(error: OSError) -> None:
        raise TalkbenchError(f"{error.filename}: cannot be read ({error.strerror}). Check its permissions.")

    seen = {root.resolve()}
    for folder, subfolders, names in os.walk(root, onerror=refuse, followlinks=True):
        here = Path(folder)
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield here / name
        enter = []
        for name in sorted(subfolders):
            path = here / name
            if name.startswith(".") or path.resolve() in seen:
                continue
            seen.add(path.resolve())
            if _is_frame_folder(path):
                yield path
            else:
                enter.append(name)
        subfolders[:] = enter


def _is_frame_folder(folder: Path) -> bool:
    """Tell whether a folder holds numbered frames and neither videos nor further folders."""
    if not folder.is_dir():
        return False
    numbered = False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - a path object per frame is slow
                if entry.name.startswith("."):
                    continue
                if entry.is_dir() or suffix.lower() in VIDEO_SUFFIXES:
                    return False
                numbered |= suffix.lower() in IMAGE_SUFFIXES and _NUMBERED.search(stem) is not None
    except OSError as error:
        raise TalkbenchError(f"{folder}: cannot be read ({error.strerror}). Check its permissions.") from error
    return numbered
