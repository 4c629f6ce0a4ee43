"""Correlations of metrics with ratings, as a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .correlation import LEVEL, RESAMPLES, SEED, Over, correlate
from .rated import rated
from .ratings import ratings_table
from .sections import Field, Report, Section

if TYPE_CHECKING:
    import pandas as pd

    from ..bench.results import Results

_TITLES: dict[Over, str] = {
    "clips": "Over all videos",
    "clips within methods": "Over the videos of one method, all methods taken together",
    "methods": "Over the means of methods",
}


def correlation_report(
    ratings: pd.DataFrame,
    results: Results,
    *,
    lowest: float = 1,
    highest: float = 10,
    screened: tuple[str, str] | None = None,
) -> Report:
    """Correlate the metrics of a run with ratings; `screened` is a note on raters left out, and the rules for it.

    Raises TalkbenchError as `ratings_table` and `correlate` do.
    """
    found, matched = correlate(rated(ratings, lowest=lowest, highest=highest), results)
    fields = (
        Field("scale", "Scale", "label"), Field("metric", "Metric", "label"), Field("pearson", "Pearson r"),
        Field("spearman", "Spearman ρ"), Field("n", "n"),
    )  # fmt: skip
    sections = tuple(
        Section(
            over.replace(" ", "_"),
            title,
            fields,
            tuple((one.scale, one.column.title, one.pearson, one.spearman, one.n) for one in found if one.over == over),
            (_note(over),),
        )
        for over, title in _TITLES.items()
    )
    shared = (
        f"{len(matched.clips)} clips of {len(matched.methods)} methods ({', '.join(matched.methods)}) are both rated "
        "and measured. For a metric that is better when lower (↓), agreement with raters is a negative correlation."
    )
    table = ratings_table(ratings, lowest=lowest, highest=highest)
    signature = (
        f"{table.signature}{f'|screens:{screened[1]}' if screened else ''}|correlation-1|{results.run['signature']}"
    )
    return Report("Ratings and metrics", signature, sections, (shared, *([screened[0]] if screened else [])))


def _note(over: Over) -> str:
    drawn = f"{LEVEL * 100:g} % interval of the percentiles over {RESAMPLES:,} draws of clips, seed {SEED}."
    if over == "clips":
        return f"n videos, each with the mean of its ratings. It mixes which method with which clip. {drawn}"
    if over == "clips within methods":
        return f"Each method's means taken off first: which of a method's videos are the better ones. {drawn}"
    return (
        f"n methods. {LEVEL * 100:g} % interval by Fisher's z, for other methods; none on fewer than 5 methods, where "
        "even a perfect order proves little."
    )
