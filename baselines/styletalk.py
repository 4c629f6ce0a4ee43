"""StyleTalk's `inference_for_demo.py`: `<clip>.mp4`, 256² at 30 fps with sound, beside a `<clip>.npy`.

The array holds parameters of expression and pose, not landmarks. A `silent.mp4` is what a broken run leaves behind. The
head moves as in a given pose file.
"""

from __future__ import annotations

from collections.abc import Iterator

from .contract import Adapter, Found
from .tree import Tree


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in folder.stems():
            if stem != "silent":
                yield Found(folder.below(stem), path)


def _mark(tree: Tree) -> bool:
    """Look for videos each of which has its array."""
    arrays = [f"{stem}.npy" in folder.files for folder in tree.folders for stem, _ in folder.stems()]
    return bool(arrays) and all(arrays)


ADAPTER = Adapter(
    name="styletalk",
    system="StyleTalk (Ma et al. 2023), github.com/FuxiVirtualHuman/styletalk",
    layout="<clip>.mp4, with or without <clip>.npy",
    takes=_takes,
    mark=_mark,
    exclusive=False,
)
