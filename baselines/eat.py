"""EAT: `<actor>_<actor>_<emo>_<level>_<sentence>.mp4` of `test_mead.py`, `<image>_<emo>_<audio>.mp4` of `demo.py`.

256² at 25 fps with sound, the emotion in three letters; silent copies lie in `temp/`. The head moves as in the driving
video, which for MEAD is the ground truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from . import mead
from .contract import Adapter, Found, tails
from .tree import Tree

_EMOTION = "|".join(emotion[:3] for emotion in mead.EMOTIONS)
_DEMO = re.compile(rf"^.+?_(?:{_EMOTION})_(?P<audio>.+)$")
_TEST = re.compile(rf"^(?P<actor>[MW]\d{{3}})_(?P=actor)_(?:{_EMOTION})_\d_\d{{3}}$")


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in () if folder.is_temporary else folder.stems():
            audio = _audio(stem)
            if audio:
                yield Found(folder.below(audio), path)


def _audio(stem: str) -> str | None:
    """Return the part of a name that is the audio's: a MEAD name at its end, or what follows the emotion."""
    named = next((audio for audio in (stem, *tails(stem)) if mead.parse(PurePath(audio))), None)
    demo = _DEMO.match(stem)
    return named or (demo["audio"] if demo else None)


ADAPTER = Adapter(
    name="eat",
    system="EAT (Gan et al. 2023), github.com/yuangan/EAT_code",
    layout="<actor>_<actor>_<emo>_<level>_<sentence>.mp4 or <image>_<emo>_<audio>.mp4, <emo> as ang, con, … sur",
    takes=_takes,
    mark=lambda tree: any(_TEST.match(stem) for folder in tree.folders for stem, _ in folder.stems()),
    exclusive=False,
)
