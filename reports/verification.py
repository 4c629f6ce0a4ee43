"""Is a pack what it says? Every file against its hash, and every number against what it was made from.

Checked: each file's SHA-256; the signature against all settings in it; that every planned pair is measured, failed or
missing; each clip's values against its frames, where they are made from those; the table against the clips. Not
checked, and not to be known without the videos: whether the frames' values are theirs, nor the values of metrics of
whole clips. `clips.parquet` names each video's SHA-256, so that whoever has them can score again.

A pack from anywhere is read with care: its entries are known by name and nothing else is touched, none may be
compressed, and the tables in it are read in pieces after their sizes were looked at.
"""

from __future__ import annotations

import json
import math
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..bench.errors import TalkbenchError
from ..bench.results import Results
from ..bench.signature import spelled
from ..metrics import METRICS
from .formats import to_json
from .intervals import METHOD
from .pack import FILES, FORMAT, MANIFEST, copy_hashed
from .table import table

_PREDICTED = "-pred"
_CLOSE = 1e-9
"""Sums may differ in the last bits between processors and numpy versions; a changed digit differs by more."""
_DAMAGED = (
    LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, ValueError, OSError, pa.ArrowException,
)  # fmt: skip
"""What comes of files that hold something else than a run's."""
_MOST_ROWS = 10_000_000
_MOST_BYTES = 4 << 30
"""Of one table in memory: a file of some kilobytes may claim to hold any number of equal rows."""


class PackError(TalkbenchError):
    """The pack does not agree with itself: it was changed, or badly made."""


def verify(pack: Path) -> Iterator[str]:
    """Check a pack, and yield a line about each thing that was found right.

    Raises PackError at the first thing that is not; TalkbenchError where it is no pack, or this version cannot check
    it.
    """
    with tempfile.TemporaryDirectory(prefix="talkbench-") as folder:
        manifest = _unpack(pack, Path(folder))
        yield f"files: {len(FILES)} have the SHA-256 that {MANIFEST} lists"
        try:
            clips, frames = (pq.ParquetFile(Path(folder) / name) for name in ("clips.parquet", "frames.parquet"))
            _check_sizes(pack, clips, frames)
            results = _results(pack, Path(folder))
            stated = json.loads((Path(folder) / "table.json").read_text(encoding="utf-8"))
            yield _check_signature(pack, results.run, [manifest["signature"], stated["signature"]])
            yield _check_pairs(pack, results)
            yield _check_clips(pack, results, frames)
            yield _check_table(pack, results, stated)
        except (
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
            ValueError,
            OSError,
            pa.ArrowException,
        ) as error:
            raise PackError(f"{pack}: its files are not those of a run ({type(error).__name__}: {error}).") from error


def _results(pack: Path, folder: Path) -> Results:
    try:
        return Results.load(folder, frames=False)
    except TalkbenchError as error:
        raise PackError(f"{pack}: its files do not make a finished run: something in them was changed.") from error


def _unpack(pack: Path, folder: Path) -> dict[str, Any]:
    """Copy the known entries into a folder, each against its hash, and return the manifest."""
    try:
        with zipfile.ZipFile(pack) as archive:
            _check_entries(pack, archive)
            manifest = _manifest(pack, archive.read(MANIFEST))
            for name in FILES:
                with archive.open(name) as source, (folder / name).open("wb") as target:
                    digest, _ = copy_hashed(source, target)
                if digest != manifest["files"][name]["sha256"]:
                    raise PackError(
                        f"{pack}: {name} was changed: its SHA-256 is {digest}, and {MANIFEST} lists "
                        f"{manifest['files'][name]['sha256']}."
                    )
            return manifest
    except zipfile.BadZipFile as error:
        if "CRC" in str(error):
            raise PackError(f"{pack}: was changed or damaged ({error}).") from error
        raise TalkbenchError(
            f"{pack}: is no complete zip file ({error}). Expected what `talkbench export` wrote; download it again."
        ) from error
    except IsADirectoryError as error:
        raise TalkbenchError(f"{pack}: is a folder. Pack it first: talkbench export {pack} -o pack.zip.") from error
    except (OSError, EOFError, NotImplementedError) as error:
        raise TalkbenchError(f"{pack}: cannot be read ({error}). Expected what `talkbench export` wrote.") from error


def _check_entries(pack: Path, archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if sorted(entry.filename for entry in entries) != sorted((*FILES, MANIFEST)):
        raise TalkbenchError(
            f"{pack}: is no pack: expected {', '.join((*FILES, MANIFEST))}, got "
            f"{', '.join(repr(entry.filename) for entry in entries[:8]) or 'nothing'}."
        )
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.file_size != entry.compress_size:
            raise TalkbenchError(f"{pack}: {entry.filename} is compressed, as no entry of a pack is. Export again.")
    if next(entry for entry in entries if entry.filename == MANIFEST).file_size > 1 << 20:
        raise TalkbenchError(f"{pack}: {MANIFEST} is too large. Export it again.")


def _manifest(pack: Path, text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        if manifest["format"] == FORMAT and all(manifest["files"][name]["sha256"] for name in FILES):
            return dict(manifest)
    except (ValueError, KeyError, TypeError):
        pass
    raise TalkbenchError(f"{pack}: {MANIFEST} is not of pack format {FORMAT}. Export it again.")


def _check_sizes(pack: Path, *tables: pq.ParquetFile) -> None:
    for file in tables:
        groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
        for rows, size in ((group.num_rows, group.total_byte_size) for group in groups):
            if rows > _MOST_ROWS or size > _MOST_BYTES:
                raise TalkbenchError(f"{pack}: a table in it is too large to read ({rows:,} rows, {size:,} bytes).")


def _check_signature(pack: Path, run: dict[str, Any], others: list[str]) -> str:
    """The signature holds a digest of all settings, and the settings are those that the run and its tables used."""
    made_of = run["config"]["ingredients"]
    shown = [one["name"] for one in run["metrics"] if one["shown"] and one["name"] in made_of["metrics"]]
    expected = spelled(made_of, shown)
    for stated in (run["signature"], run["config"]["signature"], *others):
        if stated != expected:
            raise PackError(f"{pack}: the signature is not that of its settings: expected {expected}, got {stated}.")
    if run["ci"] != made_of["protocol"]["table"]:
        raise PackError(f"{pack}: the intervals were made with other settings than the signature says.")
    for one in run["metrics"]:
        name = one["name"].removesuffix(_PREDICTED)
        if one["version"] != made_of["metrics"][name]["version"] or one["over"] != made_of["metrics"][name]["over"]:
            raise PackError(f"{pack}: {one['name']} is not the metric that the signature says.")
        if name not in METRICS or one["version"] != METRICS[name].version or run["ci"]["interval"] != METHOD:
            raise TalkbenchError(
                f"{pack}: was made with {one['name']} version {one['version']} by talkbench {run['talkbench']}, which "
                "this version computes otherwise. Verify it with that version."
            )
    return f"signature: that of all settings in run.json: {expected}"


def _check_pairs(pack: Path, results: Results) -> str:
    run, total = results.run, 0
    for method in run["methods"]:
        measured = 0 if results.clips.empty else int((results.clips["method"] == method).sum())
        failed = sum(failure["method"] == method for failure in results.failures)
        missing = len(run["missing"].get(method, ()))
        if measured + failed + missing != run["planned"][method]:
            raise PackError(
                f"{pack}: {method} has {measured} measured, {failed} failed and {missing} missing clips, and "
                f"{run['planned'][method]} planned."
            )
        total += run["planned"][method]
    if len(results.clips) + len(results.failures) + sum(map(len, run["missing"].values())) != total:
        raise PackError(f"{pack}: holds clips of a method that the run does not have.")
    if len(results.clips) and results.clips.duplicated(["clip", "method"]).any():
        raise PackError(f"{pack}: holds a clip of a method twice.")
    return (
        f"pairs: {total} planned are {len(results.clips)} measured and {total - len(results.clips)} failed or missing"
    )


def _check_clips(pack: Path, results: Results, frames: pq.ParquetFile) -> str:
    """Every clip's values and numbers of frames again from its frames, one clip in memory at a time."""
    scored = _scored(results.run)
    rows = results.clips.to_dict("records")
    group = 0
    for row in rows:
        measured, group = _frames_of(frames, row["compared"], group, scored)
        clips, methods = (set(measured[name].to_pylist()) for name in ("clip", "method"))
        if (clips, methods) != ({row["clip"]}, {row["method"]}) or len(measured) != row["compared"]:
            raise PackError(f"{pack}: the frames of {row['method']}, clip {row['clip']} are not those of that clip.")
        for name, stored, of_clip in scored:
            values = measured[stored].to_numpy().astype(np.float64)
            present = values[~np.isnan(values)]
            value = of_clip(present) if present.size else math.nan
            if not _same(value, row[name]) or present.size != row[f"{name}:frames"]:
                raise PackError(
                    f"{pack}: {name} of {row['method']}, clip {row['clip']}: expected {value:.9g} on {present.size} "
                    f"frames, from frames.parquet; clips.parquet says {row[name]:.9g} on {row[f'{name}:frames']}."
                )
    count = frames.metadata.num_rows if rows else 0
    return f"clips: {len(rows) * len(scored)} values of {len(rows)} clips again from {count:,} frames, all equal"


def _frames_of(
    frames: pq.ParquetFile, count: int, group: int, scored: Sequence[tuple[str, str, Callable[[Any], float]]]
) -> tuple[pa.Table, int]:
    """The next `count` frames from row group `group` on, and the group after them: a pair begins one of its own."""
    groups, rows = [], 0
    while rows < count:
        groups.append(group)
        rows += frames.metadata.row_group(group).num_rows
        group += 1
    return frames.read_row_groups(groups, columns=["clip", "method", *(stored for _, stored, _ in scored)]), group


def _scored(run: dict[str, Any]) -> list[tuple[str, str, Callable[[Any], float]]]:
    """(Name, what is stored per frame, clip function) of every metric, and of those on a method's own landmarks."""
    scored: list[tuple[str, str, Callable[[Any], float]]] = []
    for name, chosen in run["config"]["ingredients"]["metrics"].items():
        metric = METRICS[name]
        if metric.clip is None:
            continue
        suffixes = ("", _PREDICTED) if metric.needs == "landmarks" else ("",)
        for suffix in suffixes:
            scored.append((name + suffix, metric.frame_value + suffix, partial(metric.clip, **chosen["clip"])))
    return scored


def _check_table(pack: Path, results: Results, stated: dict[str, Any]) -> str:
    made = json.loads(to_json(table(results)))
    if [row["method"] for row in made["rows"]] != [row["method"] for row in stated["rows"]]:
        raise PackError(f"{pack}: table.json has other methods than the run.")
    count = 0
    for row, other in zip(made["rows"], stated["rows"], strict=True):
        for name in (row.keys() | other.keys()) - {"method"}:
            for field in ("value", "ci_low", "ci_high", "coverage", "n_clips"):
                count += 1
                if not _same(row[name][field], other[name][field]):
                    raise PackError(
                        f"{pack}: {field} of {row['method']}, {name}: expected {row[name][field]}, from clips.parquet; "
                        f"table.json says {other[name][field]}."
                    )
    return f"table: {count} numbers again from the clips, all equal"


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=_CLOSE, abs_tol=1e-12)
    return one == other
