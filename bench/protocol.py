"""A protocol: every choice that changes a number, in a TOML file with a name and a version."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..metrics import METRICS
from ..metrics.contract import Metric
from .alignment import Alignment
from .errors import TalkbenchError
from .faces import FaceModel

Crop = Literal["none", "gt-box", "aligned"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Time(_Section):
    """The rate at which frames are compared, and what makes two lengths agree."""

    fps: Annotated[int, Field(gt=0)]
    align: str


class Framing(_Section):
    """The square that everything is measured on, and how a frame becomes it."""

    size: Annotated[int, Field(ge=16)]
    crop: Crop
    aspect_tolerance: Annotated[float, Field(ge=0)]


class Measured(_Section):
    """The metrics that a table shows, and those that are recorded beside them."""

    shown: tuple[str, ...]
    recorded: tuple[str, ...]


class Table(_Section):
    """How clips become a table: confidence level, bootstrap draws and seed, and what coverage is marked."""

    coverage: float
    interval: Literal["bootstrap-t-1"]
    level: float
    resamples: int
    seed: int
    min_speakers: int


class Protocol(_Section):
    """Every choice that changes a number. `with_options` returns a copy with another alignment or crop."""

    name: str
    title: str
    summary: str
    source: str
    time: Time
    frame: Framing
    faces: FaceModel
    metrics: Measured
    table: Table

    def with_options(self, *, align: str | None = None, crop: str | None = None) -> Protocol:
        """Return this protocol with the choices that a user may change; they are part of the signature."""
        time, frame = self.time, self.frame
        if align is not None:
            time = time.model_copy(update={"align": Alignment(align).policy})
        if crop is not None:
            if crop not in ("none", "gt-box", "aligned"):
                raise TalkbenchError(f"--crop {crop}: expected none, gt-box or aligned.")
            frame = frame.model_copy(update={"crop": crop})
        return self.model_copy(update={"time": time, "frame": frame})

    @property
    def measured(self) -> tuple[Metric, ...]:
        """All metrics of this protocol: those shown, then those recorded."""
        return tuple(METRICS[name] for name in self.metrics.shown + self.metrics.recorded)


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
    unknown = [name for name in protocol.metrics.shown + protocol.metrics.recorded if name not in METRICS]
    if unknown:
        raise TalkbenchError(f"{file}: metrics: unknown metric {unknown[0]!r}. There are: {', '.join(METRICS)}.")
    Alignment(protocol.time.align)
    return protocol
