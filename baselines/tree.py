"""The names below a folder, or below a URL: all that an adapter looks at.

Nothing is opened, and a directory's order is no matter.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from ..bench.errors import TalkbenchError
from ..bench.location import Remote
from ..bench.remote import names_below
from ..bench.vocabulary import IMAGE_SUFFIXES, VIDEO_SUFFIXES

_NUMBERED = re.compile(r"^(?P<prefix>.*?)(?P<number>\d+)$", re.DOTALL)


@dataclass(frozen=True)
class Folder:
    """One folder: its videos, its other files, and its numbered images as {prefix: first number}; names are sorted.

    `inside` is its path below the root, "" for the root itself.
    """

    path: Path
    inside: str
    videos: tuple[str, ...]
    files: tuple[str, ...]
    series: Mapping[str, int]
    folders: tuple[str, ...]

    @property
    def is_frames(self) -> bool:
        """Whether it holds numbered frames and neither videos nor further folders."""
        return bool(self.series) and not self.videos and not self.folders

    @property
    def is_temporary(self) -> bool:
        """Whether it is one of the `temp` folders in which systems leave the silent copy of a result."""
        return PurePosixPath(self.inside).name == "temp"

    def below(self, name: str) -> str:
        """Return the path below the root of a name in this folder."""
        return f"{self.inside}/{name}" if self.inside else name

    def stems(self) -> Iterable[tuple[str, Path]]:
        """Return (name without suffix, path) of every video."""
        return self._stems

    @cached_property
    def _stems(self) -> tuple[tuple[str, Path], ...]:
        return tuple((os.path.splitext(name)[0], self.path / name) for name in self.videos)  # noqa: PTH122 - faster


@dataclass(frozen=True)
class Tree:
    """The root and every folder below it; for a root that is one video, its folder with no other video in it."""

    root: Path
    folders: tuple[Folder, ...]

    @property
    def base(self) -> Path:
        """The folder that `inside` counts from."""
        return self.folders[0].path

    @property
    def is_file(self) -> bool:
        """Whether the root is one video."""
        return self.base != self.root

    def at(self, inside: str) -> Folder | None:
        """Return the folder of this path below the root, if there is one."""
        return self._by_inside.get(inside)

    @cached_property
    def _by_inside(self) -> Mapping[str, Folder]:
        return {folder.inside: folder for folder in self.folders}

    def some_names(self) -> str:
        """Name a few of the things that lie here, the likeliest takes first."""
        videos = [folder.below(name) for folder in self.folders for name in folder.videos]
        frames = [f"{folder.inside or '.'}/ (numbered images)" for folder in self.folders if folder.series]
        others = [folder.below(name) for folder in self.folders for name in folder.files]
        names = videos[:2] + frames[:2] or others
        count = len(videos) + len(frames) or len(others)
        shown = ", ".join(names[:3])
        return (f"{shown}, … ({count} in all)" if count > len(names[:3]) else shown) or "nothing"


def scan(root: Path) -> Tree:
    """Read the names below a root, following links but entering no folder twice; hidden names are left out.

    Raises TalkbenchError where the root is missing or a folder cannot be read.
    """
    if isinstance(root, Remote):
        return _scan_url(root)
    root = root.expanduser()
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TalkbenchError(f"{root}: does not exist. Expected a folder of videos, or one video.") from error
    except OSError as error:
        raise TalkbenchError(f"{root}: cannot be read ({error.strerror}). Check its permissions.") from error
    _refuse_other_than_utf8(root)
    if is_folder:
        return Tree(root, tuple(_walk(root, "", {root.resolve()})))
    return Tree(root, (replace(_look(root.parent, ""), videos=(root.name,), series={}, folders=()),))


def _scan_url(root: Remote) -> Tree:
    names = names_below(root)
    if names is None:
        return Tree(root, (_folder(root.parent, "", [(root.name, False)]),))
    inside: dict[str, dict[str, bool]] = {"": {}}
    for name in names:
        *above, last = name.split("/")
        for depth in range(len(above) + 1):
            here, step = "/".join(above[:depth]), [*above, last][depth]
            inside.setdefault(here, {})[step] = depth < len(above)
    # Depth first, as a folder is walked.
    order = sorted(inside, key=lambda here: here.split("/") if here else [])
    return Tree(root, tuple(_folder(root / here if here else root, here, inside[here].items()) for here in order))


def _walk(path: Path, inside: str, seen: set[Path]) -> Iterator[Folder]:
    folder = _look(path, inside)
    yield folder
    enter = []
    for name in folder.folders:
        real = (path / name).resolve()
        if real not in seen:
            seen.add(real)
            enter.append(name)
    for name in enter:
        yield from _walk(path / name, folder.below(name), seen)


def _look(path: Path, inside: str) -> Folder:
    try:
        with os.scandir(path) as entries:
            return _folder(path, inside, ((entry.name, _is_folder(entry)) for entry in entries))
    except OSError as error:
        raise TalkbenchError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error


def _folder(path: Path, inside: str, names: Iterable[tuple[str, bool]]) -> Folder:
    """Sort (name, whether it is a folder) into what they are."""
    videos, files, folders = [], [], []
    series: dict[str, int] = {}
    for name, is_folder in names:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a path object per frame is slow
        if name.startswith("."):
            continue
        if is_folder:
            folders.append(name)
        elif suffix.lower() in VIDEO_SUFFIXES:
            videos.append(name)
        elif suffix.lower() in IMAGE_SUFFIXES and (match := _NUMBERED.match(stem)):
            number = int(match["number"])
            series[match["prefix"]] = min(number, series.get(match["prefix"], number))
        else:
            files.append(name)
    for name in (*videos, *folders, *series):
        _refuse_other_than_utf8(path / name)
    return Folder(
        path,
        inside,
        tuple(sorted(videos)),
        tuple(sorted(files)),
        dict(sorted(series.items())),
        tuple(sorted(folders)),
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell a folder; a link that leads nowhere or in a circle is none, and costs only its own clip."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _refuse_other_than_utf8(path: Path) -> None:
    """Raise for a name that no result file could hold."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise TalkbenchError(f"{shown}: the name is not UTF-8, so no result could name it. Rename it.") from error
