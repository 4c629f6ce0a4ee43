"""A protocol: every choice that changes a number, in a TOML file with a name and a version."""

from __future__ import annotations

import difflib
import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..metrics import METRICS
from ..metrics.contract import Metric
from .alignment import Alignment
from .errors import TalkbenchError
from .faces import FaceModel, Search

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


class MetricChoice(_Section):
    """One metric of a protocol: its functions' keyword arguments, and over what its mean is taken.

    `over` "clips" is the mean of the clips' values; "frames" weights each clip by its number of scored frames.
    """

    shown: bool = True
    over: Literal["clips", "frames"] = "clips"
    frame: dict[str, str | int | bool] = {}
    clip: dict[str, str | int | bool] = {}


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
    ) -> Protocol:
        """Return this protocol with the choices that a user may change; they are part of the signature."""
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
        return self.model_copy(update={"time": time, "frame": frame, "faces": model})

    @property
    def measured(self) -> tuple[Metric, ...]:
        """All metrics of this protocol, with its arguments."""
        return tuple(_chosen(METRICS[name], choice) for name, choice in self.metrics.items())

    @property
    def compares_sizes(self) -> bool:
        """Tell whether some metric compares the frames' pixels at the size they come in."""
        return self.frame.prepare == "none" and any(
            METRICS[name].needs == "frames" and "size" not in choice.frame for name, choice in self.metrics.items()
        )

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the metrics that a table shows."""
        return tuple(name for name, choice in self.metrics.items() if choice.shown)


def _chosen(metric: Metric, choice: MetricChoice) -> Metric:
    """Return a metric with a protocol's arguments; what is perfect follows from a perfect frame."""
    clip = partial(metric.clip, **choice.clip)
    perfect_frame = metric.perfect if metric.frame_value == metric.name else 0.0
    return replace(
        metric,
        per_frame=partial(metric.per_frame, **choice.frame),
        clip=clip,
        perfect=clip(np.array([perfect_frame])),
    )


def arguments(function: Callable[..., object]) -> dict[str, Any]:
    """Return a metric function's keyword-only arguments with their values: what of it can change a number."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


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
        if name not in METRICS:
            raise TalkbenchError(f"{file}: metrics: unknown metric {name!r}. There are: {', '.join(METRICS)}.")
        for given, function in ((choice.frame, METRICS[name].per_frame), (choice.clip, METRICS[name].clip)):
            for argument in given:
                if argument not in arguments(function):
                    known = ", ".join(arguments(function)) or "none"
                    raise TalkbenchError(f"{file}: metrics.{name}: unknown argument {argument!r}. There are: {known}.")
    Alignment(protocol.time.align)
    return protocol
