"""PC-AVS: a folder `id_<image>_pose_<pose>_audio_<audio>/` per clip; in it `G_Pose_Driven_.mp4` and its frames.

224² at 25 fps, silent. Of the five series in there the take is `G_Pose_Driven_`, or `G_Fix_Pose_` where no pose was
given; the others are inputs. The video is taken where it was made (it is what EAT's evaluation reads), else the frames
`G_Pose_Driven_/G_Pose_Driven_%d.jpg`. The data loader begins with frame 2, so that a window of five fits, and stops two
frames early: the take's first frame renders the clip's third, although `avconcat.mp4` plays it with the sound's start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import PurePosixPath

from .contract import Adapter, Found
from .tree import Folder, Tree

_CLIP = re.compile(r"^id_.+_pose_.+_audio_(?P<audio>.+)$")
_SERIES = ("G_Pose_Driven_", "G_Fix_Pose_")
_FIRST = 2


def _takes(tree: Tree) -> Iterator[Found]:
    for folder in tree.folders:
        if match := _CLIP.match(folder.path.absolute().name):
            clip = str(PurePosixPath(folder.inside).parent / match["audio"]) if folder.inside else match["audio"]
            yield from _results(clip, folder, tree)


def _results(clip: str, folder: Folder, tree: Tree) -> Iterator[Found]:
    for series in _SERIES:
        frames = tree.at(folder.below(series))
        if f"{series}.mp4" in folder.videos:
            yield Found(clip, folder.path / f"{series}.mp4", first_frame=_FIRST)
            return
        if frames is not None and frames.series:
            prefix = series if series in frames.series else next(iter(frames.series))
            yield Found(clip, frames.path, fps=Fraction(25), prefix=prefix, first_frame=_FIRST)
            return


ADAPTER = Adapter(
    name="pc-avs",
    system="PC-AVS (Zhou et al. 2021), github.com/Hangz-nju-cuhk/Talking-Face_PC-AVS",
    layout="G_Pose_Driven_.mp4 or G_Pose_Driven_/ in a folder id_<image>_pose_<pose>_audio_<audio>/",
    takes=_takes,
    mark=lambda tree: any(True for _ in _takes(tree)),
)
