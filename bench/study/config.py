"""A study's configuration: one TOML file that fixes, before the first rating, what could change the results."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .. import toml
from ..errors import TalkbenchError
from ..pairing import GROUND_TRUTH

FILE = "study.toml"

Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Off = Literal[False]
Id = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,30}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scale(_Section):
    """One question, answered with a whole number from `low` (worst) to `high` (best)."""

    id: Id
    name: Text
    question: Text
    lowest: Text
    highest: Text
    low: int = 1
    high: int = 10

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if not 2 <= self.high - self.low + 1 <= 11:
            raise ValueError(f"expected 2 to 11 points, got {self.low} to {self.high}")
        return self


class Clips(_Section):
    """Which clips are shown, and how files are paired."""

    reference: Text
    hidden_reference: bool = True
    key: Literal["path", "stem"] = "path"
    only: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1)]
    per_rater: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.per_rater > self.count:
            raise ValueError(f"per_rater ({self.per_rater}) is more than count ({self.count})")
        return self


class Stimuli(_Section):
    """The recipe that every video goes through. `size` is the longer side in px."""

    size: Annotated[int, Field(ge=64, le=2160)] | Literal["native"] = "native"
    fps: Annotated[int, Field(ge=5, le=120)] | Literal["native"] = "native"
    folder_fps: Annotated[str, Field(pattern=r"^[1-9][0-9]*(/[1-9][0-9]*)?$")] = "25"
    sound: Literal["own", "reference"] = "own"

    @property
    def folder_rate(self) -> Fraction:
        """Return the rate of folders of frames."""
        return Fraction(self.folder_fps)


class Design(_Section):
    """How many raters, and what each of them sees in which order."""

    raters: Annotated[int, Field(ge=1, le=10_000)] = 30
    order: Literal["balanced", "random"] = "balanced"
    training: Annotated[int, Field(ge=0, le=20)] = 2
    attention: Annotated[int, Field(ge=0, le=20)] = 2
    repeats: Annotated[int, Field(ge=0, le=50)] = 3
    repeat_gap: Annotated[int, Field(ge=1)] = 10
    release_hours: Annotated[float, Field(gt=0)] = 3.0


class Device(_Section):
    """What a rater's browser must show before the first video."""

    min_width: Annotated[int, Field(ge=0)] = 320
    attempts: Annotated[int, Field(ge=1, le=20)] = 3


class Screens(_Section):
    """Thresholds of `reports.screens`, False to leave one out; results are reported with and without who fails."""

    attention_failures: Annotated[int, Field(ge=0)] | Off = 1
    technical_failures: Share | Off = 0.2
    leave_one_out_r: Annotated[float, Field(ge=-1, le=1)] | Off = 0.2
    straight_line_sd: Annotated[float, Field(ge=0)] | Off = 0.5
    same_on_all_scales: Share | Off = 0.9
    repeat_difference: Annotated[float, Field(ge=0)] | Off = 3.0
    pace: Annotated[float, Field(ge=0)] | Off = 1.0
    bt500: bool = True


class Recruiting(_Section):
    """What the link and the last page exchange with a recruiting platform."""

    rater: str = "PROLIFIC_PID"
    keep: tuple[str, ...] = ("STUDY_ID", "SESSION_ID")
    return_url: str = ""
    completed: str = ""
    declined: str = ""
    screened_out: str = ""

    @field_validator("return_url")
    @classmethod
    def _is_https(cls, value: str) -> str:
        if value and not (value.startswith("https://") and "{code}" in value):
            raise ValueError("expected an https:// address with {code} in it")
        return value


class Config(_Section):
    """A whole study. `methods` maps names to folders; paths are relative to the file."""

    title: Text
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")] = "en"
    contact: Text
    seed: Annotated[int, Field(ge=0)]
    consent: Text
    instructions: Text
    attention_text: Annotated[str, Field(max_length=80)] = "For this video, choose {score} on every scale."
    scales: Annotated[tuple[Scale, ...], Field(min_length=1)]
    methods: Annotated[dict[str, str], Field(min_length=1)]
    clips: Clips
    stimuli: Stimuli = Stimuli()
    design: Design = Design()
    device: Device = Device()
    screens: Screens = Screens()
    recruiting: Recruiting = Recruiting()

    @field_validator("attention_text")
    @classmethod
    def _can_be_drawn(cls, value: str) -> str:
        if "{score}" not in value:
            raise ValueError("expected {score} in it")
        if not value.isprintable() or not value.encode("latin-1", "replace").decode("latin-1") == value:
            raise ValueError("the font that draws it has Western European letters only")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        ids = [scale.id for scale in self.scales]
        if len(set(ids)) != len(ids):
            raise ValueError(f"two scales share an id: {', '.join(ids)}")
        if len(self.conditions) < 2:
            raise ValueError("expected at least two methods, or one and the hidden reference")
        if self.design.attention and not self.shared_scores:
            raise ValueError("the scales have no number in common, which attention checks need")
        trials = len(self.conditions) * self.clips.per_rater
        if self.design.repeats and trials < self.design.repeat_gap + self.design.repeats + 1:
            raise ValueError(
                f"{self.design.repeats} repeats {self.design.repeat_gap} videos apart do not fit into {trials} videos: "
                "lower design.repeats or design.repeat_gap"
            )
        return self

    @property
    def shared_scores(self) -> range:
        """Return the numbers that every scale has."""
        return range(max(scale.low for scale in self.scales), min(scale.high for scale in self.scales) + 1)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return the methods that raters see, the hidden reference first."""
        return (*((GROUND_TRUTH,) if self.clips.hidden_reference else ()), *self.methods)


def template() -> str:
    """Return a commented configuration to start from."""
    return files(__package__).joinpath(FILE).read_text(encoding="utf-8")


def parse(text: str, source: Path | str) -> Config:
    """Read a configuration. Raises TalkbenchError that names the field, what is wrong with it, and `source`."""
    try:
        return Config.model_validate(toml.parse(text, source))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the study"
        reason = first["msg"].removeprefix("Value error, ")
        raise TalkbenchError(f"{source}: {where}: {reason[0].lower()}{reason[1:]}. Correct it.") from error


def read(file: Path) -> tuple[Config, str]:
    """Return a study's configuration and its text. Raises TalkbenchError where it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TalkbenchError(
            f"{file}: cannot be read ({error}). `talkbench study init` writes one to start from."
        ) from error
    return parse(text, file), text


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
