"""M-LMD and F-LMD that forgive a mouth or face for being early or late. Lower is better, 0 for the ground truth itself.

d(i, j) is the plain metric between the real frame i and the take's frame j, each side centred, in px. Compared are the
N frames in which both sides have a face; i and j may be matched where they are at most `band_ms` apart in time.
    …-shifted   the least mean of d(t, t + k) over constant offsets k within the band: a take that is late as a whole.
                Recorded: the offset in ms (positive: the take is late) and the plain value.
    …-dtw       dynamic time warping: the least Σ d(i, j) / N over paths of steps (1, 0), (0, 1) and (1, 1) from the
                first pair to the last. A frame matched twice counts twice, so that warping is not free.
    …-softdtw   Soft-DTW in its divergence form, with s(x, y) = −γ log Σ over all such paths of exp(−Σ d / γ):
                (s(gt, gen) − s(gt, gt) / 2 − s(gen, gen) / 2) / N, which is 0 for equal tracks, as s alone is not.
The one rigid path, i = j, is always allowed: with a band of 0 all three are the plain metric, to the last bit, and dtw
and shifted are never above it.

Source: Zhang et al., "Temporally-Aligned Evaluation for Audio-Driven Talking Head Generation", arXiv 2606.01031, 2026,
for the idea; Sakoe and Chiba, 1978 (DTW and its band); Cuturi and Blondel, ICML 2017 (Soft-DTW); Blondel, Mensch and
Vert, AISTATS 2021 (its divergence). Normalisation by N, not by the path's length, is ours: it makes rigid equal plain.
Not done: no learned features, and no penalty for an offset. A take that is always 100 ms late is perfect here: read it
beside the plain metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from .contract import ClipValue, Facts, Landmarks, Metric, PerFrame, mean_of_frames
from .face_shape import has_face
from .landmarks import FACE, MOUTH, landmark_distance

Points = Literal["mouth", "face"]
Floats = npt.NDArray[np.float64]
Costs = npt.NDArray[np.float64]
"""(N, 2B + 1) the cost of matching frame i with frame i + k − B, B < N; ∞ where they may not be matched."""
Between = Callable[[], Costs]
"""Makes the costs of two sides, or of one with itself."""

_POINTS: dict[str, slice] = {"mouth": MOUTH, "face": FACE}
_NO_PAIR = "no frame in which both sides have a face"


def shifted(gt: Facts, gen: Facts, *, band_ms: float = 200.0, points: Points) -> ClipValue:
    """Return the distance at the best constant offset."""
    plain = _plain(gt.landmarks, gen.landmarks, points)
    count = int((~np.isnan(plain)).sum())
    if not count:
        return ClipValue.missing(_NO_PAIR)
    means = {0: mean_of_frames(plain[~np.isnan(plain)])}
    x, y = _centred(gt.landmarks, points), _centred(gen.landmarks, points)
    reach = min(_reach(band_ms, gt.rate), len(plain) - 1)
    for k in sorted(range(-reach, reach + 1), key=abs):
        distance = _distance(*_overlap(x, y, k))
        there = distance[~np.isnan(distance)]
        # An offset that leaves hardly any frame to compare is no alignment.
        if k and len(there) >= max(1, count / 2):
            means[k] = mean_of_frames(there)
    best = min(means, key=lambda k: means[k])
    return ClipValue(means[best], count, parts={"offset_ms": 1000 * best / gt.rate, "plain": means[0]})


def dtw(gt: Facts, gen: Facts, *, band_ms: float = 200.0, points: Points) -> ClipValue:
    """Return the distance along the best warping path.

    >>> gt = np.zeros((6, 68, 2))
    >>> gt[[2, 4], 57] = 0, 20  # the mouth opens twice; of 20 points one moves: 20 · 2 · 19 / 400 = 1.9 px
    >>> late = gt[[0, 0, 1, 2, 3, 4]]
    >>> sides = [Facts(track, 25.0, (256, 256)) for track in (gt, late)]
    >>> [dtw(*sides, band_ms=band, points="mouth").value.__round__(9) for band in (0, 40)]
    [1.266666667, 0.316666667]
    """
    return _warped(gt, gen, band_ms, points, lambda between, _: _least(between(), min))


def soft_dtw(gt: Facts, gen: Facts, *, band_ms: float = 200.0, gamma_px: float = 0.1, points: Points) -> ClipValue:
    """Return the Soft-DTW divergence."""

    def soft(a: float, b: float, c: float) -> float:
        lowest = min(a, b, c)
        if lowest == math.inf:
            return math.inf
        exps = math.exp((lowest - a) / gamma_px) + math.exp((lowest - b) / gamma_px) + math.exp((lowest - c) / gamma_px)
        return lowest - gamma_px * math.log(exps)

    def divergence(between: Between, within: tuple[Between, Between]) -> float:
        return _least(between(), soft) - sum(_least(side(), soft) for side in within) / 2

    return _warped(gt, gen, band_ms, points, divergence)


def _warped(
    gt: Facts,
    gen: Facts,
    band_ms: float,
    points: Points,
    gain: Callable[[Between, tuple[Between, Between]], float],
) -> ClipValue:
    """Return the plain mean and what warping gains, per frame."""
    times = np.flatnonzero(has_face(gt.landmarks) & has_face(gen.landmarks))
    if not times.size:
        return ClipValue.missing(_NO_PAIR)
    plain = mean_of_frames(_plain(gt.landmarks[times], gen.landmarks[times], points))
    x, y = (_centred(one.landmarks[times], points) for one in (gt, gen))
    cost = partial(costs, times=times, reach=_reach(band_ms, gt.rate))
    value = plain + gain(partial(cost, x, y), (partial(cost, x, x), partial(cost, y, y))) / len(times)
    return ClipValue(value, len(times), parts={"plain": plain})


def costs(x: Floats, y: Floats, *, times: npt.NDArray[np.int64], reach: int) -> Costs:
    """Return the costs of matching two centred tracks (2, N, P) whose frames are `times`, at most `reach` apart."""
    count = len(times)
    widest = min(reach, count - 1)
    found = np.full((count, 2 * widest + 1), np.inf)
    for k in range(-widest, widest + 1):
        first, last = max(0, -k), min(count, count - k)
        near = np.abs(times[first + k : last + k] - times[first:last]) <= reach
        found[first:last, k + widest] = np.where(near, _distance(*_overlap(x, y, k)), np.inf)
    return found


def _least(found: Costs, least: Callable[[float, float, float], float]) -> float:
    """Return the (soft) least Σ cost over all paths, less the rigid path's: 0 to the last bit where there is no other.

    Row by row; a path enters row i once, where the rigid path's cost of that row is taken off.
    """
    width: int = found.shape[1]
    reach = width // 2
    before: list[float] = [math.inf] * (width + 1)  # one more, which is also the neighbour of the first
    for i, (row, rigid) in enumerate(zip(found.tolist(), found[:, reach].tolist(), strict=True)):
        now: list[float] = [math.inf] * (width + 1)
        for k, cost in enumerate(row):
            if cost == math.inf:
                continue
            if i == 0 and k == reach:
                now[k] = cost - rigid
                continue
            # from (i − 1, j − 1), from (i − 1, j), and from (i, j − 1), whose row is paid for
            now[k] = least(before[k] + (cost - rigid), before[k + 1] + (cost - rigid), now[k - 1] + cost)
        before = now
    return before[reach]


def _plain(gt: Landmarks, gen: Landmarks, points: Points) -> PerFrame:
    """Return the plain metric per frame."""
    return landmark_distance(gt, gen, points=_POINTS[points], centre="centroid", reduce="mean", scale="px")


def _centred(track: Landmarks, points: Points) -> Floats:
    """Return (2, T, P) x and y of the chosen points less their mean, each contiguous, for speed."""
    chosen = track[:, _POINTS[points]].astype(np.float64)
    return np.ascontiguousarray(np.moveaxis(chosen - chosen.mean(axis=1, keepdims=True), 2, 0))


def _distance(x: Floats, y: Floats) -> PerFrame:
    across, down = y - x
    distance: PerFrame = np.sqrt(across * across + down * down).mean(axis=1)
    return distance


def _overlap(x: Floats, y: Floats, k: int) -> tuple[Floats, Floats]:
    """Return the frames of x and y that meet when y's frame t + k is set beside x's frame t."""
    count = x.shape[1] - abs(k)
    return x[:, max(0, -k) :][:, :count], y[:, max(0, k) :][:, :count]


def _reach(band_ms: float, rate: float) -> int:
    """Return how many frames a band allows on either side."""
    return int(band_ms * rate / 1000 + 1e-9)


_SOURCE = "Zhang et al., arXiv 2606.01031 (temporally aligned evaluation)"

M_SHIFTED = Metric(
    name="M-LMD-shifted",
    needs="facts",
    better="lower",
    unit="px",
    decimals=2,
    version="1",
    definition="M-LMD at the constant offset within 200 ms that makes it least",
    source=_SOURCE,
    perfect=0.0,
    per_clip=partial(shifted, points="mouth"),
    parts=("offset_ms", "plain"),
)
F_SHIFTED = replace(
    M_SHIFTED,
    name="F-LMD-shifted",
    definition="F-LMD at the constant offset within 200 ms that makes it least",
    per_clip=partial(shifted, points="face"),
)
M_DTW = replace(
    M_SHIFTED,
    name="M-LMD-dtw",
    version="2",
    definition="least M-LMD over all warpings of time within 200 ms (dynamic time warping), over the frames compared",
    source=f"{_SOURCE}; Sakoe and Chiba, 1978",
    per_clip=partial(dtw, points="mouth"),
    parts=("plain",),
)
F_DTW = replace(
    M_DTW,
    name="F-LMD-dtw",
    definition="least F-LMD over all warpings of time within 200 ms (dynamic time warping), over the frames compared",
    per_clip=partial(dtw, points="face"),
)
M_SOFT = replace(
    M_DTW,
    name="M-LMD-softdtw",
    definition="Soft-DTW divergence of the mouth's 20 points within 200 ms, over the frames compared",
    source=f"{_SOURCE}; Cuturi and Blondel, 2017; Blondel et al., 2021",
    per_clip=partial(soft_dtw, points="mouth"),
)
F_SOFT = replace(
    M_SOFT,
    name="F-LMD-softdtw",
    definition="Soft-DTW divergence of all 68 points within 200 ms, over the frames compared",
    per_clip=partial(soft_dtw, points="face"),
)

METRICS = (M_SHIFTED, F_SHIFTED, M_DTW, F_DTW, M_SOFT, F_SOFT)
