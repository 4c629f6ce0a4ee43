"""Which methods of a metric are printed bold: the best mean, and all that a test cannot tell from it.

The best is tested against every other method (`significance.py`), with Holm's correction over these comparisons. A
method is distinguishable where the test finds it worse. Bold says nothing where nothing could have been found: where so
few speakers or clips are shared that no p could reach the limit after the correction, nothing is bold. A comparison
that could not reach it even alone cannot err either, and does not count in the correction (Tarone 1990).

The best is chosen by the data, and the tests do not know it; they still keep their promise, that the truly best method
is bold at least 95 times in 100: `docs/statistics.md` has the simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import Column, Values
from .significance import Paired, holm, paired


@dataclass(frozen=True)
class Best:
    """The verdict on one metric: methods by their place in the run's list.

    `bold` is empty where no comparison with the best could reach the limit: `smallest_p` is then the smallest p that
    one could have reached after Holm's correction on `n_units` units, None where a value is infinite or nothing shared.
    """

    bold: frozenset[int]
    untested: tuple[int, ...]
    n_units: int
    smallest_p: float | None = None


def best(means: Sequence[float | None], of: Values, at: int, column: Column, ci: Mapping[str, Any]) -> Best | None:
    """Return the bold methods of the column at place `at`; None where fewer than two methods have a value."""
    present = [method for method, mean in enumerate(means) if mean is not None]
    if len(present) < 2:
        return None
    sign = 1.0 if column.better == "lower" else -1.0
    top = min(present, key=lambda method: (sign * (means[method] or 0.0), method))
    pairs = {method: versus(of, at, top, method, ci) for method in present if method != top}
    limit = round(1.0 - ci["level"], 9)
    tests = {method: pair.test for method, pair in pairs.items() if pair.test is not None}
    n_units = max(pair.n_units for pair in pairs.values())
    family = [method for method, test in tests.items() if test.smallest_p <= limit]
    lowest = dict(zip(family, holm([tests[method].smallest_p for method in family]), strict=True))
    reachable = {method for method in family if lowest[method] <= limit}
    if not reachable:
        alone = min((test.smallest_p for test in tests.values()), default=None)
        return Best(frozenset(), (), n_units, min(lowest.values(), default=alone))
    adjusted = dict(zip(family, holm([tests[method].p for method in family]), strict=True))
    worse = {method for method in reachable if adjusted[method] <= limit and sign * tests[method].difference > 0}
    untested = tuple(method for method in pairs if method not in reachable)
    return Best(frozenset({top, *(reachable - worse)}), untested, n_units)


def versus(of: Values, at: int, baseline: int, other: int, ci: Mapping[str, Any]) -> Paired:
    """Compare two methods, by place, on the column at place `at`."""
    return paired(
        of.values[:, baseline, at],
        of.values[:, other, at],
        of.units,
        weights=np.minimum(of.weights[:, baseline, at], of.weights[:, other, at]),
        resamples=ci["resamples"],
        seed=ci["seed"],
    )
