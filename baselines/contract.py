"""What an adapter is: it says which take below a folder belongs to which clip, and how that take is to be read.

An adapter is a name, a line on what it looks for, and two functions of the names below a folder (`tree.Tree`): `takes`
yields what is there, `mark` says whether the names give the system away. It opens no file and measures nothing.
`testing.check_adapter` is the contract as a test.

A clip is called what the ground truth calls it: by its MEAD name where there is one, else by its audio's stem, which is
what every system has in common with the ground truth.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Literal

from ..bench.errors import TalkbenchError
from . import mead
from .tree import Tree, scan

Key = Literal["path", "stem"]
Panel = tuple[int, int, int, int]
DEFAULT = "folder"
"""The adapter for takes that bear the clips' names; it is taken at its word."""


@dataclass(frozen=True)
class Found:
    """One take, or one real clip: a video or folder of frames, the clip that its name says, and how to read it.

    `also`: other readings of a name that can be read in several ways, the likelier first.
    `fps`: the rate of a folder of frames; for a video, the rate that holds instead of the one that its file states.
    `panel`: left, top, right and bottom, in px of the source frame, of the part that is the take.
    `prefix`: what the names of a folder's frames begin with, where the folder can hold several series.
    `first_frame`: the frame of the clip, counted at the take's rate, that the take's first frame renders.
    `landmarks`, `scheme`: a file (or folder) of predicted landmarks, which starts with the clip, and its point scheme
    in `landmarks.SCHEMES`. Where it is also the `path`, there are predicted landmarks and no frames.
    `has_head_motion`: the system makes up the motion of the head, so that no pixel can be expected to fit.
    """

    id: str
    path: Path
    name: mead.MeadName | None = None
    also: tuple[str, ...] = ()
    fps: Fraction | None = None
    panel: Panel | None = None
    prefix: str | None = None
    first_frame: int = 0
    landmarks: Path | None = None
    scheme: str | None = None
    has_head_motion: bool = False


@dataclass(frozen=True)
class Listing:
    """All that was found below `root`. `single` means that the root itself is the one take."""

    root: Path
    files: tuple[Found, ...]
    single: bool = False


@dataclass(frozen=True)
class Adapter:
    """One output layout.

    `takes` yields a `Found` per take with the clip's path below the root as its `id` ("" where the root is the clip);
    `find` turns ids into those of the ground truth. `layout` completes "holds no …". `mark` sniffs at the names;
    `exclusive` says that nothing but this system writes names with that mark.
    """

    name: str
    system: str
    layout: str
    takes: Callable[[Tree], Iterable[Found]]
    mark: Callable[[Tree], bool]
    exclusive: bool = True

    def claims(self, root: Path) -> bool:
        """Tell whether what lies below `root` is probably of this layout, from the names alone."""
        return self.mark(scan(root))

    def find(self, root: Path, *, key: Key = "path") -> Listing:
        """Find the takes below `root`, sorted by clip id.

        Raises TalkbenchError where the root is missing or unreadable, holds nothing of this layout, or gives two files
        the same id.
        """
        return self.find_in(scan(root), key=key)

    def find_in(self, tree: Tree, *, key: Key = "path") -> Listing:
        """Find the takes among names that are already read: see `find`."""
        drafts = [draft for draft in self.takes(tree) if not tree.is_file or draft.path == tree.root]
        sure = self.name == DEFAULT or (self.exclusive and self.mark(tree))
        others = [] if drafts and sure else self._others(tree)
        if not drafts or any(other.exclusive for other in others):
            fits = [other.name for other in others if other.exclusive or not drafts]
            advice = f" Adapter {' or '.join(fits)} fits: pass --adapter {fits[0]}." if fits else ""
            raise TalkbenchError(f"{tree.root}: holds no {self.layout}. Found {tree.some_names()}.{advice}")
        files = sorted((_named(draft, tree, key) for draft in drafts), key=lambda found: (found.id, str(found.path)))
        _refuse_twice(tree.root, files)
        single = tree.is_file or any(not draft.id or draft.path == tree.root for draft in drafts)
        return Listing(tree.root, tuple(files), single)

    def _others(self, tree: Tree) -> list[Adapter]:
        """Return the adapters that claim these names, or failing that the one for plain folders if it finds takes."""
        from .systems import ADAPTERS

        others = [other for other in ADAPTERS.values() if other.name != self.name and other.mark(tree)]
        special = [other for other in others if other.name != DEFAULT]
        return special or others


def unknown(kind: str, name: str, known: Iterable[str]) -> TalkbenchError:
    """Say that there is nothing of this name, which one was probably meant, and what there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    guess = f" Did you mean {near[0]}?" if near else ""
    return TalkbenchError(f"Unknown {kind} {name!r}.{guess} There are: {', '.join(names)}.")


def tails(stem: str) -> list[str]:
    """Return what `<image>_<audio>` can mean by the audio, the most first: an image's name may hold "_" as well.

    >>> tails("dali_a_b")
    ['a_b', 'b']
    """
    parts = stem.split("_")
    return ["_".join(parts[index:]) for index in range(1, len(parts))]


def _named(draft: Found, tree: Tree, key: Key) -> Found:
    """Give a draft the clip id, and the other readings, that the ground truth's own names would get."""
    base = str(tree.base.absolute())
    name = draft.name or mead.parse(_full(draft.id, base))
    clip_id = name.clip_id if name else _plain(draft.id, tree, key)
    also = []
    for text in draft.also:
        other = mead.parse(_full(text, base))
        also.append(other.clip_id if other else _plain(text, tree, key))
    return replace(draft, id=clip_id, name=name, also=tuple(text for text in dict.fromkeys(also) if text != clip_id))


def _full(text: str, base: str) -> str:
    return f"{base}/{text}" if text else base


def _plain(text: str, tree: Tree, key: Key) -> str:
    """Spell a clip's path one way (file systems differ in how they store accents), or its last name alone."""
    text = unicodedata.normalize("NFC", text or tree.base.absolute().name)
    return text.rpartition("/")[2] if key == "stem" else text


def _refuse_twice(root: Path, files: list[Found]) -> None:
    for one, other in pairwise(files):
        if one.id == other.id:
            here, there = (_shown(found.path, root) for found in (one, other))
            raise TalkbenchError(
                f"{root}: two files are clip {one.id!r}: {here} and {there}. "
                "Keep one, or name the right one in a --manifest."
            )


def _shown(path: PurePath, root: PurePath) -> PurePath:
    return path.relative_to(root) if path.is_relative_to(root) else path
