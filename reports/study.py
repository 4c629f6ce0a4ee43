"""The full report on a user study: scores, tests, agreement, screens, each rater, and what it all rests on.

Differences are tested by the crossed t test of Table 2, with Holm's correction over the pairs of one scale; everything
else stands beside it to show whether the finding hangs on that choice. A hidden reference has scores and is compared
with nothing. Results are given for all raters, and once more for those who pass every screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import study_methods, study_raters
from .protocol_text import paragraph
from .rated import rated
from .ratings import ratings_table
from .screens import Rules, retest, screen
from .sections import Report

if TYPE_CHECKING:
    import pandas as pd

    from ..baselines.published import Paper


def analyze(
    ratings: pd.DataFrame,
    *,
    rules: Rules | None = None,
    baseline: str | None = None,
    lowest: float = 1,
    highest: float = 10,
    order: Paper | None = None,
    codebook: Mapping[str, Any] | None = None,
) -> Report:
    """Analyse a long table of ratings; pairs are all pairs of methods, or every method against `baseline`.

    `codebook` is what `study export` wrote beside the ratings. Raises TalkbenchError as `ratings_table` does, and for a
    baseline that nobody rated.
    """
    rules = rules or Rules()
    table = ratings_table(ratings, lowest=lowest, highest=highest, order=order)
    scales = rated(ratings, lowest=lowest, highest=highest, order=order)
    screened = screen(ratings, rules, lowest=lowest, highest=highest)
    fitted = [study_methods.fit(of, study_methods.pairs_of(of.methods, baseline)) for of in scales]
    kept = tuple(one.of_raters(screened.kept) for one in scales) if screened.kept else ()
    sections = (
        study_methods.scores(scales, (lowest, highest)),
        study_methods.histogram(scales),
        study_methods.differences(fitted),
        study_methods.other_tests(fitted),
        study_methods.omnibus(fitted),
        study_raters.agreement(scales, retest(ratings), lowest, highest),
        study_methods.variances(fitted),
        study_methods.annex_e(fitted),
        study_raters.screens(screened, rules),
        study_raters.after_screening(scales, kept, baseline, (lowest, highest)),
        study_raters.every_rater(screened, fitted, rules),
    )
    signature = f"{table.signature}|study-1|screens:{rules.signature}"
    text = paragraph(ratings, scales, screened, codebook, lowest=lowest, highest=highest)
    return Report("User study", signature, tuple(one for one in sections if one.rows), (text,))
