"""Checking a metric against the contract, in this process and in one of its own, as the engine's workers are."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..metrics import METRICS
from ..metrics.contract import Metric
from . import registry
from .checks import Check, check, given_weights
from .errors import TalkbenchError
from .trial import FrameValues, Trial

SLOWEST = 300.0
"""Times SSIM's time per frame beyond which a metric is too slow: three seconds of video would take a minute."""
_CONNECTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")


@dataclass(frozen=True)
class _Alone:
    """What a process of its own measured, the network closed: the noisy take's value, and whom it tried to reach."""

    value: float
    frames: tuple[float, ...] | None
    reached: tuple[str, ...]
    error: str | None = None


def check_metric(target: str, *, weights: Path | None = None) -> Iterator[Check]:
    """Run every check on a metric, named by its name or as "path.py:NAME"; stop where the next ones would rest on it.

    Raises TalkbenchError where there is no such metric, or it needs a file of weights that is not given.
    """
    origin = target if ".py:" in target else None
    metric = registry.find(target, origin)
    if metric.needs == "set":
        raise TalkbenchError(f"metric {metric.name}: is of a whole set; the checks try metrics on one clip.")
    bound = given_weights(metric, weights)
    failed = False
    for one in check(metric, bound):
        failed = failed or (one.state == "failed" and one.name in ("declaration", "arguments", "runs"))
        yield one
    if not failed:
        yield from _alone_checks(target, origin, weights, Trial.of(bound))
        yield _speed(Trial.of(bound))


def _alone_checks(target: str, origin: str | None, weights: Path | None, trial: Trial) -> Iterator[Check]:
    """Measure in a new process, as workers do, that is told when it tries to reach the network."""
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            alone = pool.submit(_measure_alone, target, origin, weights).result()
    except BrokenProcessPool:
        yield Check("worker", "failed", "a new process that loads and runs it dies. Find out which library ends it.")
        return
    here = trial.measure(trial.real, trial.worse("noise"))
    frames = here.frames if isinstance(here, FrameValues) else None
    equal = alone.value == here.value or (math.isnan(alone.value) and math.isnan(here.value))
    if frames is not None and alone.frames is not None:
        equal = equal and np.array_equal(frames, np.array(alone.frames), equal_nan=True)
    if alone.reached:
        names = ", ".join(dict.fromkeys(alone.reached))
        yield Check("network", "failed", f"tries to reach {names}. Take files by path: declare `weights`.")
        return
    if alone.error is not None:
        yield Check(
            "worker", "failed", f"in a new process it raises {alone.error}. It must not rest on this one's state."
        )
    elif not equal:
        says = f"a new process gives {alone.value:.6g}, this one {here.value:.6g}. Seed what is random; keep no state."
        yield Check("worker", "failed", says)
    else:
        yield Check("worker", "ok")
    yield Check("network", "ok")


def _measure_alone(target: str, origin: str | None, weights: Path | None) -> _Alone:
    """Load a metric and measure the noisy take; every connection is refused and noted."""
    reached: list[str] = []

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event in _CONNECTS:
            address = arguments[0] if event in ("socket.getaddrinfo", "socket.gethostbyname") else arguments[1]
            reached.append(str(address))
            raise ConnectionRefusedError(f"talkbench check-metric: the network is closed ({address})")

    sys.addaudithook(refuse)
    try:
        trial = Trial.of(given_weights(registry.find(target, origin), weights))
        value = trial.measure(trial.real, trial.worse("noise"))
    except Exception as error:  # the metric's own code may raise anything
        return _Alone(math.nan, None, tuple(reached), f"{type(error).__name__}: {error}")
    frames = tuple(value.frames.tolist()) if isinstance(value, FrameValues) else None
    return _Alone(value.value, frames, tuple(reached))


def _speed(trial: Trial) -> Check:
    own, ssim = (_seconds_per_frame(one) for one in (trial.metric, METRICS["SSIM"]))
    says = f"{1000 * own:.2f} ms per frame of 256 px, {own / ssim:.2g} times SSIM"
    if own > SLOWEST * ssim:
        return Check(
            "speed", "failed", f"{says}. More than {SLOWEST:g} times is too slow: use arrays or numba, not loops."
        )
    return Check("speed", "ok", says)


def _seconds_per_frame(metric: Metric) -> float:
    """Return the faster of two runs: the first may compile."""
    trial = Trial.of(metric)
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        trial.measure(trial.real, trial.worse("noise"))
        taken.append(time.perf_counter() - start)
    return min(taken) / len(trial.real)
