"""SadTalker's `inference.py`: `<image>##<audio>.mp4`, 256 or 512 px at 25 fps with sound.

By default a result is called by the time of day, `2023_04_05_17.28.01.mp4`, which says of no clip that it is its own.
With `--verbose` a folder of that name keeps the rest: `<image>##<audio>.mat`, which tells the audio, and for
`--preprocess full` also the video before it was pasted into the picture. That one is taken, and `…_full` and
`…_enhanced` are left where the plain one is there. The head moves by itself, unless `--still` or `--ref_pose` is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .contract import Adapter, Found
from .tree import Folder, Tree

_TIME = re.compile(r"^\d{4}_\d\d_\d\d_\d\d\.\d\d\.\d\d$")
_VARIANT = re.compile(r"_(full|enhanced)$")


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for clip, path in _videos(folder, tree):
            inside = PurePosixPath(*(part for part in PurePosixPath(folder.inside).parts if not _TIME.match(part)))
            yield Found(str(inside / clip), path, has_head_motion=True)


def _videos(folder: Folder, tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield (audio, path) of the results in one folder."""
    stems = dict(folder.stems())
    for stem, path in stems.items():
        if _is_result(stem) and _VARIANT.sub("", stem, count=1) not in stems.keys() - {stem}:
            yield _audio(stem), path
        elif _TIME.match(stem):
            kept = tree.at(folder.below(stem))
            if kept is None or not any(_is_result(name) for name, _ in kept.stems()):
                audios = [_audio(Path(name).stem) for name in kept.files if "##" in name] if kept else []
                yield (audios[0] if audios else stem), path


def _is_result(stem: str) -> bool:
    return "##" in stem and not stem.startswith("temp_")


def _audio(stem: str) -> str:
    return stem.rpartition("##")[2]


ADAPTER = Adapter(
    name="sadtalker",
    system="SadTalker (Zhang et al. 2023), github.com/OpenTalker/SadTalker",
    layout="<image>##<audio>.mp4 or <date>_<time>.mp4",
    takes=_takes,
    mark=lambda tree: any(True for _ in _takes(tree)),
)
