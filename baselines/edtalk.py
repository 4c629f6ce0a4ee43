"""EDTalk's demos: `<clip>.mp4` as `--save_path` says, 256² with sound, at the fps of the pose video.

`<clip>_512.mp4` is the same after super-resolution (`--face_sr`), always marked 25 fps: it is taken only where the
plain one is not there. `<clip>_temp.mp4` and `….tmp.mp4` are what a broken run leaves behind. The head moves as in the
pose video. The demos driven by sound make 25 frames per second of it whatever the pose video's fps, so give them one of
25 fps: nothing in the names tells them from the demos driven by video.
"""

from __future__ import annotations

from collections.abc import Iterator

from .contract import Adapter, Found
from .tree import Tree

_LARGE = "_512"


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        stems = dict(folder.stems())
        for stem, path in stems.items():
            plain = stem.removesuffix(_LARGE)
            if not stem.endswith(("_temp", ".tmp")) and (plain == stem or plain not in stems):
                yield Found(folder.below(plain), path)


ADAPTER = Adapter(
    name="edtalk",
    system="EDTalk (Tan et al. 2024), github.com/tanshuai0219/EDTalk",
    layout="<clip>.mp4 or <clip>_512.mp4",
    takes=_takes,
    mark=lambda tree: any(
        stem + _LARGE in stems for stems in (dict(folder.stems()) for folder in tree.folders) for stem in stems
    ),
    exclusive=False,
)
