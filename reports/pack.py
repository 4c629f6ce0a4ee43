"""A run in one file, to publish beside a paper: its numbers, its signature and its hashes, without the videos.

A pack is a zip of a result folder with `table.json`, the table that it makes, and `pack.json`, every file's SHA-256 and
size. Unzipped it is a result folder that every report reads. Nothing in it is compressed: the bytes are the same
wherever it is written, and it cannot swell when it is read. Paths are cut down to what lies below the folders that
were scored (`real/M003/001.mp4`); the machine's own folders do not leave it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bench.errors import TalkbenchError
from ..bench.results import Results, replacing
from .formats import to_json
from .table import table

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
MANIFEST = "pack.json"
FILES = ("run.json", "clips.parquet", "frames.parquet", "failures.jsonl", "table.json")
"""Everything that the manifest lists, in the order of the zip."""
_PATHS = ("gt_video", "gen_video", "gen_landmarks")
_ABSOLUTE = re.compile(r"(?<![\w/.~-])(?:/[^\s/:\"'<>|]+)+/([^\s/:\"'<>|]+)")


def write_pack(folder: Path, out: Path) -> str:
    """Write the pack of a result folder, atomically, and return its SHA-256. Raises TalkbenchError where it cannot."""
    results = Results.load(folder, frames=False)
    contents = _contents(folder, results)
    frames = folder / "frames.parquet"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as temporary:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as pack:
                files = {}
                for name in FILES:
                    with pack.open(_entry(name), "w", force_zip64=True) as target:
                        source = frames.open("rb") if name == frames.name else io.BytesIO(contents[name])
                        with source:
                            files[name] = copy_hashed(source, target)
                listed = {name: {"sha256": digest, "bytes": size} for name, (digest, size) in files.items()}
                about = {"format": FORMAT, "talkbench": results.run["talkbench"], "signature": results.run["signature"]}
                pack.writestr(_entry(MANIFEST), _json(about | {"files": listed}))
            with temporary.open("rb") as handle:
                return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise TalkbenchError(f"{out}: cannot be written ({error.strerror or error}). Choose another -o.") from error


def copy_hashed(source: Any, target: Any) -> tuple[str, int]:  # noqa: ANN401
    """Copy one open file into another and return the SHA-256 and the number of its bytes."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(1 << 20):
        digest.update(piece)
        target.write(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _entry(name: str) -> zipfile.ZipInfo:
    """A zip entry that knows neither time nor user."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _contents(folder: Path, results: Results) -> dict[str, bytes]:
    """All files but the frames, with their paths cut down."""
    import pyarrow.parquet as pq

    clips = pq.read_table(folder / "clips.parquet")
    names = _Names(results.run["config"], _known_paths(clips, results.failures))
    config = results.run["config"]
    short = {
        "gt": names.shorten(config["gt"]),
        "gen": {method: names.shorten(path) for method, path in config["gen"].items()},
        "manifest": names.shorten(config["manifest"]),
    }
    run = results.run | {"config": config | short, "warnings": [names.clean(text) for text in results.run["warnings"]]}
    failures = [
        failure | {"file": names.shorten(failure["file"]) or "", "reason": names.clean(failure["reason"])}
        for failure in results.failures
    ]
    buffer = io.BytesIO()
    pq.write_table(_shortened(clips, names), buffer)
    lines = (json.dumps(failure, ensure_ascii=False) + "\n" for failure in failures)
    return {
        "run.json": _json(run),
        "clips.parquet": buffer.getvalue(),
        "failures.jsonl": "".join(lines).encode(),
        "table.json": to_json(table(replace(results, run=run, failures=failures))).encode(),
    }


def _known_paths(clips: pa.Table, failures: Sequence[dict[str, str]]) -> list[str]:
    columns = (clips.column(name).to_pylist() for name in _PATHS if name in clips.column_names)
    return [path for column in columns for path in column if path] + [failure["file"] for failure in failures]


def _shortened(clips: pa.Table, names: _Names) -> pa.Table:
    import pyarrow as pa

    for at, name in enumerate(clips.column_names):
        if name in _PATHS:
            short = [names.shorten(path) for path in clips.column(name).to_pylist()]
            clips = clips.set_column(at, name, pa.array(short, pa.string()))
    return clips


class _Names:
    """How a path is told without the folders above what was scored."""

    def __init__(self, config: dict[str, Any], known: Sequence[str]) -> None:
        roots = [config["gt"], config["manifest"] and str(Path(config["manifest"]).parent), *config["gen"].values()]
        self.roots = sorted({Path(root) for root in roots if root}, key=lambda root: (-len(root.parts), root))
        paths = {path for path in (*known, *map(str, self.roots)) if path}
        self.known = sorted(paths, key=lambda path: (-len(path), path))

    def shorten(self, path: str | None) -> str | None:
        """Keep the scored folder's name and what is below it, or the file's name alone where it is in none of them."""
        if not path or not Path(path).is_absolute():
            return path
        for root in self.roots:
            if Path(path).is_relative_to(root):
                return str(Path(root.name) / Path(path).relative_to(root))
        return Path(path).name

    def clean(self, text: str) -> str:
        """Shorten the paths in a message; of one that is not known its last part stays."""
        for path in self.known:
            text = text.replace(path, self.shorten(path) or "")
        return _ABSOLUTE.sub(r"\1", text)
