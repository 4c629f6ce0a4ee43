"""MEAD names: the data set's own folders, and the flat names that methods give the same clip.

Folders: `<actor>/video/<view>/<emotion>/level_<n>/<NNN>.mp4` (some mirrors: `video-001`).
Flat: `M003_angry_level_3_001.mp4`, `W015_ang_3_001.mp4`. Both become the clip id `M003/angry/level_3/001`; a view other
than the front keeps its name: `M003/left_30/angry/level_3/001`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
"""The eight emotions as MEAD spells its folders."""

_SPELLINGS = {emotion[:3]: emotion for emotion in EMOTIONS} | {emotion: emotion for emotion in EMOTIONS}
_SPELLINGS |= {"disgust": "disgusted", "surprise": "surprised", "anger": "angry", "happiness": "happy"}
_EMOTION = "|".join(sorted(_SPELLINGS, key=len, reverse=True))
_FOLDERS = re.compile(
    rf"(?:^|/)(?P<actor>[MW]\d{{3}})/video(?:-\d+)?/(?P<view>[a-z]+(?:_\d+)?)/(?P<emotion>{_EMOTION})"
    r"/level_(?P<level>\d)/(?P<sentence>\d{3})$"
)
_FLAT = re.compile(rf"^(?P<actor>[MW]\d{{3}})_(?P<emotion>{_EMOTION})_(?:level_)?(?P<level>\d)_(?P<sentence>\d{{3}})$")


@dataclass(frozen=True)
class MeadName:
    """One MEAD clip, whatever the spelling of its file name."""

    actor: str
    emotion: str
    level: str
    sentence: str
    view: str = "front"

    @property
    def clip_id(self) -> str:
        """Return the id that every spelling of this clip shares."""
        view = "" if self.view == "front" else f"{self.view}/"
        return f"{self.actor}/{view}{self.emotion}/level_{self.level}/{self.sentence}"


def parse(path: PurePath) -> MeadName | None:
    """Read a MEAD name from an absolute path without its suffix, or return None where it is not one.

    >>> parse(PurePath("/data/MEAD/M003/video/front/angry/level_3/001")).clip_id
    'M003/angry/level_3/001'
    >>> parse(PurePath("/out/W015_ang_3_001")).clip_id
    'W015/angry/level_3/001'
    >>> parse(PurePath("/out/interview")) is None
    True
    """
    match = _FOLDERS.search(path.as_posix()) or _FLAT.match(path.name)
    if match is None:
        return None
    found = match.groupdict()
    return MeadName(
        found["actor"], _SPELLINGS[found["emotion"]], found["level"], found["sentence"], found.get("view", "front")
    )
