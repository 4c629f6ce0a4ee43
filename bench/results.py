"""A result folder: run.json (provenance), frames.parquet, clips.parquet and failures.jsonl.

Where a metric of a whole set was measured (FID), `embeddings/` holds what it was made from, a file per pair.

While a run goes on, each measured pair is one file in `parts/`, written under a temporary name and renamed, so that a
killed run loses only what it was measuring. At the end the parts become the two tables, in the order of the plan
whatever the order of measuring, and the folder is the same, byte for byte, as if nothing had interrupted it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import TalkbenchError

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
_ROW = b"talkbench.clip"
_PART = 1000
"""Frames per row group of a part: what is held in memory of a long clip."""
_GROUP = 4_096
"""Frames per row group of frames.parquet: few enough groups for hundreds of thousands of clips, 20 MB to read one."""
_REPEATED = ["clip", "method", "gt_face", "gen_face"]
"""Columns whose values repeat: a dictionary makes those small, and only costs memory for numbers."""
_BROKEN = (OSError, ValueError, LookupError, TypeError, RecursionError, pa.ArrowException)
"""What comes of files that are not those of a run."""


@dataclass(frozen=True)
class Results:
    """What a run measured.

    `run` is run.json. `clips` has a row per measured (clip, method); `frames` a row per compared pair of frames with
    the value of every metric, why a face is missing, and both sides' landmarks; `failures` a dict per pair that could
    not be measured (clip, method, file, reason).
    """

    run: dict[str, Any]
    clips: pd.DataFrame
    frames: pd.DataFrame
    failures: list[dict[str, str]]

    @classmethod
    def load(cls, folder: Path, *, frames: bool = True) -> Results:
        """Read a result folder; without `frames` only what tables need. Raises TalkbenchError where it is not one."""
        import pandas as pd  # half a second, which no worker needs to spend

        run = read_run(folder)
        if not run.get("finished"):
            raise TalkbenchError(f"{folder}: the run is not finished. Run the same `talkbench score` command again.")
        try:
            clips = pd.read_parquet(folder / "clips.parquet")
            expected = int(clips["compared"].sum()) if len(clips) else 0
            if pq.read_metadata(folder / "frames.parquet").num_rows != expected:
                raise pa.ArrowInvalid
            return cls(
                run,
                clips,
                pd.read_parquet(folder / "frames.parquet") if frames else pd.DataFrame(),
                [json.loads(line) for line in (folder / "failures.jsonl").read_text(encoding="utf-8").splitlines()],
            )
        except _BROKEN as error:
            raise TalkbenchError(
                f"{folder}: the result folder is damaged: clips.parquet, frames.parquet or failures.jsonl is missing, "
                "cut short or does not fit the others. Run the same `talkbench score` command again."
            ) from error


def read_run(folder: Path) -> dict[str, Any]:
    """Read run.json. Raises TalkbenchError where the folder is not a result folder of this format."""
    file = folder / "run.json"
    try:
        run = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TalkbenchError(
            f"{folder}: is not a result folder (no run.json). Expected what -o of score wrote."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise TalkbenchError(f"{file}: cannot be read ({error}). Score into a new folder.") from error
    if not isinstance(run, dict) or run.get("format") != FORMAT or not isinstance(run.get("config"), dict):
        raise TalkbenchError(f"{file}: is not of result format {FORMAT}. Score into a new folder.")
    return run


def write_json(file: Path, data: object) -> None:
    """Write JSON atomically."""
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a temporary path beside `file`; when the block ends well it takes the place of `file`, all at once."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(6)}.tmp")  # other machines have the same process ids
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


Vectors = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Embeddings = dict[str, Vectors]
"""What a metric of a set is made from, by its name: both sides' vectors (n, D) of one clip."""


@dataclass(frozen=True)
class Part:
    """One measured pair: its row of clips.parquet, its rows of frames.parquet, and the vectors of metrics of sets."""

    row: dict[str, Any]
    frames: pa.Table
    embeddings: Embeddings = field(default_factory=dict)


class Store:
    """The result folder while a run writes it: where parts lie, and how they become the tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / "parts"
        self.embeddings = folder / "embeddings"

    def part_file(self, method: str, clip_id: str) -> Path:
        """Return where a pair's part lies; the name is a hash, so that no clip id can escape the folder."""
        return self.parts / (hashlib.sha256(f"{method}\0{clip_id}".encode()).hexdigest()[:32] + ".parquet")

    def write_part(self, part: Part) -> None:
        """Write one measured pair, atomically."""
        if part.embeddings:
            self.embeddings.mkdir(exist_ok=True)
            sides = {f"{name}:{side}": part.embeddings[name][side] for name in part.embeddings for side in (0, 1)}
            file = self._embedding_file(part.row["method"], part.row["clip"])
            with replacing(file) as temporary, temporary.open("wb") as handle:
                np.savez(handle, allow_pickle=False, **sides)
        table = part.frames.replace_schema_metadata({_ROW: json.dumps(part.row).encode()})
        with replacing(self.part_file(part.row["method"], part.row["clip"])) as temporary:
            pq.write_table(table, temporary, row_group_size=_PART, use_dictionary=_REPEATED)

    def read_embeddings(self, method: str, clip_id: str, metric: str) -> Vectors | None:
        """Return both sides' vectors of a measured pair for a metric of a set, None where they are not kept."""
        try:
            with np.load(self._embedding_file(method, clip_id), allow_pickle=False) as kept:
                return kept[f"{metric}:0"], kept[f"{metric}:1"]
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return None

    def _embedding_file(self, method: str, clip_id: str) -> Path:
        return self.embeddings / f"{self.part_file(method, clip_id).stem}.npz"

    def read_row(self, method: str, clip_id: str) -> dict[str, Any] | None:
        """Return the clip row of a measured pair, or None where it has not been measured (or its part is damaged)."""
        try:
            metadata = pq.read_schema(self.part_file(method, clip_id)).metadata
            row = json.loads(metadata[_ROW])
        except _BROKEN:
            return None
        return row if (row.get("method"), row.get("clip")) == (method, clip_id) else None

    def finished_rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the rows of clips.parquet by (method, clip id); none where not both tables are there and whole."""
        try:
            rows = pq.read_table(self.folder / "clips.parquet").to_pylist()
            frames = pq.read_metadata(self.folder / "frames.parquet").num_rows
        except _BROKEN:
            return {}
        if frames != sum(row["compared"] for row in rows):
            return {}
        return {(row["method"], row["clip"]): row for row in rows}

    def rows(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the clip rows of those (method, clip id) that are measured, as parts or in the tables."""
        finished = self.finished_rows()
        # Listed, not looked up one by one: a file server may remember for a while that a file was not there.
        parts = {file.name for file in self.parts.iterdir()} if self.parts.is_dir() else set()
        found = {}
        for name in wanted:
            row = self.read_row(*name) if self.part_file(*name).name in parts else None
            row = row or finished.get(name)
            if row is not None:
                found[name] = row
        return found

    def unpack(self) -> None:
        """Make the parts folder; turn the tables of a finished run that goes on back into parts."""
        self.parts.mkdir(exist_ok=True)
        rows = self.finished_rows()
        if rows:
            with pq.ParquetFile(self.folder / "frames.parquet") as file:
                counts = (row["compared"] for row in rows.values())
                for (name, row), frames in zip(rows.items(), by_clip(file, counts), strict=True):
                    if self.read_row(*name) is None:
                        self.write_part(Part(row, frames))

    def is_whole(self) -> bool:
        """Whether a finished run's list of failures is there; of the tables, `finished_rows` tells."""
        return (self.folder / "failures.jsonl").is_file()

    def drop_parts(self) -> None:
        """Remove the parts, which are in the tables now."""
        if self.parts.exists():
            shutil.rmtree(self.parts)

    def forget(self, method: str, clip_id: str) -> None:
        """Drop a part that no longer holds."""
        self.part_file(method, clip_id).unlink(missing_ok=True)
        self._embedding_file(method, clip_id).unlink(missing_ok=True)

    def finish(
        self, order: Iterable[tuple[str, str]], columns: pa.Schema, failures: list[dict[str, str]], run: dict[str, Any]
    ) -> None:
        """Turn the parts into the tables, in the given order of (method, clip id), and mark the run finished."""
        failed = {(failure["method"], failure["clip"]) for failure in failures}
        rows: list[dict[str, Any]] = []
        with replacing(self.folder / "frames.parquet") as temporary:
            _write_grouped(temporary, self._frames(order, failed, rows))
        with replacing(self.folder / "clips.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=columns), temporary)
        with replacing(self.folder / "failures.jsonl") as temporary:
            lines = (json.dumps(failure, ensure_ascii=False) + "\n" for failure in failures)
            temporary.write_text("".join(lines), encoding="utf-8")
        write_json(self.folder / "run.json", run | {"finished": True})
        self.drop_parts()

    def _frames(
        self, order: Iterable[tuple[str, str]], failed: set[tuple[str, str]], rows: list[dict[str, Any]]
    ) -> Iterator[pa.Table]:
        """Yield the frames of the measured pairs, piece by piece, and add each pair's clip row to `rows`."""
        for name in order:
            if name in failed:
                continue
            row = self.read_row(*name)
            if row is None:
                raise TalkbenchError(
                    f"{self.part_file(*name)}: was written and cannot be read. All workers must write into one shared "
                    "folder, whose disk must not lose files. Run the same command again."
                )
            with pq.ParquetFile(self.part_file(*name)) as part:
                for group in range(part.num_row_groups):
                    yield part.read_row_group(group).replace_schema_metadata(None)
            rows.append(row)


def by_clip(file: pq.ParquetFile, counts: Iterable[int], columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the next rows of a file, so many at a time as `counts` says (fewer at its end), a row group in memory."""
    left = file.schema_arrow.empty_table() if columns is None else file.schema_arrow.empty_table().select(columns)
    group = 0
    for count in counts:
        while left.num_rows < count and group < file.num_row_groups:
            left = pa.concat_tables([left, file.read_row_group(group, columns=columns)])
            group += 1
        yield left.slice(0, count)
        left = left.slice(count)


def _write_grouped(file: Path, pieces: Iterator[pa.Table]) -> None:
    """Write tables as one, in row groups of `_GROUP` rows whatever the pieces."""
    first = next(pieces, None)
    if first is None:
        pq.write_table(pa.table({}), file)
        return
    held, count = [first], first.num_rows
    with pq.ParquetWriter(file, first.schema, use_dictionary=_REPEATED) as writer:

        def flush(rows: int) -> None:
            nonlocal held, count
            whole = pa.concat_tables(held)
            writer.write_table(whole.slice(0, rows).combine_chunks(), row_group_size=_GROUP)
            held, count = [whole.slice(rows)], count - rows

        for piece in pieces:
            held.append(piece)
            count += piece.num_rows
            while count >= _GROUP:
                flush(_GROUP)
        if count:
            flush(count)
