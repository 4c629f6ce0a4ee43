"""What raters said of methods: scores, and differences by several tests, as sections of the report on a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..bench.errors import TalkbenchError
from .agreement import Estimate
from .annex_e import Recovered, recover
from .crossed import crossed, pigeonhole
from .intervals import Floats
from .mixed import TERMS, Mixed, mixed
from .nonparametric import friedman, wilcoxon
from .ordinal import Ordinal, ordinal
from .rated import Rated
from .ratings import LEVEL, RESAMPLES, SEED, is_reference
from .sections import Field, Section, Value
from .significance import holm

SCALE, METHOD = Field("scale", "Scale", "label"), Field("method", "Method", "label")
PAIR = Field("pair", "Pair", "label")


@dataclass(frozen=True)
class Fitted:
    """A scale with the places of the pairs that are tested, and the models of it."""

    of: Rated
    pairs: tuple[tuple[int, int], ...]
    mixed: Mixed | None
    ordinal: Ordinal | None
    recovered: Recovered | None


def pairs_of(methods: Sequence[str], baseline: str | None) -> tuple[tuple[int, int], ...]:
    """Return the places of all pairs of methods but the hidden reference, or of all pairs with `baseline`."""
    places = [at for at, name in enumerate(methods) if not is_reference(name)]
    if baseline is None:
        return tuple(combinations(places, 2))
    if baseline not in methods:
        raise TalkbenchError(f"--baseline {baseline}: was not rated. There are: {', '.join(methods)}.")
    base = list(methods).index(baseline)
    return tuple((base, at) for at in places if at != base)


def fit(of: Rated, pairs: tuple[tuple[int, int], ...]) -> Fitted:
    """Fit the models of one scale."""
    return Fitted(of, pairs, mixed(of.scores), ordinal(of.scores), recover(of.by_stimulus))


def opinion(grid: Floats, limits: tuple[float, float]) -> Estimate | None:
    """Mean of scores (raters, clips) with the interval of Table 2, which does not leave the scale."""
    found = crossed(grid, level=LEVEL, resamples=RESAMPLES, seed=SEED)
    if found is None:
        return None
    low, high = (None if end is None else min(max(end, limits[0]), limits[1]) for end in (found.low, found.high))
    return Estimate(found.mean, low, high)


def scores(scales: Sequence[Rated], limits: tuple[float, float]) -> Section:
    """Mean opinion scores with both intervals, and what they rest on; `limits` are the ends of the scale."""
    rows: list[tuple[Value, ...]] = []
    for of in scales:
        for at, method in enumerate(of.methods):
            grid = of.scores[:, :, at]
            mos = opinion(grid, limits)
            if mos is None:
                rows.append((of.scale, method, *[None] * 7))
                continue
            there = ~np.isnan(grid)
            known = grid[there]
            drawn = None
            if mos.low is not None:
                low, high, _ = pigeonhole(grid[there.any(axis=1)][:, there.any(axis=0)], LEVEL, RESAMPLES, SEED)
                drawn = Estimate(mos.value, low, high)
            spread = float(known.std(ddof=1)) if len(known) > 1 else None
            counts = (len(known), int(there.any(axis=1).sum()), int(there.any(axis=0).sum()))
            rows.append((of.scale, method, mos, drawn, spread, float(np.median(known)), *counts))
    fields = (
        SCALE, METHOD, Field("mos", "MOS"), Field("bootstrap", "Bootstrap"), Field("sd", "SD"),
        Field("median", "Median", decimals=1), Field("ratings", "Ratings"), Field("raters", "Raters"),
        Field("clips", "Clips"),
    )  # fmt: skip
    note = (
        "MOS with its 95 % interval for other raters and other clips: crossed raters × clips, Student's t, or, where "
        f"ratings are missing, the pigeonhole bootstrap, which stands in the next column ({RESAMPLES:,} resamples, "
        f"seed {SEED})."
    )
    return Section("scores", "Mean opinion scores", fields, tuple(rows), (note,))


def histogram(scales: Sequence[Rated]) -> Section:
    """How often each score was given; empty where there are more than eleven different ones."""
    values = sorted({float(value) for of in scales for value in np.unique(of.scores[~np.isnan(of.scores)])})
    if len(values) > 11:
        return Section("histogram", "", (), ())
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (of.scale, method, *(int(np.sum(of.scores[:, :, at] == value)) for value in values))
        for of in scales
        for at, method in enumerate(of.methods)
    )
    fields = (SCALE, METHOD, *(Field(f"n_{value:g}", f"{value:g}") for value in values))
    return Section("histogram", "How often each score was given", fields, rows)


def pair_name(of: Rated, pair: tuple[int, int]) -> str:
    """Name a difference: `Ours − Baseline`."""
    return f"{of.methods[pair[1]]} − {of.methods[pair[0]]}"


def adjusted(p: Sequence[float | None]) -> list[float | None]:
    """Correct p-values by Holm's method; None stays None."""
    known = iter(holm([one for one in p if one is not None]))
    return [None if one is None else next(known) for one in p]


def _contrast(of: Fitted, pair: tuple[int, int]) -> Floats:
    weights = np.zeros(len(of.of.methods))
    weights[list(pair)] = -1.0, 1.0
    return weights


def crossed_pairs(of: Rated, pairs: Sequence[tuple[int, int]]) -> list[tuple[Estimate | None, float | None]]:
    """Differences of pairs and their p by the test of Table 2."""
    found = [
        crossed(of.scores[:, :, b] - of.scores[:, :, a], level=LEVEL, resamples=RESAMPLES, seed=SEED) for a, b in pairs
    ]
    return [(None, None) if one is None else (Estimate(one.mean, one.low, one.high), one.p) for one in found]


def differences(fitted: Sequence[Fitted]) -> Section:
    """Every difference by the crossed test and by the mixed model."""
    rows: list[tuple[Value, ...]] = []
    for one in fitted:
        tests = crossed_pairs(one.of, one.pairs)
        models = [
            None if one.mixed is None else one.mixed.contrast(_contrast(one, pair), level=LEVEL) for pair in one.pairs
        ]
        held = adjusted([p for _, p in tests])
        model_held = adjusted([None if model is None else model.p for model in models])
        for pair, (difference, p), p_holm, model, model_p in zip(
            one.pairs, tests, held, models, model_held, strict=True
        ):
            of_model = None if model is None else Estimate(model.difference, model.low, model.high)
            df = None if model is None else model.df
            rows.append((one.of.scale, pair_name(one.of, pair), difference, p, p_holm, of_model, df, model_p))
    fields = (
        SCALE, PAIR, Field("difference", "Difference"), Field("p", "p", "p"), Field("p_holm", "Holm", "p"),
        Field("model", "Mixed model"), Field("df", "df", decimals=1), Field("model_p_holm", "Holm", "p"),
    )  # fmt: skip
    note = (
        "Difference: crossed raters × clips on the differences by those who rated both, the test of Table 2. Mixed "
        "model: fixed methods; raters, clips, rater × method and clip × method random; REML, Satterthwaite's df. "
        "Intervals are not corrected; Holm's correction is over the pairs of one scale."
    )
    return Section("differences", "Differences of methods", fields, tuple(rows), (note,))


def other_tests(fitted: Sequence[Fitted]) -> Section:
    """Every difference by ranks of raters, ranks of clips, and odds."""
    rows: list[tuple[Value, ...]] = []
    for one in fitted:
        by_rater = wilcoxon(_means(one.of.scores, 1), one.pairs)
        by_clip = wilcoxon(_means(one.of.scores, 0), one.pairs)
        odds = [(None, None) if one.ordinal is None else one.ordinal.contrast(*pair) for pair in one.pairs]
        held = adjusted([p for _, p in odds])
        for pair, rater, clip, (log_odds, _), p in zip(one.pairs, by_rater, by_clip, odds, held, strict=True):
            tests = (rater.effect, rater.p_holm, clip.effect, clip.p_holm)
            rows.append((one.of.scale, pair_name(one.of, pair), *tests, log_odds, p))
    fields = (
        SCALE, PAIR, Field("rank_r_raters", "r, raters"), Field("raters_p_holm", "Holm", "p"),
        Field("rank_r_clips", "r, clips"), Field("clips_p_holm", "Holm", "p"),
        Field("log_odds", "Log odds"), Field("odds_p_holm", "Holm", "p"),
    )  # fmt: skip
    note = (
        "Wilcoxon's signed-rank test on the raters' means, then on the clips', with the matched rank-biserial r. "
        "Log odds of a higher score: proportional odds with errors clustered by rater and by clip. Holm's correction "
        "is over the pairs of one scale."
    )
    return Section(
        "other_tests", "The same differences, without taking scores for numbers", fields, tuple(rows), (note,)
    )


def _means(scores: Floats, axis: int) -> Floats:
    """Mean over raters (axis 0) or clips (axis 1); NaN where there is none."""
    count = (~np.isnan(scores)).sum(axis=axis)
    made: Floats = np.where(count > 0, np.nansum(scores, axis=axis) / np.maximum(count, 1), np.nan)
    return made


def omnibus(fitted: Sequence[Fitted]) -> Section:
    """Tests that all methods are rated alike."""
    rows: list[tuple[Value, ...]] = []
    for one in fitted:
        compared = sorted({at for pair in one.pairs for at in pair})
        ranks = friedman(_means(one.of.scores[:, :, compared], 1)) if compared else None
        whole = len(compared) == len(one.of.methods)
        model = one.mixed if whole else mixed(one.of.scores[:, :, compared]) if len(compared) > 1 else None
        test = None if model is None else model.omnibus()
        rows.append(
            (
                one.of.scale,
                *((None,) * 4 if test is None else (test.f, test.df1, test.df2, test.p)),
                *((None,) * 5 if ranks is None else (ranks.chi2, ranks.df, ranks.p, ranks.w, ranks.n)),
            )
        )
    fields = (
        SCALE, Field("f", "F"), Field("df1", "df"), Field("df2", "df", decimals=1), Field("p", "p", "p"),
        Field("chi2", "Friedman χ²"), Field("chi2_df", "df"), Field("friedman_p", "p", "p"), Field("w", "Kendall W"),
        Field("raters", "Raters"),
    )  # fmt: skip
    note = "F: mixed model, all methods but a hidden reference have the same mean. Friedman's test: on raters' means."
    return Section("omnibus", "Do methods differ at all?", fields, tuple(rows), (note,))


def variances(fitted: Sequence[Fitted]) -> Section:
    """Standard deviations of the mixed model's terms."""
    names = (*TERMS, "rest")
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (one.of.scale, *(float(np.sqrt(one.mixed.variances[name])) for name in names))
        for one in fitted
        if one.mixed is not None
    )
    fields = (SCALE, *(Field(name.replace(" × ", "_"), name.capitalize()) for name in names))
    note = "Standard deviations, in points of the scale, from the mixed model: what talkbench study plan --sd takes."
    return Section("variances", "Where the spread comes from", fields, rows, (note,))


def annex_e(fitted: Sequence[Fitted]) -> Section:
    """Methods' scores after P.910 Annex E beside plain ones."""
    rows: list[tuple[Value, ...]] = []
    for one in fitted:
        if one.recovered is None:
            continue
        flat = one.of.scores.reshape(len(one.of.raters), -1)
        quality = np.full(flat.shape[1], np.nan)
        quality[(~np.isnan(flat)).any(axis=0)] = one.recovered.quality
        by_method = _means(quality.reshape(one.of.scores.shape[1:]), 0)
        plain = _means(_means(one.of.scores, 0), 0)
        rows += [
            (one.of.scale, method, float(mos), float(score))
            for method, mos, score in zip(one.of.methods, plain, by_method, strict=True)
        ]
    fields = (SCALE, METHOD, Field("mos", "MOS"), Field("p910", "P.910 Annex E"))
    note = (
        "Means over clips of the clips' scores: plain, and after ITU-T P.910 Annex E, which takes off each rater's "
        "bias and gives inconsistent raters less weight instead of leaving them out."
    )
    return Section("annex_e", "Scores that allow for biased and inconsistent raters", fields, tuple(rows), (note,))
