"""Several result folders as one: their methods in one table, where the numbers may be compared at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

from ..baselines.published import Paper, method_key
from ..bench.errors import TalkbenchError

if TYPE_CHECKING:
    import pandas

    from ..bench.results import Results

_SETTINGS = ("metrics", "coverage_threshold", "ci")
_SAME_RUN = "Score both with the same command and talkbench version, or print two tables."


def merge(runs: Sequence[Results]) -> Results:
    """Join runs of different methods on the same clips under one signature, in the order given.

    Raises TalkbenchError, naming the first difference, where signatures, clips or settings differ or two runs hold a
    method of the same name. What else `run` says (paths, dates) is the first run's.
    """
    if not runs:
        raise TalkbenchError("No run to make a table of. Expected at least one result folder.")
    first, *others = runs
    if not others:
        return first
    methods: list[str] = list(first.run["methods"])
    for place, other in enumerate(others, start=2):
        _check_same(first, other, place)
        for name in other.run["methods"]:
            if name in methods:
                raise TalkbenchError(
                    f"Run {place} has a method called {name!r}, as a run before it has. "
                    "Score one of them again under another --gen NAME."
                )
        methods += other.run["methods"]
    return _joined(runs, methods)


def in_order_of(paper: Paper, results: Results) -> Results:
    """Put a run's methods in the order of a paper's tables, matched by name; others come after them."""
    printed = [method_key(row.method) for table in paper.tables for row in table.rows]
    names: list[str] = results.run["methods"]

    def place(name: str) -> int:
        key = method_key(name)
        return printed.index(key) if key in printed else len(printed)

    return replace(results, run={**results.run, "methods": sorted(names, key=place)})


def _joined(runs: Sequence[Results], methods: list[str]) -> Results:
    import pandas as pd

    planned = {method: run.run["planned"][method] for run in runs for method in run.run["methods"]}
    return replace(
        runs[0],
        run={**runs[0].run, "methods": methods, "planned": planned},
        clips=_stacked(pd, [run.clips for run in runs]),
        frames=_stacked(pd, [run.frames for run in runs]),
        failures=[failure for run in runs for failure in run.failures],
    )


def _stacked(pd: ModuleType, tables: Sequence[pandas.DataFrame]) -> pandas.DataFrame:
    """One table under the other; a run without a single row has no say in the types of the columns."""
    filled = [table for table in tables if not table.empty]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _check_same(first: Results, other: Results, place: int) -> None:
    """Raise TalkbenchError with the first thing that keeps two runs from sharing a table."""
    if first.run["signature"] != other.run["signature"]:
        raise TalkbenchError(
            f"Run {place} was measured otherwise than run 1: "
            f"{_first_difference(first.run['signature'], other.run['signature'])}. {_SAME_RUN}"
        )
    for setting in _SETTINGS:
        if first.run[setting] != other.run[setting]:
            raise TalkbenchError(
                f"Run {place} differs from run 1 in {setting}: expected {first.run[setting]}, "
                f"got {other.run[setting]}. {_SAME_RUN}"
            )
    ours, theirs = _clip_ids(first), _clip_ids(other)
    if ours != theirs:
        clip = min(ours ^ theirs)
        holder, lacking = (1, place) if clip in ours else (place, 1)
        raise TalkbenchError(
            f"Run {place} and run 1 are not on the same clips ({len(theirs)} and {len(ours)}): clip {clip!r} is in run "
            f"{holder} and not in run {lacking}. Score the same ground truth in both, or print two tables."
        )
    _check_speakers(first, other, place)


def _first_difference(ours: str, theirs: str) -> str:
    """The first field in which two signatures differ, or both in full where they are not made alike."""
    fields, others = ours.split("|"), theirs.split("|")
    pairs = [(a, b) for a, b in zip(fields, others, strict=False) if a != b]
    if len(fields) != len(others) or not pairs:
        return f"expected signature {ours}, got {theirs}"
    return f"expected {pairs[0][0]}, got {pairs[0][1]}"


def _clip_ids(results: Results) -> set[str]:
    """Every clip of a run's plan: measured, failed, or without a take of one of the methods."""
    measured = set() if results.clips.empty else set(results.clips["clip"])
    missing = {clip for clips in results.run.get("missing", {}).values() for clip in clips}
    return measured | missing | {failure["clip"] for failure in results.failures}


def _check_speakers(first: Results, other: Results, place: int) -> None:
    """Raise TalkbenchError where the runs do not agree on who speaks: intervals are clustered by speaker."""
    ours, theirs = _speakers(first), _speakers(other)
    for clip in sorted(ours.keys() & theirs.keys()):
        if ours[clip] != theirs[clip]:
            raise TalkbenchError(
                f"Run {place} and run 1 disagree on the speaker of clip {clip!r}: expected {ours[clip]}, got "
                f"{theirs[clip]}. Name the clips or fill the manifest alike, and score again."
            )


def _speakers(results: Results) -> dict[str, str | None]:
    if results.clips.empty:
        return {}
    clips, names = results.clips["clip"].tolist(), results.clips["speaker"].tolist()
    return {clip: name if isinstance(name, str) else None for clip, name in zip(clips, names, strict=True)}
