"""A signature changes whenever something that can change a number does, and with nothing else."""

import dataclasses
import platform
import subprocess
import sys
from functools import partial
from typing import Literal, get_args, get_origin, get_type_hints

import cv2
import pytest
from pydantic import BaseModel

from talkbench.bench import signature as signatures
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.protocol import PROTOCOLS, Protocol
from talkbench.bench.registry import arguments
from talkbench.bench.signature import signature
from talkbench.bench.video import decoder_version
from talkbench.metrics import METRICS

WORDS = {"title", "summary", "source"}
"""What a protocol says of itself. Its name is part of the signature's text."""
MARKING = ("table", "coverage")
"""Which cells a table marks; no number depends on it."""


def leaves(kind, data, path=()):
    """Every (path, annotation, value) of a protocol's plain data, arguments of metrics that it leaves out included."""
    hints = get_type_hints(kind)
    for name, value in data.items():
        annotation = hints[name]
        is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        if name == "metrics":
            for metric, choice in value.items():
                yield from metric_leaves(metric, choice, (*path, name, metric))
        elif is_section or dataclasses.is_dataclass(annotation):
            yield from leaves(annotation, value, (*path, name))
        else:
            yield (*path, name), annotation, value


def metric_leaves(metric, choice, path):
    for switch, given in choice.items():
        if switch == "origin":  # none of a shipped protocol's; a file's code counts: tests/bench/test_metric_kinds.py
            continue
        if not isinstance(given, dict):
            yield (*path, switch), type(given), given
            continue
        function = METRICS[metric].per_frame if switch == "frame" else METRICS[metric].clip
        hints = get_type_hints(function.func if isinstance(function, partial) else function)
        for argument, default in arguments(function).items():
            yield (*path, switch, argument), hints[argument], given.get(argument, default)


def literals(annotation):
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [option for part in get_args(annotation) for option in literals(part)]


def other(path, annotation, value):
    """Another value that the field may have."""
    if path == ("time", "align"):
        return "truncate" if value == "strict" else "strict"
    if path == ("time", "folder_fps"):
        return "30000/1001"
    if path[-1] == "over":
        return "frames" if value == "clips" else "clips"
    if others := [option for option in literals(annotation) if option != value]:
        return others[0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.9
    if isinstance(value, (list, tuple)):
        return [*value, 2]
    return 99 if value is None or value == "native" else f"{value}, reworded"


def changed(protocol, path, value):
    """The protocol with one leaf changed."""
    data = protocol.model_dump()
    inner = data
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return Protocol.model_validate(data)


FIELDS = [
    pytest.param(protocol, path, annotation, value, id=f"{name}-{'.'.join(path)}")
    for name, protocol in PROTOCOLS.items()
    for path, annotation, value in leaves(Protocol, protocol.model_dump())
]


def test_the_walk_reaches_every_kind_of_field():
    reached = {".".join(path) for path, _, _ in leaves(Protocol, PROTOCOLS["eat-2023"].model_dump())}
    assert {
        "time.fps",
        "frame.prepare",
        "faces.upsamples",
        "faces.channels",
        "missing_face",
        "metrics.PSNR.over",
        "metrics.PSNR.frame.arithmetic",
        "metrics.PSNR.clip.identical",
        "metrics.SSIM.frame.downsample",
        "metrics.F-LVD.clip.divide",
        "table.seed",
    } <= reached


@pytest.mark.parametrize(("protocol", "path", "annotation", "value"), FIELDS)
def test_every_field_counts_but_words(protocol, path, annotation, value):
    if path == ("table", "interval"):  # one choice so far
        table = protocol.table.model_copy(update={"interval": "another"})
        flipped = protocol.model_copy(update={"table": table})
    else:
        flipped = changed(protocol, path, other(path, annotation, value))
    assert flipped != protocol
    assert (signature(flipped) == signature(protocol)) == (path[0] in WORDS or path == MARKING)


def test_spelling_out_a_default_or_reordering_metrics_changes_nothing():
    data = PROTOCOLS["talkbench-1"].model_dump()
    spelled = data["metrics"] | {"SSIM": {"frame": {"window": "gaussian-11", "downsample": False}}}
    for metrics in (spelled, dict(reversed(data["metrics"].items()))):
        same = Protocol.model_validate(data | {"metrics": metrics})
        assert signature(same).rpartition("id:")[2] == signature(PROTOCOLS["talkbench-1"]).rpartition("id:")[2]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_metric_more_or_less_counts(name, tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"made up")
    protocol = PROTOCOLS[name]
    data = protocol.model_dump()
    for metric in METRICS:
        metrics = dict(data["metrics"])
        if metrics.pop(metric, None) is None:
            functions = {"frame": METRICS[metric].first, "clip": METRICS[metric].last}
            metrics[metric] = {
                switch: {"weights": str(weights)} for switch, one in functions.items() if "weights" in arguments(one)
            }
        assert signature(Protocol.model_validate(data | {"metrics": metrics})) != signature(protocol), metric


def test_weights_that_are_not_given_are_asked_for_by_name():
    data = PROTOCOLS["talkbench-1"].model_dump()
    protocol = Protocol.model_validate(data | {"metrics": data["metrics"] | {"LPIPS": {}}})
    with pytest.raises(TalkbenchError, match="metric LPIPS: needs a file of weights"):
        signature(protocol)


def test_what_no_protocol_names_counts_too(monkeypatch):
    protocol = PROTOCOLS["talkbench-1"]
    plain, without_ssim = signature(protocol), signature(PROTOCOLS["radnerf-2022"])
    with monkeypatch.context() as patch:
        patch.setitem(METRICS, "SSIM", dataclasses.replace(METRICS["SSIM"], version="next"))
        assert signature(protocol) != plain
        assert signature(PROTOCOLS["radnerf-2022"]) == without_ssim
    for name, value in (
        ("ENGINE", "next"),
        ("UNTAGGED", "another"),
        ("weights_hash", lambda: "another"),
        ("decoder_version", lambda: "another"),
        ("version", lambda package: "another"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(signatures, name, value)
            assert signature(protocol) != plain, name
    assert signature(protocol) == plain


def test_all_protocols_differ_and_read_back_alike():
    found = [signature(protocol) for protocol in PROTOCOLS.values()]
    assert len(set(found)) == len(PROTOCOLS)
    assert [signature(Protocol.model_validate(p.model_dump(mode="json"))) for p in PROTOCOLS.values()] == found


def test_same_in_every_process():
    program = (
        "from talkbench.bench.protocol import PROTOCOLS\n"
        "from talkbench.bench.signature import signature\n"
        "for protocol in PROTOCOLS.values(): print(signature(protocol))\n"
    )
    expected = "".join(f"{signature(protocol)}\n" for protocol in PROTOCOLS.values())
    for seed in ("0", "1"):
        command = [sys.executable, "-c", program]
        found = subprocess.run(
            command, env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, text=True, check=True
        )
        assert found.stdout == expected


@pytest.mark.parametrize(
    ("machine", "said"), [("x86_64", ""), ("AMD64", ""), ("aarch64", ".aarch64"), ("arm64", ".arm64")]
)
def test_machines_whose_frames_differ_say_so(machine, said, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert decoder_version.__wrapped__().partition(".cv")[2] == cv2.__version__ + said
