"""The short string printed with every number: equal signatures are comparable numbers, and nothing else is.

It is made from the whole protocol, so a field cannot be forgotten: the fields that people ask about are spelled out,
and the digest at the end covers every field, metric version and library version that can change a number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..metrics.contract import Metric
from .faces import weights_hash
from .protocol import Protocol
from .registry import arguments, installed, provenance, weights_file
from .video import decoder_version
from .video_file import UNTAGGED

ENGINE = "1"
"""Version of everything between the files and the metrics that no protocol field names; bumped when a number moves."""


def ingredients(protocol: Protocol, *, device: str = "cpu") -> dict[str, Any]:
    """Return everything that can change a number of this protocol, as plain data.

    A GPU adds up in another order, so the last bits are its own: a `device` other than the processor is named.
    """
    described = protocol.model_dump(
        mode="json", exclude={"title": True, "summary": True, "source": True, "metrics": True, "table": {"coverage"}}
    )
    described["faces"] = {name: described["faces"][name] for name in protocol.faces.ingredients()}
    metrics = {
        metric.name: {
            "version": metric.version,
            "over": protocol.metrics[metric.name].over,
            "frame": _by_content(metric, arguments(metric.first)),
            "clip": _by_content(metric, arguments(metric.last)),
            **provenance(metric.name, protocol.metrics[metric.name].origin),
            **{name: installed(metric, name) for name in metric.libraries},
        }
        for metric in protocol.measured
    }
    warps = protocol.frame.crop == "aligned" or protocol.frame.prepare != "none"
    everything = {
        "engine": ENGINE,
        "protocol": described,
        "metrics": metrics,
        "weights": weights_hash(),
        "colour": UNTAGGED,
        "decoder": decoder_version(),
        "dlib": version("dlib-bin"),
        "scikit-image": version("scikit-image") if warps else None,
    }
    return everything if device == "cpu" else everything | {"device": device, "torch": version("torch")}


def _by_content(metric: Metric, given: dict[str, Any]) -> dict[str, Any]:
    """Name a file of weights by its content, and its description beside it: where it lies changes no number.

    Raises TalkbenchError where the file is not given.
    """
    if "weights" not in given:
        return given
    stated = given["weights"]
    weights_file(metric, Path(stated) if isinstance(stated, str) else None)
    files = [path for path in (Path(given["weights"]), Path(f"{given['weights']}.json")) if path.is_file()]
    return given | {"weights": " ".join(_content(path) for path in files)}


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def signature(protocol: Protocol, *, device: str = "cpu") -> str:
    """Return the signature of numbers measured under this protocol with the libraries installed here."""
    return spelled(ingredients(protocol, device=device), protocol.shown)


def spelled(all_of_it: dict[str, Any], shown: Sequence[str]) -> str:
    """Return the signature of these ingredients, with the names of the metrics that a table shows."""
    protocol = all_of_it["protocol"]
    table = protocol["table"]
    digest = hashlib.sha256(json.dumps(all_of_it, sort_keys=True).encode()).hexdigest()[:10]
    search = protocol["faces"].get("search")  # left out where it is exact
    parts = {
        "fps": protocol["time"]["fps"],
        "align": protocol["time"]["align"],
        "size": protocol["frame"]["size"],
        "crop": protocol["frame"]["crop"],
        "faces": f"dlib{all_of_it['dlib']}@{all_of_it['weights']}{f',{search}' if search else ''}",
        "metrics": ",".join(f"{name}.v{all_of_it['metrics'][name]['version']}" for name in shown),
        "ci": f"{table['interval']}.x{table['resamples']}.s{table['seed']}",
        "colour": all_of_it["colour"],
        "dec": all_of_it["decoder"],
        **({"device": all_of_it["device"]} if "device" in all_of_it else {}),
        "id": digest,
    }
    return "|".join([protocol["name"], *(f"{key}:{value}" for key, value in parts.items())])
