"""What studies of several sizes would see, as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from .sections import Field, Report, Section

if TYPE_CHECKING:
    from ..bench.study.planning import Plan
    from ..bench.study.simulation import Spread


def plan_report(plans: Sequence[Plan], spread: Spread, *, methods: int, comparisons: int, power: float) -> Report:
    """Print plans beside each other; `methods` says how many videos each clip means for a rater."""
    rows = tuple(
        (one.raters, one.clips, one.clips * methods, one.half_width, one.difference, one.detectable) for one in plans
    )
    fields = (
        Field("raters", "Raters", "label"), Field("clips", "Clips", "label"), Field("videos", "Videos per rater"),
        Field("half_width", "MOS ±"), Field("difference", "Difference ±"),
        Field("detectable", f"Found with {power * 100:g} %"),
    )  # fmt: skip
    terms = ", ".join(f"{name.replace('_', ' × ')} {value:.2g}" for name, value in asdict(spread).items())
    notes = (
        f"In points of the scale, for standard deviations of: {terms}. ±: half of a 95 % interval for other raters and "
        "other clips.",
        f"Found: smallest difference of two methods that p < 0.05 finds with this chance"
        f"{f', after the first step of Holm over {comparisons} comparisons' if comparisons > 1 else ''}.",
    )
    digits = ",".join(f"{name}:{value:.6g}" for name, value in asdict(spread).items())
    signature = f"plan-1|sd:{digits}|power:{power:g}|comparisons:{comparisons}"
    return Report("Planning a user study", signature, (Section("plan", "What a study would see", fields, rows, notes),))
