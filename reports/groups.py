"""The clips of a run by emotion, level or speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..bench.errors import TalkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from ..bench.results import Results

UNKNOWN = "unlabelled"


@dataclass(frozen=True)
class Label:
    """What the clips of a group share, such as (`level`, `2`)."""

    by: str
    value: str

    @property
    def title(self) -> str:
        """The value where it says what it is, and what it is of where it is a number: `angry`, `level 2`."""
        return f"{self.by} {self.value}" if self.value.isdecimal() else self.value


@dataclass(frozen=True)
class Group:
    """The clips that share a label, and how many pairs of each method were planned on them; no label for all clips."""

    label: Label | None
    clips: pd.DataFrame
    planned: Mapping[str, int]


def refuse_unlabelled(clips: pd.DataFrame, by: str) -> None:
    """Raise TalkbenchError where no clip has the label."""
    if not clips[by].notna().any():
        raise TalkbenchError(
            f"--by {by}: no clip of the run has a known {by}. Name the clips as MEAD does, or fill the column {by} of "
            "a --manifest, and score again."
        )


def groups(results: Results, by: Literal["emotion", "level", "speaker"]) -> list[Group]:
    """Split a run by a label, in the label's order; clips without one come last, as `unlabelled`.

    A clip that no method was measured on has no label in the results: its pairs count as planned there.
    Raises TalkbenchError where no clip has the label.
    """
    clips = results.clips
    refuse_unlabelled(clips, by)
    labels = [label if isinstance(label, str) else None for label in clips[by].tolist()]
    of_clip = dict(zip(clips["clip"], labels, strict=True))
    planned: dict[str | None, dict[str, int]] = {}
    for method, clip in _planned(results):
        label = of_clip.get(clip)
        counts = planned.setdefault(label, dict.fromkeys(results.run["methods"], 0))
        counts[method] += 1
    known = sorted((label for label in planned if label is not None), key=_natural)
    made = [Group(Label(by, name), clips[clips[by] == name], planned[name]) for name in known]
    if None in planned:
        made.append(Group(Label(by, UNKNOWN), clips[clips[by].isna()], planned[None]))
    return made


def _planned(results: Results) -> list[tuple[str, str]]:
    """Every planned pair: measured, failed, or without a take."""
    clips = results.clips
    measured = list(zip(clips["method"], clips["clip"], strict=True))
    failed = [(failure["method"], failure["clip"]) for failure in results.failures]
    missing = [(method, clip) for method, ids in results.run.get("missing", {}).items() for clip in ids]
    return measured + failed + missing


def _natural(label: str) -> tuple[int, int, str]:
    """Numbers by size, before words by the alphabet."""
    return (0, int(label), label) if label.isdecimal() else (1, 0, label)
