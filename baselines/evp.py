"""EVP: vid2vid's frames `<speaker>/test_latest/<clip>/fake_B_%06d.jpg`, landmarks in `<clip>.npy`, or both.

Frames (512 px JPEG, 25 fps, beside the edge maps `real_A_…`): vid2vid needs two earlier frames to make its first, and
`lm2map.py` puts two of the background's in front for it, so that `fake_B_000002` renders the clip's frame 0. By default
vid2vid stops after 300 frames over all clips. The head moves as in the background video.

Landmarks, one frame fewer than the clip has: `audio2lm/test.py` writes `<speaker>.npy` at every run, where the folder
names the clip; kept per clip they are called `<clip>.npy`. After `lm2map.py` the same landmarks, fitted and smoothed,
lie in `test_keypoints_<speaker>_pose/<clip>/%06d.txt`. The first are taken where there are both. Where there are no
frames at all the landmarks are the take: the `.avi` and `.mov` beside them are drawings.

Clips: M003 bears MEAD's old names, whose sentence numbers are not those of today (see `mead`), others a name without
level, `M030_angry_001`: EVP is about the strongest level.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path, PurePath

from . import mead
from .contract import Adapter, Found
from .tree import Folder, Tree

_FRAMES = "fake_B_"
_LEAD_IN = 2
_SPEAKER = re.compile(r"^[MW]\d{3}$")
_RATE = Fraction(25)


def _takes(tree: Tree) -> Iterator[Found]:
    rendered = [folder for folder in tree.folders if _FRAMES in folder.series]
    predicted = dict(_arrays(tree))
    for folder in rendered:
        clip = folder.path.absolute().name
        keypoints = _keypoints(clip, tree)
        yield Found(
            clip if folder.inside else "",
            folder.path,
            mead.parse_strongest(clip),
            also=(clip,),
            fps=_RATE,
            prefix=_FRAMES,
            first_frame=max(0, folder.series[_FRAMES] - _LEAD_IN),
            landmarks=predicted.get(clip, keypoints.path if keypoints else None),
            scheme="evp-106" if clip in predicted else "vid2vid-106" if keypoints else None,
        )
    for clip, path in predicted.items() if not rendered else ():
        name = mead.parse_strongest(clip)
        yield Found(clip, path, name, also=(clip,), fps=_RATE, landmarks=path, scheme="evp-106")


def _arrays(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield (clip, file) of arrays called after a clip or a speaker: EVP keeps arrays of other things as well."""
    for folder in tree.folders:
        for stem in (name.removesuffix(".npy") for name in folder.files if name.endswith(".npy")):
            if _SPEAKER.match(stem):
                yield folder.inside, folder.path / f"{stem}.npy"
            elif mead.parse(PurePath(stem)) or mead.parse_strongest(stem):
                yield stem, folder.path / f"{stem}.npy"


def _keypoints(clip: str, tree: Tree) -> Folder | None:
    """Return the folder of this clip's keypoints, which `lm2map.py` wrote."""
    for folder in tree.folders:
        above = PurePath(folder.inside).parent.name
        if folder.path.name == clip and above.startswith("test_keypoints_") and "000002.txt" in folder.files:
            return folder
    return None


ADAPTER = Adapter(
    name="evp",
    system="EVP (Ji et al. 2021), github.com/jixinya/EVP with github.com/NVIDIA/vid2vid",
    layout="folder <clip>/ of fake_B_%06d.jpg, or landmarks <speaker>.npy or <clip>.npy of a MEAD clip",
    takes=_takes,
    mark=lambda tree: any(
        _FRAMES in folder.series or any(_SPEAKER.match(name.removesuffix(".npy")) for name in folder.files)
        for folder in tree.folders
    ),
)
