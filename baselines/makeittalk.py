"""MakeItTalk's `main_end2end.py`: `<image>_pred_fls_<audio>_audio_embed.mp4`, 768×256 at 62.5 fps with sound.

Three panels: the picture, the result, a drawing of the landmarks; the second is the take. The landmarks,
`pred_fls_<audio>_audio_embed.txt`, are deleted at the end of a run unless one keeps them, and do not name the picture
that they belong to. Head motion and blinks are random.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .contract import Adapter, Found
from .tree import Tree

_VIDEO = re.compile(r"^(?P<image>.+?)_pred_fls_(?P<audio>.+?)(?:_audio_embed)?$")
_MIDDLE = (256, 0, 512, 256)


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in folder.stems():
            if match := _VIDEO.match(stem):
                landmarks = stem.removeprefix(f"{match['image']}_") + ".txt"
                predicted = landmarks in folder.files
                yield Found(
                    folder.below(match["audio"]),
                    path,
                    panel=_MIDDLE,
                    landmarks=folder.path / landmarks if predicted else None,
                    scheme="makeittalk-68" if predicted else None,
                    has_head_motion=True,
                )


ADAPTER = Adapter(
    name="makeittalk",
    system="MakeItTalk (Zhou et al. 2020), github.com/yzhou359/MakeItTalk",
    layout="<image>_pred_fls_<audio>_audio_embed.mp4",
    takes=_takes,
    mark=lambda tree: any(True for _ in _takes(tree)),
)
