"""Wav2Lip: `result_voice.mp4` in a folder per clip, or the names that `--outfile` was given; size and fps of its input.

The scripts of its evaluation write `<line>.mp4`, counting the lines of a file list from 0: such takes find their clips
only where these are numbered alike, and else through a manifest. An input shorter than the sound starts over.
"""

from __future__ import annotations

from collections.abc import Iterator

from .contract import Adapter, Found
from .tree import Tree

_DEFAULT = "result_voice"


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        for stem, path in () if folder.is_temporary else folder.stems():
            yield Found(folder.inside if stem == _DEFAULT else folder.below(stem), path)


ADAPTER = Adapter(
    name="wav2lip",
    system="Wav2Lip (Prajwal et al. 2020), github.com/Rudrabha/Wav2Lip",
    layout="result_voice.mp4 in a folder per clip, or <clip>.mp4",
    takes=_takes,
    mark=lambda tree: any(stem == _DEFAULT for folder in tree.folders for stem, _ in folder.stems()),
)
