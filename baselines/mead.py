"""MEAD names: the data set's own folders, and the flat names that methods give the same clip.

Folders: `<actor>/video/<view>/<emotion>/level_<n>/<NNN>.mp4` (some mirrors: `video-001`).
Flat: `M003_angry_level_3_001.mp4`, `W015_ang_3_001.mp4`, `M003/angry_level_3_001/`. All become the clip id
`M003/angry/level_3/001`; a view other than the front keeps its name: `M003/left_30/angry/level_3/001`.

Old: before MEAD was sorted by emotion, a name was a page and a sentence on it: `M003_44_3_output_02.mp4` is page 44,
level 3, sentence 02. The pages tell the emotion (jixinya/EVP, issue 13). How many sentences a page held is not known,
and M003 also lost a clip (uniBruce/Mead, issue 12), so an old number cannot be turned into one of the 30 or 40 of
today; such a clip keeps both, `M003/sad/level_3/44_02`, and matches only clips that are named the old way too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
"""The eight emotions as MEAD spells its folders."""

PAGES = {
    "angry": range(1, 9),
    "disgusted": range(9, 17),
    "contempt": range(17, 25),
    "fear": range(25, 34),
    "happy": range(34, 44),
    "sad": range(44, 53),
    "surprised": range(53, 62),
    "neutral": range(62, 74),
}
"""The pages of the old names."""

_SPELLINGS = {emotion[:3]: emotion for emotion in EMOTIONS} | {emotion: emotion for emotion in EMOTIONS}
_SPELLINGS |= {"disgust": "disgusted", "surprise": "surprised", "anger": "angry", "happiness": "happy"}
_ACTOR = r"(?P<actor>[MW]\d{3})"
_EMOTION = rf"(?P<emotion>{'|'.join(sorted(_SPELLINGS, key=len, reverse=True))})"
_PATHS = (
    re.compile(
        rf"(?:^|/){_ACTOR}/video(?:-\d+)?/(?P<view>[a-z]+(?:_\d+)?)/{_EMOTION}/level_(?P<level>\d)/(?P<sentence>\d{{3}})$"
    ),
    re.compile(rf"(?:^|/){_ACTOR}/{_EMOTION}_level_(?P<level>\d)_(?P<sentence>\d{{3}})$"),
    re.compile(rf"(?:^|/){_ACTOR}_{_EMOTION}_(?:level_)?(?P<level>\d)_(?P<sentence>\d{{3}})$"),
    re.compile(rf"(?:^|/){_ACTOR}_(?P<page>\d{{2}})_(?P<level>\d)_output_(?P<sentence>\d{{2}})$"),
)
_UNLEVELLED = re.compile(rf"^{_ACTOR}_{_EMOTION}_(?P<sentence>\d{{3}})$")


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


def parse(path: PurePath | str) -> MeadName | None:
    """Read a MEAD name from an absolute path without its suffix, or return None where it is not one.

    >>> parse(PurePath("/data/MEAD/M003/video/front/angry/level_3/001")).clip_id
    'M003/angry/level_3/001'
    >>> parse(PurePath("/out/W015_ang_3_001")).clip_id
    'W015/angry/level_3/001'
    >>> parse(PurePath("/out/M003_44_3_output_02")).clip_id
    'M003/sad/level_3/44_02'
    >>> parse(PurePath("/out/interview")) is None
    True
    """
    text = path if isinstance(path, str) else path.as_posix()
    found = next((match.groupdict() for match in (spelling.search(text) for spelling in _PATHS) if match), None)
    if found is None:
        return None
    if "page" in found:
        emotion = page_emotion(int(found["page"]))
        return (
            MeadName(found["actor"], emotion, found["level"], f"{found['page']}_{found['sentence']}")
            if emotion
            else None
        )
    return MeadName(
        found["actor"], _SPELLINGS[found["emotion"]], found["level"], found["sentence"], found.get("view", "front")
    )


def parse_strongest(name: str) -> MeadName | None:
    """Read a name that leaves out the level, which is then the strongest there is: 1 for neutral, else 3.

    >>> parse_strongest("M030_angry_001").clip_id
    'M030/angry/level_3/001'
    """
    match = _UNLEVELLED.match(name)
    if match is None:
        return None
    emotion = _SPELLINGS[match["emotion"]]
    return MeadName(match["actor"], emotion, "1" if emotion == "neutral" else "3", match["sentence"])


def page_emotion(page: int) -> str | None:
    """Return the emotion of a page of the old names, or None where there is no such page."""
    return next((emotion for emotion, pages in PAGES.items() if page in pages), None)
