"""Which metrics a protocol measures, which of them a table shows, and with what arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict

from ..metrics.contract import Metric
from . import registry
from .errors import TalkbenchError

PAPER, FULL = "paper", "full"


class MetricChoice(BaseModel):
    """One metric of a protocol: its functions' keyword arguments, and over what its mean is taken.

    `over` "clips" is the mean of the clips' values; "frames" weights each clip by its number of scored frames.
    `frame` is given to the function that sees frames, `clip` to the one that makes the clip's value. `origin` is where
    a metric in a file is ("path.py:NAME").
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shown: bool = True
    over: Literal["clips", "frames"] = "clips"
    frame: dict[str, str | int | float | bool] = {}
    clip: dict[str, str | int | float | bool] = {}
    origin: str | None = None


def chosen_metrics(
    own: Mapping[str, MetricChoice], names: Sequence[str], plugins: Sequence[str], weights: Mapping[str, Path]
) -> dict[str, MetricChoice]:
    """Return a protocol's metrics with those that a user wants as well; see `Protocol.with_options`.

    Raises TalkbenchError for a name that is none, and where a metric lacks its file of weights.
    """
    files = {registry.load(origin).name: origin for origin in plugins}
    wanted = [*(names or [PAPER]), *files]
    known = [*own, *(name for name in (*registry.known(), *files) if name not in own)]
    shown: set[str] = set()
    for name in wanted:
        if name == PAPER:
            shown |= {metric for metric, choice in own.items() if choice.shown}
        elif name == FULL:
            shown |= {metric for metric in known if not _lacks_weights(metric, files, weights)}
        else:
            registry.find(name, files.get(name))
            shown.add(name)
    _refuse_unused(weights, known, files)
    chosen = {}
    for name in known:
        if name in own or name in shown:
            choice = own.get(name, MetricChoice(origin=files.get(name)))
            paths = _weights(name, files, weights)
            asked = registry.arguments(registry.find(name, files.get(name)).last)
            chosen[name] = choice.model_copy(
                update={
                    "shown": name in shown,
                    "frame": {**choice.frame, **paths},
                    "clip": {**choice.clip, **{key: path for key, path in paths.items() if key in asked}},
                }
            )
    return chosen


def check_weights(metrics: Sequence[Metric]) -> None:
    """Load every file of weights once. Raises TalkbenchError where one is not what its metric needs."""
    for metric in metrics:
        if metric.load is not None:
            path = cast("partial[object]", metric.first).keywords["weights"]
            try:
                metric.load(path)
            except ValueError as error:
                raise TalkbenchError(f"--weights {metric.weights}={path}: {error}. It is for {metric.name}.") from error


def _lacks_weights(name: str, files: Mapping[str, str], weights: Mapping[str, Path]) -> bool:
    kind = registry.find(name, files.get(name)).weights
    return bool(kind) and kind not in weights


def _weights(name: str, files: Mapping[str, str], weights: Mapping[str, Path]) -> dict[str, str]:
    metric = registry.find(name, files.get(name))
    return {"weights": registry.weights_file(metric, weights.get(metric.weights))} if metric.weights else {}


def _refuse_unused(weights: Mapping[str, Path], known: Sequence[str], files: Mapping[str, str]) -> None:
    kinds = {registry.find(name, files.get(name)).weights for name in known} - {""}
    for kind in weights:
        if kind not in kinds:
            raise TalkbenchError(f"--weights {kind}=…: no metric has weights of that name. There are: {sorted(kinds)}.")
