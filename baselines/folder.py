"""The default layout: a folder (searched in depth) of videos, of folders of numbered frames, or of both.

A file's clip id is its MEAD name where it has one, else its path below the folder without suffix. A path to one video,
or to one folder of numbered frames, is a layout of its own: a single file. Landmarks that a method predicts, in px of
its own frames, may lie beside a take as `<take>.landmarks.npy` or `.txt`, 68 points per frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..bench.vocabulary import VIDEO_SUFFIXES
from .contract import DEFAULT, Adapter, Found, Key, Listing
from .tree import Folder, Tree

__all__ = ["ADAPTER", "Found", "Key", "Listing", "find"]


def find(root: Path, *, key: Key = "path") -> Listing:
    """Find the videos and folders of frames below `root`, sorted by clip id.

    Raises TalkbenchError where the root is missing or unreadable, holds nothing, or gives two files the same id.
    """
    return ADAPTER.find(root, key=key)


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in folder.stems():
            yield _take(folder.below(stem), path, folder)
        if folder.is_frames:
            inside = PurePosixPath(folder.inside)
            parent = tree.at("" if inside.parent == PurePosixPath() else str(inside.parent)) if folder.inside else None
            yield _take(folder.inside, folder.path, parent)


def _take(clip: str, path: Path, beside: Folder | None) -> Found:
    if beside is None or not beside.files:
        return Found(clip, path)
    names = (f"{PurePosixPath(clip).name}.landmarks{suffix}" for suffix in (".npy", ".txt"))
    landmarks = next((beside.path / name for name in names if name in beside.files), None)
    return Found(clip, path, landmarks=landmarks, scheme="dlib-68" if landmarks else None)


ADAPTER = Adapter(
    name=DEFAULT,
    system="any system whose takes bear the clips' names",
    layout=f"video ({', '.join(sorted(VIDEO_SUFFIXES))}) or folder of numbered frames (png, jpg)",
    takes=_takes,
    mark=lambda tree: any(True for _ in _takes(tree)),
    exclusive=False,
)
