"""What stands under a table: how its numbers were made, where bold print is missing, and what single cells mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .best import Best
from .columns import Column, Units
from .intervals import draws_in_words
from .printed import percent
from .reasons import Reasons, grouped

if TYPE_CHECKING:
    from .table import Block, Row


def notes(
    rows: Sequence[Row], blocks: Sequence[Block], columns: Sequence[Column], run: dict[str, Any], by: str | None
) -> tuple[str, ...]:
    """Return the notes of a table's rows, which came in blocks, one to a group."""
    identical = [case for block in blocks for case in block.identical]
    return (
        _legend(rows, blocks, columns, run["ci"], by),
        *_untested(blocks, columns, run),
        *_remarks(rows, identical, columns, run["coverage_threshold"]),
    )


def _legend(
    rows: Sequence[Row], blocks: Sequence[Block], columns: Sequence[Column], ci: dict[str, Any], by: str | None
) -> str:
    pooled = [column.name for column in columns if column.over == "frames"]
    kind = f"Mean over clips ({', '.join(pooled)}: over all frames)" if pooled else "Mean over clips"
    parts = [f"{kind}."]
    drawn, unit = _units_in_words(blocks, ci)
    if any(cell.ci_low is not None for row in rows for cell in row.cells):
        most = max(block.units.count for block in blocks)
        draws = draws_in_words(most, resamples=ci["resamples"], seed=ci["seed"])
        parts = [
            f"{kind} and its {ci['level'] * 100:g} % confidence interval (studentised bootstrap over {drawn}; {draws})."
        ]
    if any(cell.best for row in rows for cell in row.cells):
        parts.append(
            f"Bold: the best mean{' of the group' if by else ''} and all that are not distinguishable from it "
            f"(p > {1 - ci['level']:.2g}: sign-flip test on the differences by {unit}, Holm over the comparisons with "
            "the best)."
        )
    parts.append("Coverage: share of the planned frames that were scored, lowest over the row's metrics.")
    return " ".join(parts)


def _units_in_words(blocks: Sequence[Block], ci: dict[str, Any]) -> tuple[str, str]:
    """What was drawn, and what was flipped."""
    clustered = {block.units.clustered for block in blocks}
    if clustered == {True, False}:
        few = f"speakers, or clips in groups with fewer than {ci['min_speakers']} speakers"
        return few, "speaker or clip"
    if clustered == {True}:
        count = f"{blocks[0].units.count} " if len(blocks) == 1 else ""
        return f"{count}speakers, each with all its clips", "speaker"
    return "clips", "clip"


def _untested(blocks: Sequence[Block], columns: Sequence[Column], run: dict[str, Any]) -> list[str]:
    """Say where bold print is missing, and why."""
    where: dict[str, list[str]] = {}
    left = []
    for block in blocks:
        group = block.rows[0].group.title if block.rows[0].group else None
        names = [f"{group}, {column.name}" if group else column.name for column in columns]
        whys = [_why_nothing(one, block.units) for one in block.best]
        for name, one, why in zip(names, block.best, whys, strict=True):
            if why is not None and len(set(whys)) > 1:
                where.setdefault(why, []).append(name)
            left += [f"{run['methods'][method]}, {name}" for method in (one.untested if one else ())]
        if len(set(whys)) == 1 and whys[0] is not None:
            where.setdefault(whys[0], []).append(group or "all metrics")
    cases = [f"{', '.join(names)}: {why}" for why, names in where.items()]
    limit = f"{(1 - run['ci']['level']) * 100:.2g} %"
    remarks = {
        f"Nothing is bold where no difference can reach {limit} after Holm's correction": cases,
        "Not bold for want of clips in common with the best, on which to test them": left,
    }
    return [f"{text} ({'; '.join(cases)})." for text, cases in remarks.items() if cases]


def _why_nothing(one: Best | None, of: Units) -> str | None:
    if one is None or one.bold:
        return None
    if one.smallest_p is not None:
        return f"{of.words(one.n_units)}, smallest p {one.smallest_p:.2g}"
    return of.words(one.n_units) if one.n_units < 2 else "the best is infinite"


def _remarks(rows: Sequence[Row], identical: Sequence[str], columns: Sequence[Column], threshold: float) -> list[str]:
    """What a reader must know about single cells, in words."""
    partial: list[str] = []
    missing: list[str] = []
    some: list[tuple[str, str, Reasons]] = []
    other: list[str] = []
    failed: list[str] = []
    for row in rows:
        name = row.name
        for cell, column in zip(row.cells, columns, strict=True):
            if cell.partial:
                partial.append(f"{name}, {column.name}: {percent(cell.coverage)}")
            if cell.value is None:
                why = ": " + " or ".join(why for why, _ in cell.reasons) if cell.reasons else ""
                (missing if cell.applies else other).append(f"{name}, {column.name}{why}")
            elif cell.reasons:
                some.append((name, column.name, cell.reasons))
        if row.measured < row.planned:
            failed.append(f"{name}: {row.planned - row.measured} of {row.planned}")
    remarks = {
        f"† Scored on less than {percent(threshold)} of the planned frames": partial,
        "∞ Identical to the ground truth, which makes the mean infinite": identical,
        "– Could not be measured on any clip": missing,
        "Clips that could not be measured and are left out of the mean": grouped(some),
        "– Does not apply: the method has no such output, or the protocol does not score it": other,
        "Planned pairs that were not measured and lower the coverage": failed,
    }
    return [f"{text} ({'; '.join(cases)})." for text, cases in remarks.items() if cases]
