"""The paragraph on the protocol that a paper needs, from the ratings and from what was fixed before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .rated import Rated
from .ratings import is_reference
from .screens import Screened

if TYPE_CHECKING:
    import pandas as pd

_RULES = {
    "attention_failures": "missed attention checks",
    "technical_failures": "videos that did not play",
    "leave_one_out_r": "correlation with the other raters",
    "straight_line_sd": "straight lines",
    "same_on_all_scales": "the same score on all scales",
    "repeat_difference": "test-retest difference",
    "pace": "pace",
    "bt500": "ITU-R BT.500",
}


def paragraph(
    ratings: pd.DataFrame,
    scales: Sequence[Rated],
    screened: Screened,
    codebook: Mapping[str, Any] | None = None,
    *,
    lowest: float = 1,
    highest: float = 10,
) -> str:
    """Describe the study in the past tense; what neither ratings nor codebook say is left out, not made up."""
    first = scales[0]
    methods = [name for name in first.methods if not is_reference(name)]
    hidden = len(methods) < len(first.methods)
    seen = np.stack([~np.isnan(of.scores) for of in scales]).any(axis=0)
    per_stimulus, per_rater = seen.sum(axis=0), seen.sum(axis=(1, 2))
    sentences = [
        f"{_count(len(first.raters), 'participant')} rated {_count(len(first.clips), 'clip')} of "
        f"{_count(len(methods), 'method')} ({', '.join(methods)})"
        f"{', and the real videos as a hidden reference,' if hidden else ''} from {lowest:g} (worst) to {highest:g} "
        f"(best) on {_count(len(scales), 'scale')} ({', '.join(_scale(of.scale, codebook) for of in scales)}).",
        f"Each rated {_range(per_rater)} videos, and each video was rated by {_range(per_stimulus)} of them: "
        f"{int(sum((~np.isnan(of.scores)).sum() for of in scales)):,} ratings in all.",
        *_presentation(ratings, codebook),
        _screening(screened),
        "Mean opinion scores have 95 % intervals for other raters and other clips (crossed raters × clips), and "
        "differences of methods are tested in the same way with Holm's correction within each scale.",
    ]
    return " ".join(sentences)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _range(counts: np.ndarray[Any, Any]) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _scale(name: str, codebook: Mapping[str, Any] | None) -> str:
    for one in (codebook or {}).get("scales", ()):
        if one.get("id") == name and one.get("name"):
            return f"{name}: {one['name']}, “{one['question']}”" if one.get("question") else f"{name}: {one['name']}"
    return name


def _imported(ratings: pd.DataFrame) -> int:
    """Count the ratings that `talkbench study import` took in."""
    if "source" not in ratings.columns:
        return 0
    return int(ratings["source"].astype(str).str.startswith("import:").sum())


def _presentation(ratings: pd.DataFrame, codebook: Mapping[str, Any] | None) -> list[str]:
    """Say how the videos were shown: from the design, and from the rows that are no main ratings."""
    made = []
    design = (codebook or {}).get("design", {})
    main = ratings[ratings["kind"] == "main"] if "kind" in ratings.columns else ratings
    imported = _imported(main)
    if imported:
        made.append(f"{imported:,} of them were collected elsewhere; how their videos were shown is not recorded here.")
    if imported and imported == len(main):
        return made
    if design.get("order") == "balanced":
        made.append("Videos were blinded, and their order was balanced (Williams squares).")
    elif design.get("order") == "random":
        made.append("Videos were blinded, and their order was random.")
    kinds = {"training": "practice videos", "attention": "attention checks", "repeat": "repeated videos"}
    if "kind" in ratings.columns:
        shown = ratings.drop_duplicates(["rater", "clip", "method", "kind"]).groupby("kind").size()
        raters = ratings["rater"].nunique()
        parts = [f"{words} ({shown[kind] / raters:.3g})" for kind, words in kinds.items() if kind in shown.index]
        if parts:
            made.append(f"Every participant also saw, on average: {', '.join(parts)}.")
    if {"seconds", "duration"} <= set(ratings.columns) and ratings["seconds"].notna().any():
        once = ratings.drop_duplicates(["rater", "clip", "method", *(["kind"] if "kind" in ratings.columns else [])])
        total = once.groupby("rater")["seconds"].sum().median() / 60
        made.append(f"The median participant spent {total:.0f} minutes on the videos.")
    if "completed" in ratings.columns:
        unfinished = ratings.loc[~ratings["completed"].astype(str).str.lower().eq("true"), "rater"].nunique()
        made.append(f"{_count(unfinished, 'participant')} did not finish; what they rated counts.")
    if digest := (codebook or {}).get("config_sha256"):
        made.append(f"The study's configuration was fixed beforehand (SHA-256 {str(digest)[:12]}…).")
    return made


def _screening(screened: Screened) -> str:
    out = len(screened.raters) - len(screened.kept)
    used = ", ".join(_RULES[name] for name, values in screened.values.items() if not np.isnan(values).all())
    return (
        f"Participants were screened by fixed rules ({used}); {_count(out, 'participant')} of {len(screened.raters)} "
        f"failed at least one, and results are reported with and without them."
    )
