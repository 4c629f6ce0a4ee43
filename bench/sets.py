"""Values of a method over all its clips together, such as FID: made when the run ends, from what each pair left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..metrics.contract import Metric
from .pairing import Plan
from .results import Store, Vectors


def set_values(metrics: Sequence[Metric], shown: Sequence[str], plan: Plan, store: Store) -> dict[str, Any]:
    """Return `sets` of run.json: per metric, how it is read and every method's value with the number of its vectors.

    The pairs are read one after the other, so that memory does not grow with their number.
    """

    def pairs(method: str, metric: Metric) -> Iterator[Vectors]:
        for pair in plan.pairs:
            if pair.take.method == method and store.read_row(method, pair.clip.id) is not None:
                kept = store.read_embeddings(method, pair.clip.id, metric.name)
                if kept is not None:
                    yield kept

    described = []
    for metric in metrics:
        values = {}
        for method in plan.methods:
            assert metric.per_set is not None  # noqa: S101 - that makes it one of these
            found = metric.per_set(pairs(method, metric))
            missing = found.reason is not None
            values[method] = {"value": None if missing else found.value, "n": found.frames, "reason": found.reason}
        described.append(
            {
                "name": metric.name,
                "better": metric.better,
                "unit": metric.unit,
                "decimals": metric.decimals,
                "version": metric.version,
                "perfect": metric.perfect,
                "shown": metric.name in shown,
                "methods": values,
            }
        )
    return {"sets": described} if described else {}
