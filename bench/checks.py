"""The contract of metrics as tests: what `talkbench check-metric` runs on a metric, one check after another.

A check passes, does not apply (and says why), or fails and says what to do. Metrics are tried on what `trial.py` makes:
a face that speaks, its landmarks and its sound.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..metrics.contract import ClipValue, Metric, Needs
from .registry import arguments, weights_file
from .trial import FrameValues, Trial, Value, same

State = Literal["ok", "failed", "does not apply"]
_ARGUMENTS: Mapping[str, tuple[int, int]] = {
    "frames": (2, 1), "steps": (4, 2), "faces": (4, 2), "landmarks": (2, 1), "facts": (2, 1),
}  # fmt: skip
"""How many arguments a metric's function is given, of both sides and of one."""
_PLAIN = (str, int, float, bool, type(None))


class Failed(Exception):  # noqa: N818 - it is an outcome
    """A check's failure: what is wrong, and how to mend it."""


class DoesNotApply(Exception):  # noqa: N818 - it is an outcome
    """Why a check says nothing about this metric."""


@dataclass(frozen=True)
class Check:
    """One check's outcome. `says` is what failed and how to mend it, why it does not apply, or what was measured."""

    name: str
    state: State
    says: str = ""


def check(metric: Metric, bound: Metric) -> Iterator[Check]:
    """Run the checks that need no other process; what would rest on a failed one is left out.

    `bound` is the metric with its file of weights, where it needs one.
    """
    declared = [_outcome("declaration", partial(declaration, metric))]
    if declared[0].state == "ok":
        declared.append(_outcome("arguments", partial(signature, metric)))
    yield from declared
    if declared[-1].state == "failed":
        return
    trial = Trial.of(bound)
    runs = _outcome("runs", partial(returns, trial))
    yield runs
    if runs.state == "failed":
        return
    broken = False
    for name, test in _TESTS.items():
        if broken and name == "chunks":  # where one call and the next differ, so do two lengths
            return
        outcome = _outcome(name, partial(test, trial))
        broken = broken or (name == "pure" and outcome.state == "failed")
        yield outcome


def given_weights(metric: Metric, weights: Path | None) -> Metric:
    """Return a metric with its file of weights bound. Raises TalkbenchError where it needs one that is not there."""
    if not metric.weights:
        return metric
    path = weights_file(metric, weights)
    bind: dict[str, Any] = {
        field: partial(function, weights=path)
        for field in ("per_frame", "embed", "per_clip")
        if "weights" in arguments(function := getattr(metric, field))
    }
    return replace(metric, **bind)


def _outcome(name: str, test: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", test())
    except Failed as failure:
        return Check(name, "failed", str(failure))
    except DoesNotApply as reason:
        return Check(name, "does not apply", str(reason))
    except Exception as error:  # the metric's own code may raise anything
        return Check(
            name, "failed", f"raises {type(error).__name__}: {error}. A metric must measure this, or give NaN."
        )


def declaration(metric: Metric) -> str:
    """Every field is there and fits the others."""
    for field in ("name", "version", "definition", "source"):
        text = getattr(metric, field)
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            raise Failed(f"{field} is {text!r}. Give it as one line of text.")
    if set(metric.name) & set(",:|/ ") or metric.name in ("paper", "full"):
        raise Failed(f"name {metric.name!r}: is taken, or holds a comma, colon, bar, slash or space. Use M-LMD's form.")
    if metric.better not in ("lower", "higher") or metric.needs not in get_args(Needs):
        raise Failed(f"better {metric.better!r}, needs {metric.needs!r}: see talkbench.metrics.contract.Metric.")
    if metric.sides not in ("both", "one") or (metric.perfect is None) != (metric.sides == "one"):
        raise Failed("perfect is the value of a take identical to its ground truth; None where sides is 'one' alone.")
    if metric.unit != metric.unit.strip() or not 0 <= metric.decimals <= 8:
        raise Failed(f"unit {metric.unit!r}, decimals {metric.decimals}: give '' for no unit, and 0 to 8 decimals.")
    if metric.needs == "facts":
        if metric.per_clip is None or metric.per_frame is not None or metric.clip is not None:
            raise Failed("a metric on facts has per_clip, and neither per_frame nor clip.")
    elif metric.per_frame is None or metric.clip is None or not metric.frame_value or metric.per_clip is not None:
        raise Failed(f"a metric on {metric.needs} has per_frame, frame_value and clip, and no per_clip.")
    return ""


def signature(metric: Metric) -> str:
    """Functions take what the engine gives them, and everything else by keyword, with a plain default."""
    expected = _ARGUMENTS[metric.needs][0 if metric.sides == "both" else 1]
    main = metric.per_frame or metric.per_clip
    wanted = [(main, expected), (metric.clip, 1), (metric.embed, 0)]
    for function, count in wanted:
        if function is not None:
            _takes(function, count)
    if metric.weights and (metric.first is None or "weights" not in inspect.signature(metric.first).parameters):
        raise Failed("weights is declared: the function that sees frames must take `weights` by keyword.")
    return ""


def _takes(function: Callable[..., object], count: int) -> None:
    name = getattr(function, "__name__", repr(function))
    parameters = list(inspect.signature(function).parameters.values())
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        raise Failed(f"{name} takes *args or **kwargs. Name every argument: what changes a number must be seen.")
    given = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(given) != count:
        extra = ", ".join(p.name for p in given[count:])
        advice = f" Make {extra} keyword-only: write * before it." if extra else ""
        raise Failed(f"{name} takes {len(given)} positional arguments, and is given {count}.{advice}")
    for keyword, default in arguments(function).items():
        if keyword != "weights" and not isinstance(default, _PLAIN):
            raise Failed(f"{name}: {keyword} has the default {default!r}. Give it a text, a number or a bool.")


def returns(trial: Trial) -> str:
    """A take that is a little worse can be measured, and the value has the type that the contract says."""
    try:
        value = trial.measure(trial.real, trial.worse("noise"))
    except TypeError as error:
        raise Failed(f"cannot be called as the contract says: {error}.") from error
    metric = trial.metric
    if isinstance(value, ClipValue):
        if set(value.parts) - set(metric.parts):
            raise Failed(
                f"returns parts {sorted(value.parts)}, but declares {list(metric.parts)}. Declare them in parts."
            )
        if math.isnan(value.value) and not value.reason:
            raise Failed("returns NaN without a reason. Return ClipValue.missing('why').")
        if math.isnan(value.value):
            raise Failed(f"cannot measure two seconds of a speaking face: {value.reason}. See bench/trial.py for it.")
    elif metric.needs == "facts":
        raise Failed(f"per_clip returns {type(value).__name__}. Return a ClipValue.")
    elif value.frames.shape != (len(trial.real),):
        raise Failed(
            f"per_frame returns shape {value.frames.shape} for {len(trial.real)} frames. Return one per frame."
        )
    elif math.isnan(value.value):
        raise Failed("no frame of a speaking face could be measured. NaN is for frames without a face.")
    return f"a noisy take is {_shown(value)} {metric.unit}".rstrip()


def perfect(trial: Trial) -> str:
    """A take identical to its ground truth has the value that the declaration calls perfect."""
    if trial.metric.sides == "one":
        raise DoesNotApply("it measures one side")
    value = trial.measure(trial.real, trial.real).value
    expected = trial.metric.perfect
    assert expected is not None  # noqa: S101 - checked by `declaration`
    if value != expected and not math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-6):
        raise Failed(f"a take identical to its ground truth is {value:g}, declared perfect is {expected:g}. Mend one.")
    return ""


def worse(trial: Trial) -> str:
    """Some damage is called worse, and none is called better than perfect."""
    metric = trial.metric
    if metric.sides == "one":
        raise DoesNotApply("it measures one side")
    assert metric.perfect is not None  # noqa: S101 - checked by `declaration`
    seen = []
    for damage in trial.damages:
        value = trial.measure(trial.real, trial.worse(damage)).value
        step = (value - metric.perfect) * (1 if metric.better == "lower" else -1)
        if step < -1e-9:
            raise Failed(
                f"{damage} is {value:g}, better than the perfect {metric.perfect:g} (better is {metric.better}). "
                "Turn `better` round, or correct `perfect`."
            )
        if step > 0:
            seen.append(damage)
    if not seen:
        raise Failed(f"none of {', '.join(trial.damages)} changes the value. What does it measure?")
    return f"sees {', '.join(seen)}"


def pure(trial: Trial) -> str:
    """The same input gives the same value, whatever was measured before, and the input is left as it was."""
    one, other = trial.worse("noise"), trial.worse("shift")
    first = trial.measure(trial.real, one)
    again = trial.measure(trial.real, one)
    if not same(first, again):
        raise Failed(f"the same input gives {_shown(first)}, then {_shown(again)}. Seed what is random; keep no state.")
    trial.measure(trial.real, other)
    if not same(first, trial.measure(trial.real, one)):
        raise Failed("the value depends on what was measured before. Keep no state between calls.")
    if trial.writes(one):
        raise Failed("it changes its input. Copy an array before writing into it.")
    return ""


def missing(trial: Trial) -> str:
    """A frame without a face is NaN, and a clip without any is NaN with a reason."""
    metric = trial.metric
    if metric.needs in ("frames", "steps"):
        raise DoesNotApply("it sees no landmarks")
    present = trial.measure(trial.real, trial.worse("noise"))
    nowhere = trial.measure(trial.real, trial.without_faces(slice(None)))
    if isinstance(nowhere, ClipValue):
        if not math.isnan(nowhere.value) and nowhere.value != present.value:
            raise Failed(
                f"a take without a face is {nowhere.value:g}. Return ClipValue.missing('no face'), never a number."
            )
        if math.isnan(nowhere.value) and not nowhere.reason:
            raise Failed("a take without a face is NaN without a reason. Return ClipValue.missing('why').")
        return "" if math.isnan(nowhere.value) else "it does not look at landmarks"
    if metric.needs == "faces" and metric.sides == "both" and same(nowhere, present):
        # It looks at the real face alone, for where the mouth is: a take without a face is measured there as well.
        real_nowhere = _frames(trial.measure(trial.real_without_faces(), trial.worse("noise")))
        if not np.isnan(real_nowhere).all():
            raise Failed("frames without a face on either side have a value. Return NaN for them.")
        return "it looks at the real face alone"
    if not np.isnan(nowhere.frames).all():
        raise Failed(
            f"frames without a face are {nowhere.frames[~np.isnan(nowhere.frames)][0]:g}. Return NaN for them."
        )
    gap = slice(20, 24)
    there = np.isnan(_frames(trial.measure(trial.real, trial.without_faces(gap))))
    if not there[gap].all() or there[:18].sum() + there[26:].sum() > np.isnan(_frames(present)).sum():
        raise Failed("four frames without a face must be NaN, and no frame far from them. Measure frame by frame.")
    return ""


def silence(trial: Trial) -> str:
    """A clip without sound is NaN with a reason, for a metric that needs the sound."""
    if not trial.metric.sound:
        raise DoesNotApply("it hears nothing")
    value = trial.measure(trial.real.muted(), trial.worse("noise").muted())
    if isinstance(value, ClipValue) and any(part not in value.parts for part in trial.metric.parts):
        return "it measures what can be measured without, and which part is missing"
    if not isinstance(value, ClipValue) or not math.isnan(value.value) or not value.reason:
        raise Failed(f"a clip without sound is {value.value:g}. Return ClipValue.missing('no sound').")
    return ""


def chunks(trial: Trial) -> str:
    """A frame's value rests on the frames next to it: a long clip may be measured piece by piece."""
    if trial.metric.needs == "facts":
        raise DoesNotApply("it measures whole clips")
    whole = _frames(trial.measure(trial.real, trial.worse("noise")))
    for start in (0, 10, 20):
        stop = min(start + 20, len(whole))
        piece = _frames(trial.measure(trial.real[start:stop], trial.worse("noise")[start:stop]))
        inner = slice(5 if start else 0, 15 if stop < len(whole) else None)
        if not np.array_equal(piece[inner], whole[start:stop][inner], equal_nan=True):
            raise Failed(
                "frames measured in a shorter piece have other values. What needs the whole clip needs 'facts'."
            )
    return ""


def _frames(value: Value) -> npt.NDArray[np.float64]:
    assert isinstance(value, FrameValues)  # noqa: S101 - every metric that is not on facts gives them
    return value.frames


def _shown(value: Value) -> str:
    return f"{value.value:.4g}"


_TESTS: Mapping[str, Callable[[Trial], str]] = {
    "perfect": perfect,
    "worse": worse,
    "pure": pure,
    "missing faces": missing,
    "silence": silence,
    "chunks": chunks,
}
