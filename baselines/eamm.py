"""EAMM's `demo.py`: `emotion.mp4` in a folder per clip, else the third panel of `all.mp4`; both are 256 px high.

Names are fixed and every run overwrites them, so the folder names the clip. The system makes 25 frames per second of
sound but writes `emotion.mp4` at the rate of the driving video, 30 fps for MEAD, so that it plays too fast: its frames
are read at 25. `all.mp4` (driving video, result without emotion, result) is written at 25. `neutral.mp4` is the result
without emotion.

EAT's evaluation keeps EAMM's results as folders of frames instead: `<actor>/<emotion>_level_<n>_<sentence>/%d.jpg`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from . import mead
from .contract import Adapter, Found
from .tree import Folder, Tree

_RESULTS = ("emotion.mp4", "emotion.mov")
_PANELS = ("all.mp4", "all.mov")
_THIRD = (512, 0, 768, 256)
_RATE = Fraction(25)


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        if result := _first(folder, _RESULTS):
            yield Found(folder.inside, folder.path / result, fps=_RATE)
        elif panels := _first(folder, _PANELS):
            yield Found(folder.inside, folder.path / panels, panel=_THIRD)
        elif folder.is_frames and mead.parse(folder.path.absolute()):
            yield Found(folder.inside, folder.path, fps=_RATE)


def _first(folder: Folder, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in folder.videos), None)


def _mark(tree: Tree) -> bool:
    """Look for the fixed names, where they can hardly be a clip's own: below the root, or beside one another."""
    fixed = [
        [folder for folder in tree.folders if _first(folder, names)] for names in (_RESULTS, (*_PANELS, "neutral.mp4"))
    ]
    return any(folder.inside or folder in fixed[1] for folder in fixed[0])


ADAPTER = Adapter(
    name="eamm",
    system="EAMM (Ji et al. 2022), github.com/jixinya/EAMM",
    layout="emotion.mp4 or all.mp4 in a folder per clip, or frames in <actor>/<emotion>_level_<n>_<sentence>/",
    takes=_takes,
    mark=_mark,
)
