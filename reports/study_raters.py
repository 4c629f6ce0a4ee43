"""What ratings say of raters: agreement, screens, and what changes without those who fail one, as sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .agreement import against_the_others, alpha, icc
from .rated import Rated
from .ratings import LEVEL
from .screens import Rules, Screened
from .sections import Field, Section, Value
from .sos import sos
from .study_methods import METHOD, SCALE, Fitted, adjusted, crossed_pairs, opinion, pair_name, pairs_of

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = ("attention_failures", "bt500")
"""Rules whose numbers are whole."""


def agreement(scales: Sequence[Rated], pairs: pd.DataFrame, lowest: float, highest: float) -> Section:
    """Agreement per scale; `pairs` are the repeated scores that `screens.retest` returns."""
    rows: list[tuple[Value, ...]] = []
    for of in scales:
        flat = of.by_stimulus
        one, mean = icc(flat, level=LEVEL) or (None, None)
        others = against_the_others(flat)
        again = pairs[pairs["scale"] == of.scale]
        moved = float((again["score"] - again["score_again"]).abs().mean()) if len(again) else None
        r = float(np.nanmean(others)) if (~np.isnan(others)).any() else None
        rows.append(
            (
                of.scale,
                one,
                mean,
                alpha(flat, level=LEVEL),
                r,
                moved,
                len(again),
                sos(flat, lowest=lowest, highest=highest),
            )
        )
    fields = (
        SCALE, Field("icc_1", "ICC(A,1)"), Field("icc_k", "ICC(A,k)"), Field("alpha", "Alpha"),
        Field("leave_one_out_r", "r with others"), Field("retest", "Retest"), Field("repeats", "Repeats"),
        Field("sos", "SOS a", decimals=3),
    )  # fmt: skip
    note = (
        "ICC: two-way random, absolute agreement, of one rating and of the mean over raters. Alpha: Krippendorff's, "
        "ordinal; interval over draws of raters. r: each rater with the mean of the others over stimuli, mean over "
        "raters. Retest: mean difference between the two scores of a repeated stimulus. SOS: variance of a stimulus's "
        "scores over (highest − MOS)(MOS − lowest)."
    )
    return Section("agreement", "Agreement of raters", fields, tuple(rows), (note,))


def screens(screened: Screened, rules: Rules) -> Section:
    """Every rule, its threshold and who failed it."""
    rows: list[tuple[Value, ...]] = []
    for name, limit in rules.thresholds.items():
        failed = [rater for rater in screened.raters if name in screened.failed[rater]]
        seen = int((~np.isnan(screened.values[name])).sum())
        threshold = None if name == "bt500" else float(limit)
        rows.append((name, threshold, seen, len(failed), ", ".join(failed) or "–"))
    fields = (
        Field("rule", "Rule", "label"), Field("threshold", "Threshold"), Field("raters", "Raters looked at"),
        Field("failed", "Failed"), Field("who", "Who", "text"),
    )  # fmt: skip
    return Section("screens", "Screens of raters", fields, tuple(rows))


def after_screening(
    scales: Sequence[Rated], kept: Sequence[Rated], baseline: str | None, limits: tuple[float, float]
) -> Section:
    """All raters beside those who passed; empty where nobody failed, or everybody."""
    rows: list[tuple[Value, ...]] = []
    changed: list[str] = []
    everyone, left = len(scales[0].raters), len(kept[0].raters) if kept else 0
    if 0 < left < everyone:
        for pair in zip(scales, kept, strict=True):
            for at, method in enumerate(pair[0].methods):
                rows.append((pair[0].scale, method, *(opinion(of.scores[:, :, at], limits) for of in pair)))
            changed += _changed(*pair, baseline)
    note = f"Findings (p < 0.05 after Holm) that change without the raters who failed: {'; '.join(changed) or 'none'}."
    fields = (SCALE, METHOD, Field("all", f"All {everyone} raters"), Field("passed", f"The {left} who passed"))
    return Section("after_screening", "With and without the raters who failed a screen", fields, tuple(rows), (note,))


def _changed(of: Rated, other: Rated, baseline: str | None) -> list[str]:
    pairs = pairs_of(of.methods, baseline)
    found = [adjusted([p for _, p in crossed_pairs(one, pairs)]) for one in (of, other)]
    return [
        f"{of.scale}, {pair_name(of, pair)} ({'–' if a is None else f'{a:.3f}'} → {'–' if b is None else f'{b:.3f}'})"
        for pair, a, b in zip(pairs, *found, strict=True)
        if (a is not None and a < 0.05) != (b is not None and b < 0.05)
    ]


def every_rater(screened: Screened, fitted: Sequence[Fitted], rules: Rules) -> Section:
    """Every rater's number by rule, with bias and inconsistency."""
    known = [one.recovered for one in fitted if one.recovered is not None]
    bias, inconsistency = (
        np.mean([getattr(one, name) for one in known], axis=0) if known else np.full(len(screened.raters), np.nan)
        for name in ("bias", "inconsistency")
    )
    names = list(rules.thresholds)
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            rater,
            *(float(screened.values[name][at]) for name in names),
            float(bias[at]),
            float(inconsistency[at]),
            ", ".join(screened.failed[rater]) or "–",
        )
        for at, rater in enumerate(screened.raters)
    )
    headings = {
        "attention_failures": "Attention", "technical_failures": "Technical", "leave_one_out_r": "r",
        "straight_line_sd": "SD", "same_on_all_scales": "Same", "repeat_difference": "Repeat", "pace": "Pace",
        "bt500": "BT.500",
    }  # fmt: skip
    fields = (
        Field("rater", "Rater", "label"),
        *(Field(name, headings[name], decimals=0 if name in _COUNTS else 2) for name in names), Field("bias", "Bias"),
        Field("inconsistency", "Inconsistency"), Field("failed", "Failed", "text"),
    )  # fmt: skip
    note = "Bias and inconsistency: ITU-T P.910 Annex E, means over scales."
    return Section("raters", "Every rater", fields, rows, (note,))
