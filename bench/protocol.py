"""A protocol: every choice that changes a number, in a TOML file with a name and a version."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..metrics.contract import Metric
from . import registry
from .alignment import Alignment
from .choice import MetricChoice, chosen_metrics
from .errors import TalkbenchError
from .faces import FaceModel, Search
from .registry import arguments

Crop = Literal["none", "gt-box", "aligned"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Time(_Section):
    """The rate at which frames are compared ("native": frame by frame, whatever their times), and the alignment.

    `folder_fps` is the rate that folders of frames are taken to run at, since they cannot say it.
    """

    fps: Annotated[int, Field(gt=0)] | Literal["native"]
    align: str
    folder_fps: Annotated[str, Field(pattern=r"^[0-9]+(/[0-9]+)?$")] = "25"

    @property
    def rate(self) -> Fraction | None:
        """Return the rate as a number, None where frames are compared as they come."""
        return None if self.fps == "native" else Fraction(self.fps)


class Framing(_Section):
    """What is measured on: a square of `size` px, or the frame as it is ("native"); how a frame becomes it.

    `prepare` names what another lab's script does to both videos before anything else: see bench/preparation.py.
    """

    size: Annotated[int, Field(ge=16)] | Literal["native"]
    crop: Crop
    aspect_tolerance: Annotated[float, Field(ge=0)]
    prepare: Literal["none", "eat-crop", "eat-files"] = "none"


class Table(_Section):
    """How clips become a table: confidence level, bootstrap draws and seed, and what coverage is marked."""

    coverage: float
    interval: Literal["bootstrap-t-1"]
    level: float
    resamples: int
    seed: int
    min_speakers: int


class Protocol(_Section):
    """Every choice that changes a number. `with_options` returns a copy with another alignment, crop or search."""

    name: str
    title: str
    summary: str
    source: str
    time: Time
    frame: Framing
    faces: FaceModel
    missing_face: Literal["nan", "previous"] = "nan"
    head_motion: Literal["measure", "no-landmarks"] = "measure"
    metrics: dict[str, MetricChoice]
    table: Table

    def with_options(
        self,
        *,
        align: str | None = None,
        crop: str | None = None,
        faces: str | None = None,
        frame_fps: Fraction | None = None,
        metrics: Sequence[str] = (),
        plugins: Sequence[str] = (),
        weights: Mapping[str, Path] | None = None,
    ) -> Protocol:
        """Return this protocol with the choices that a user may change; they are part of the signature.

        `metrics` are the names of those to show, among them "paper" (the protocol's own) and "full" (and all that need
        no weights, or whose weights are given); none: the protocol's own. `plugins` adds metrics in files
        ("path.py:NAME"); `weights` says where a metric's file of weights is, by the metric's name.
        """
        time, frame = self.time, self.frame
        if align is not None:
            time = time.model_copy(update={"align": Alignment(align).policy})
        if frame_fps is not None:
            time = time.model_copy(update={"folder_fps": str(frame_fps)})
        if crop is not None:
            if crop not in ("none", "gt-box", "aligned"):
                raise TalkbenchError(f"--crop {crop}: expected none, gt-box or aligned.")
            if crop != "none" and frame.size == "native":
                raise TalkbenchError(f"--crop {crop}: {self.name} measures frames as they are. Leave --crop out.")
            frame = frame.model_copy(update={"crop": crop})
        model = self.faces
        if faces is not None:
            if faces not in ("exact", "track"):
                raise TalkbenchError(f"--faces {faces}: expected exact or track.")
            model = replace(model, search=cast(Search, faces))
        chosen = chosen_metrics(self.metrics, metrics, plugins, weights or {})
        return self.model_copy(update={"time": time, "frame": frame, "faces": model, "metrics": chosen})

    @property
    def measured(self) -> tuple[Metric, ...]:
        """All metrics of this protocol, with its arguments."""
        return tuple(_chosen(registry.find(name, choice.origin), choice) for name, choice in self.metrics.items())

    @property
    def compares_sizes(self) -> bool:
        """Tell whether some metric compares the frames' pixels at the size they come in."""
        return self.frame.prepare == "none" and any(
            _compares_pixels(registry.find(name, choice.origin)) and "size" not in choice.frame
            for name, choice in self.metrics.items()
        )

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the metrics that a table shows."""
        return tuple(name for name, choice in self.metrics.items() if choice.shown)


def _compares_pixels(metric: Metric) -> bool:
    return metric.sides == "both" and metric.needs in ("frames", "steps", "faces")


def _chosen(metric: Metric, choice: MetricChoice) -> Metric:
    """Return a metric with a protocol's arguments; what is perfect follows from a perfect frame."""
    bound = replace(
        metric,
        per_frame=None if metric.per_frame is None else partial(metric.per_frame, **choice.frame),
        embed=None if metric.embed is None else partial(metric.embed, **choice.frame),
        clip=None if metric.clip is None else partial(metric.clip, **choice.clip),
        per_clip=None if metric.per_clip is None else partial(metric.per_clip, **choice.clip),
    )
    if bound.clip is None or metric.perfect is None:
        return bound
    perfect_frame = metric.perfect if metric.frame_value == metric.name else 0.0
    return replace(bound, perfect=bound.clip(np.array([perfect_frame])))


@cache
def _files() -> dict[str, Path]:
    return {file.stem: file for file in sorted((Path(__file__).parent / "protocols").glob("*.toml"))}


class _Protocols(Mapping[str, Protocol]):
    """The shipped protocols by name; an unknown name is a TalkbenchError with the nearest one."""

    def __getitem__(self, name: str) -> Protocol:
        if name not in _files():
            near = difflib.get_close_matches(name, _files(), n=1, cutoff=0.4)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise TalkbenchError(f"Unknown protocol {name!r}.{guess} There are: {', '.join(self)}.")
        return read_protocol(_files()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_files())

    def __len__(self) -> int:
        return len(_files())

    def __contains__(self, name: object) -> bool:
        return name in _files()


PROTOCOLS: Mapping[str, Protocol] = _Protocols()


def read_protocol(file: Path) -> Protocol:
    """Read a protocol from a TOML file. Raises TalkbenchError naming the file and the field."""
    try:
        protocol = Protocol.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TalkbenchError(f"{file}: cannot be read as TOML ({error}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise TalkbenchError(
            f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}; found {first['input']!r}."
        ) from error
    for name, choice in protocol.metrics.items():
        try:
            metric = registry.find(name, choice.origin)
        except TalkbenchError as error:
            raise TalkbenchError(f"{file}: metrics: {error}") from error
        for given, function in ((choice.frame, metric.first), (choice.clip, metric.last)):
            for argument in given:
                if argument not in arguments(function):
                    known = ", ".join(arguments(function)) or "none"
                    raise TalkbenchError(f"{file}: metrics.{name}: unknown argument {argument!r}. There are: {known}.")
    Alignment(protocol.time.align)
    return protocol
