"""Table 2: the mean of every method's ratings on every scale of a user study.

The input is a long table with the columns rater, clip, method, scale and score, one row per rating. Intervals and tests
hold for other raters and other clips (`crossed.py`). Bold is the best mean and every method whose difference from it,
on what the same rater rated of both on the same clip, a test cannot tell from 0, with Holm's correction over the
comparisons with the best. Ground Truth among the methods is a hidden reference: it comes first, and is not compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..baselines.published import Paper, method_key
from ..bench.errors import TalkbenchError
from .columns import Column
from .crossed import METHOD, Crossed, crossed
from .intervals import Floats
from .significance import holm
from .table import GROUND_TRUTH, Cell, Row, Table

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("rater", "clip", "method", "scale", "score")
SCALES = ("LS", "EE", "VPQ")
"""Lip synchronisation, emotional expressiveness, video-perceived quality: in this order, before any other scale."""
KINDS = ("main", "repeat", "training", "attention")
"""What a rating is for, in the optional column `kind`; without it all are `main`."""
_NUMBERS = ("score", "position", "expected", "seconds", "duration")
"""Columns whose empty fields are missing numbers; in all others an empty field is an empty name."""
LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0


def read_ratings(file: Path) -> pd.DataFrame:
    """Read ratings from a CSV or Parquet file. Raises TalkbenchError where it is neither, or lacks a column."""
    import pandas as pd

    try:
        table = (
            pd.read_parquet(file)
            if file.suffix.lower() == ".parquet"
            else pd.read_csv(
                file,
                dtype=dict.fromkeys(COLUMNS[:4], str),
                keep_default_na=False,
                na_values={name: [""] for name in _NUMBERS},
            )
        )
    except (OSError, ValueError) as error:
        raise TalkbenchError(f"{file}: cannot be read as a CSV or Parquet file ({error}).") from error
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise TalkbenchError(
            f"{file}: expected the columns {', '.join(COLUMNS)}, one row per rating; lacks {', '.join(lacking)}."
        )
    return table


def ratings_table(
    ratings: pd.DataFrame, *, lowest: float = 1, highest: float = 10, order: Paper | None = None
) -> Table:
    """Make Table 2 of ratings between `lowest` and `highest`, higher being better; an empty score is a missing one.

    Methods come as they first appear, or in the order of a paper. Raises TalkbenchError where a score is no number in
    the range, or where a rater rated one clip of a method twice on one scale.
    """
    rated = checked(ratings, lowest=lowest, highest=highest)
    raters, clips = sorted(set(rated["rater"])), sorted(set(rated["clip"]))
    scales = scales_in_order(rated["scale"])
    methods = in_order(list(dict.fromkeys(rated["method"])), order)
    grids = {
        (method, scale): _grid(rated[(rated["method"] == method) & (rated["scale"] == scale)], raters, clips)
        for method in methods
        for scale in scales
    }
    found = {key: _estimate(grid) for key, grid in grids.items()}
    compared = [name for name in methods if not is_reference(name)]
    bold = {scale: _bold(scale, compared, grids, found) for scale in scales}
    rows = []
    for method in methods:
        cells = (
            _cell(found[method, scale], (lowest, highest), len(raters) * len(clips), best=method in bold[scale][0])
            for scale in scales
        )
        n_clips = rated.loc[(rated["method"] == method) & rated["score"].notna(), "clip"].nunique()
        rows.append(Row(method, tuple(cells), n_clips, len(clips), reference=is_reference(method)))
    drawn = any(one is not None and not one.complete for one in found.values())
    return Table(
        "ratings-1",
        _signature(rated, raters, clips, scales, (lowest, highest), drawn=drawn),
        tuple(Column(scale, "higher", "", 2, highest, "ratings") for scale in scales),
        tuple(rows),
        _notes(len(raters), len(clips), (lowest, highest), bold, drawn=drawn),
        title="User study",
        label="talkbench-user-study",
    )


def checked(ratings: pd.DataFrame, *, lowest: float = 1, highest: float = 10) -> pd.DataFrame:
    """Return the ratings that count, their scores as numbers, NaN where missing; the index counts rows from 0.

    Where there is a column `kind`, only `main` counts: repeats, training and attention checks measure the rater. Raises
    TalkbenchError as `ratings_table` does.
    """
    import pandas as pd

    rated = ratings.reset_index(drop=True)
    if "kind" in rated.columns:
        unknown = rated.index[~rated["kind"].isin(KINDS)]
        if len(unknown):
            raise TalkbenchError(
                f"Row {unknown[0] + 1}: expected a kind of {', '.join(KINDS)}, got {rated['kind'][unknown[0]]!r}."
            )
        rated = rated[rated["kind"] == "main"]
    rated = rated[list(COLUMNS)]
    if rated.empty:
        raise TalkbenchError("There is no rating: expected a row per rating.")
    for name in COLUMNS[:4]:
        empty = rated.index[rated[name].isna() | (rated[name].astype(str).str.strip() == "")]
        if len(empty):
            raise TalkbenchError(f"Row {empty[0] + 1}: the column {name} is empty. Fill it, or remove the row.")
    rated = rated.astype(dict.fromkeys(COLUMNS[:4], str))
    scores = pd.to_numeric(rated["score"], errors="coerce").astype(np.float64)
    wrong = rated.index[rated["score"].notna() & ~((scores >= lowest) & (scores <= highest))]
    if len(wrong):
        raise TalkbenchError(
            f"Row {wrong[0] + 1}: expected a score from {lowest:g} to {highest:g}, "
            f"got {str(rated['score'][wrong[0]])!r}."
        )
    twice = rated.index[rated.duplicated(list(COLUMNS[:4]))]
    if len(twice):
        rater, clip, method, scale = (rated[name][twice[0]] for name in COLUMNS[:4])
        raise TalkbenchError(
            f"Row {twice[0] + 1}: rater {rater!r} rated clip {clip!r} of {method!r} on {scale!r} before. Keep one of "
            "them: a repeat measures the rater, not the method."
        )
    return rated.assign(score=scores)


def scales_in_order(names: Iterable[str]) -> list[str]:
    """Return the scales of the paper first, then the others as they come."""
    known = list(dict.fromkeys(names))
    return [name for name in SCALES if name in known] + [name for name in known if name not in SCALES]


def is_reference(method: str) -> bool:
    """Whether a method is the hidden reference: the real video among the generated ones."""
    return method_key(method) == method_key(GROUND_TRUTH)


def in_order(methods: list[str], paper: Paper | None) -> list[str]:
    """Ground Truth first, then a paper's methods in its order, then the others as they come."""
    printed = [] if paper is None else [method_key(row.method) for table in paper.tables for row in table.rows]

    def place(name: str) -> int:
        return (
            -1
            if is_reference(name)
            else printed.index(method_key(name))
            if method_key(name) in printed
            else len(printed)
        )

    return sorted(methods, key=place)


def _grid(rated: pd.DataFrame, raters: Sequence[str], clips: Sequence[str]) -> Floats:
    """The scores (raters, clips), NaN where there is none."""
    grid: Floats = (
        rated.pivot(index="rater", columns="clip", values="score").reindex(index=raters, columns=clips).to_numpy()
    )
    return grid


def _estimate(grid: Floats) -> Crossed | None:
    return crossed(grid, level=LEVEL, resamples=RESAMPLES, seed=SEED)


def _bold(
    scale: str,
    methods: Sequence[str],
    grids: Mapping[tuple[str, str], Floats],
    found: Mapping[tuple[str, str], Crossed | None],
) -> tuple[set[str], set[str]]:
    """The best mean of a scale with all that cannot be told from it, and what cannot be compared with it."""
    means = {method: one.mean for method in methods if (one := found[method, scale]) is not None}
    if len(means) < 2:
        return set(), set()
    best = max(means, key=lambda method: means[method])
    others = {method: _estimate(grids[method, scale] - grids[best, scale]) for method in means if method != best}
    tests = {method: (one.mean, one.p) for method, one in others.items() if one is not None and one.p is not None}
    if not tests:
        return set(), set(others)
    adjusted = dict(zip(tests, holm([p for _, p in tests.values()]), strict=True))
    worse = {method for method, (mean, _) in tests.items() if mean < 0 and adjusted[method] <= round(1 - LEVEL, 9)}
    return {best, *(tests.keys() - worse)}, others.keys() - tests.keys()


def _cell(one: Crossed | None, limits: tuple[float, float], planned: int, *, best: bool) -> Cell:
    if one is None:
        return Cell(None, None, None, 0.0, 0)
    low, high = (None if end is None else min(max(end, limits[0]), limits[1]) for end in (one.low, one.high))
    return Cell(one.mean, low, high, one.n_ratings / planned, one.n_clips, best=best)


def _signature(
    rated: pd.DataFrame,
    raters: Sequence[str],
    clips: Sequence[str],
    scales: Sequence[str],
    limits: tuple[float, float],
    *,
    drawn: bool,
) -> str:
    """What the numbers depend on; the digest is that of all ratings, whatever their order."""
    rows = sorted(tuple(map(str, row)) for row in rated[list(COLUMNS)].itertuples(index=False))
    digest = hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()[:10]
    interval = f"{METHOD}+pigeonhole.x{RESAMPLES}.s{SEED}" if drawn else METHOD
    return (
        f"ratings-1|raters:{len(raters)}|clips:{len(clips)}|scales:{','.join(scales)}|range:{limits[0]:g}-{limits[1]:g}"
        f"|ci:{interval}|data:{digest}"
    )


def _notes(
    raters: int, clips: int, limits: tuple[float, float], bold: Mapping[str, tuple[set[str], set[str]]], *, drawn: bool
) -> tuple[str, ...]:
    how = f"; where ratings are missing, pigeonhole bootstrap, {RESAMPLES:,} resamples, seed {SEED}" if drawn else ""
    parts = [
        f"Mean rating from {limits[0]:g} to {limits[1]:g} by {raters} rater{'s' * (raters != 1)} on {clips} "
        f"clip{'s' * (clips != 1)}, and its {LEVEL * 100:g} % confidence interval for other raters and other clips "
        f"(crossed raters × clips, Student's t{how})."
    ]
    if any(best for best, _ in bold.values()):
        parts.append(
            "Bold: the best mean and all that are not distinguishable from it (p > 0.05: the same test on the "
            "differences by those who rated both, Holm over the comparisons with the best)."
        )
    parts.append("Coverage: share of raters × clips that were rated.")
    left = [f"{method}, {scale}" for scale, (_, untested) in bold.items() for method in sorted(untested)]
    few = "Not compared with the best, for fewer than two raters or clips in common"
    return (" ".join(parts), *([f"{few} ({'; '.join(left)})."] if left else []))
