"""Published numbers: what papers print, as data, each with where it was found and how.

One TOML file per paper, or per second-hand source, in `published/`. A value is the text that the source prints, so that
its decimals survive and "N/A" stays what it is. All of them are *reported*: talkbench measured none, and for most of
them nobody but the authors knows the protocol.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from ..bench import toml
from ..bench.errors import TalkbenchError

_CITATION = re.compile(r"\s*\[\d+(?:\s*[,–-]\s*\d+)*\]\s*$")

Text = Annotated[str, Field(min_length=1)]
Printed = Annotated[str, Field(pattern=r"^(-?\d+(\.\d+)?|N/A|-)$")]
"""A number as printed, or one of the two ways to print that there is none."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Data):
    """A metric as a paper reports it; no unit where none is known."""

    name: Text
    better: Literal["lower", "higher"]
    decimals: Annotated[int, Field(ge=0)]
    unit: str = ""


class Row(_Data):
    """A method, named as the paper names it, and its values in the order of the columns."""

    method: Text
    values: tuple[Printed, ...]


class PaperTable(_Data):
    """A table of a paper, or the part of it that is known; `paper` is the id of the paper that it is part of."""

    paper: Text
    name: Text
    caption: str = ""
    dataset: Text
    protocol: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    obtained: Literal["read", "second-hand"]
    via: Text | None = Field(default=None, validate_default=True)
    note: str = ""
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    @field_validator("via")
    @classmethod
    def _second_hand_has_via(cls, via: str | None, info: ValidationInfo) -> str | None:
        if (info.data.get("obtained") == "second-hand") != (via is not None):
            raise ValueError("a second-hand table says via what it was obtained, and no other does")
        return via

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        _check_all_differ(column.name for column in columns)
        return columns

    @field_validator("rows")
    @classmethod
    def _rows_fit(cls, rows: tuple[Row, ...], info: ValidationInfo) -> tuple[Row, ...]:
        columns: tuple[Column, ...] = info.data.get("columns", ())
        for row in rows if columns else ():
            if len(row.values) != len(columns):
                raise ValueError(f"{row.method}: expected {len(columns)} values, one per column, got {len(row.values)}")
            for printed, column in zip(row.values, columns, strict=True):
                if number(printed) is not None and len(printed.partition(".")[2]) != column.decimals:
                    raise ValueError(f"{row.method}, {column.name}: expected {column.decimals} decimals, got {printed}")
        _check_all_differ(method_key(row.method) for row in rows)
        return rows


class Paper(_Data):
    """A paper and its tables; what is not known of it is left out."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title: Text
    authors: tuple[Text, ...] = ()
    venue: str = ""
    tables: Annotated[tuple[PaperTable, ...], Field(alias="table", min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _tables_know_their_paper(cls, data: dict[str, object]) -> dict[str, object]:
        tables = data.get("table")
        if not isinstance(tables, list):
            return data
        named = [{**table, "paper": data.get("id")} if isinstance(table, dict) else table for table in tables]
        return {**data, "table": named}

    @field_validator("tables")
    @classmethod
    def _tables_differ(cls, tables: tuple[PaperTable, ...]) -> tuple[PaperTable, ...]:
        _check_all_differ(table.name for table in tables)
        return tables

    def table(self, name: str) -> PaperTable:
        """Return the table of this name. Raises TalkbenchError with the nearest one where there is none."""
        found = {table.name: table for table in self.tables}
        if name not in found:
            raise _unknown(f"table of {self.id}", name, found)
        return found[name]


def number(printed: str) -> float | None:
    """Return a printed value as a number; None where the source prints that there is none.

    >>> number("0.69"), number("N/A"), number("-")
    (0.69, None, None)
    """
    return None if printed in ("N/A", "-") else float(printed)


def method_key(name: str) -> str:
    """Return what two spellings of a method's name share: case and a trailing citation do not count.

    >>> method_key("EVP [13]") == method_key(" evp")
    True
    """
    return " ".join(_CITATION.sub("", name).split()).casefold()


@cache
def _files() -> dict[str, Path]:
    return {file.stem: file for file in sorted((Path(__file__).parent / "published").glob("*.toml"))}


class _Papers(Mapping[str, Paper]):
    """The shipped papers by id, read when asked for; an unknown id is a TalkbenchError with the nearest one."""

    def __getitem__(self, name: str) -> Paper:
        if name not in _files():
            raise _unknown("paper", name, self)
        return read_paper(_files()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_files())

    def __len__(self) -> int:
        return len(_files())

    def __contains__(self, name: object) -> bool:
        return name in _files()


PAPERS: Mapping[str, Paper] = _Papers()


def read_paper(file: Path) -> Paper:
    """Read a paper from a TOML file. Raises TalkbenchError naming the file and the field."""
    try:
        return Paper.model_validate(toml.read(file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        found = "" if isinstance(first["input"], list | dict) else f"; found {first['input']!r}"
        raise TalkbenchError(f"{file}: {place}: {first['msg']}{found}.") from error


def _check_all_differ(names: Iterable[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is there twice")


def _unknown(kind: str, name: str, known: Iterable[str]) -> TalkbenchError:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    guess = f" Did you mean {near[0]}?" if near else ""
    return TalkbenchError(f"Unknown {kind} {name!r}.{guess} There are: {', '.join(names)}.")
