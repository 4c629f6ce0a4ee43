"""Audio2Head's `inference.py`: `<image>_<audio>.mp4`, 256² at 25 fps with sound; a silent copy may lie in `temp/`.

Where underscores make it ambiguous which part is the audio, the part that is a MEAD name is; else all that follows the
first underscore, and the shorter parts, then the whole name, are the other readings. The head moves by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from . import mead
from .contract import Adapter, Found, tails
from .tree import Tree


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in () if folder.is_temporary else folder.stems():
            if "_" in stem:
                readings = sorted([*tails(stem), stem], key=lambda audio: mead.parse(PurePath(audio)) is None)
                clip, *also = (folder.below(audio) for audio in readings)
                yield Found(clip, path, also=tuple(also), has_head_motion=True)


ADAPTER = Adapter(
    name="audio2head",
    system="Audio2Head (Wang et al. 2021), github.com/wangsuzhen/Audio2Head",
    layout="<image>_<audio>.mp4",
    takes=_takes,
    mark=lambda tree: any("temp.wav" in folder.files and folder.videos for folder in tree.folders),
    exclusive=False,
)
