"""ATVGnet's `demo.py`: `<name>.mp4` (128², 25 fps, silent), the same with sound as `<name>.mov`, and landmarks.

The name is the `-s` of the call, or `results` in older versions: then the folder names the clip. The landmarks always
go to `obama_fake.npy`, so a folder with several results keeps those of the last run only; they are taken where there is
a single result. Frames start with the clip and are one fewer than it has. The ground truth must be given the same crop.
"""

from __future__ import annotations

from collections.abc import Iterator

from .contract import Adapter, Found
from .tree import Tree

_LANDMARKS = "obama_fake.npy"
_DRAWINGS = frozenset({"fake", "fake_file", "fake_ws"})
"""Videos of the landmarks alone, which older versions write beside the result."""


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        results = dict(sorted(folder.stems(), key=lambda video: video[1].suffix != ".mov"))  # .mp4 replaces .mov
        if _LANDMARKS in folder.files:
            results = {stem: path for stem, path in results.items() if stem not in _DRAWINGS}
        predicted = _LANDMARKS in folder.files and len(results) == 1
        for stem, path in results.items():
            yield Found(
                folder.inside if stem == "results" else folder.below(stem),
                path,
                landmarks=folder.path / _LANDMARKS if predicted else None,
                scheme="atvg-68" if predicted else None,
            )


ADAPTER = Adapter(
    name="atvg",
    system="ATVGnet (Chen et al. 2019), github.com/lelechen63/ATVGnet",
    layout="<name>.mp4 or results.mp4, with or without obama_fake.npy",
    takes=_takes,
    mark=lambda tree: any(_LANDMARKS in folder.files for folder in tree.folders),
)
