"""Videos at a URL: listed, fetched to the machine that measures them, and kept there by content, within a bound.

A fetched file is `remote/<aa>/<SHA-256>` in the cache folder; `remote/urls` notes which content a URL had at which
version (ETag, or time of change). While a file is in use it has a second name in a folder of its own, so that making
room never takes it away from whoever reads it. Credentials are the store's own business and never pass through here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .cache import size_limit
from .errors import MediaError, TalkbenchError
from .location import Remote
from .results import replacing
from .vocabulary import VIDEO_SUFFIXES

_CHUNK = 2**20
_SHARE = 64
"""A process makes room whenever it has fetched this part of what the cache may hold."""
_ABANDONED = 86_400
"""Seconds after which a file in use belongs to a process that was killed."""
_VERSIONS = ("ETag", "etag", "Last-Modified", "LastModified", "last_modified", "mtime", "updated", "created")
_STREAMED = {"http": {"block_size": 0}, "https": {"block_size": 0}}
"""How a file is opened to be read once from its beginning, where the default is to ask for one block after another."""


def names_below(root: Remote) -> list[str] | None:
    """Return the paths below `root` of all files there, or None where it is a file itself.

    Raises TalkbenchError where it cannot be listed.
    """
    with _named(root, TalkbenchError):
        files, path = _filesystem(root)
        above = path.rstrip("/") + "/"
        found = [str(name) for name in files.find(path)]
    if found == [path]:
        return None
    below = [name[len(above) :] for name in found if name.startswith(above)]
    below = [name for name in below if "?" not in name and not any(part in ("", ".", "..") for part in name.split("/"))]
    if not below:
        raise TalkbenchError(f"{root}: does not exist or is empty. Expected a folder of videos, or one video.")
    return below


@contextmanager
def fetched(paths: Iterable[Path | None], cache: Path | None) -> Iterator[Mapping[Path, Path]]:
    """Give every path with where it can be opened while the block lasts: itself, or the copy of what its URL holds.

    Raises MediaError where one cannot be fetched; one that is raised in the block, of a copy, is raised of its URL.
    """
    wanted = dict.fromkeys(path for path in paths if path is not None)
    if not any(isinstance(path, Remote) for path in wanted):
        yield {path: path for path in wanted}
        return
    kept = None if cache is None else cache / "remote"
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="use-", dir=kept) as own:
        here = {
            path: _fetch(path, Path(own) / str(number) / path.name, kept) if isinstance(path, Remote) else path
            for number, path in enumerate(wanted)
        }
        try:
            yield here
        except MediaError as error:
            text = str(error)
            for path, copy in here.items():
                text = text.replace(str(copy), str(path))
            raise MediaError(text) from error


def trim(kept: Path, limit: int) -> None:
    """Delete what was used longest ago until at most `limit` bytes are kept, and what killed processes left."""
    files = []
    for file in kept.glob("[0-9a-f][0-9a-f]/*"):
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            files.append((status.st_mtime, status.st_size, file))
    size = sum(one for _, one, _ in files)
    for _, one, file in sorted(files):
        if size <= limit:
            break
        file.unlink(missing_ok=True)
        size -= one
    for folder in kept.glob("use-*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def _filesystem(url: Remote) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the URL's path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MediaError(f"{url}: needs fsspec. Install it: pip install 'talkbench[cluster]'.") from error
    try:
        files, path = url_to_fs(str(url), use_listings_cache=False)
    except ImportError as error:
        raise MediaError(f"{url}: cannot be read without another package ({error}).") from error
    return files, str(path)


@contextmanager
def _named(url: Remote, kind: type[TalkbenchError]) -> Iterator[None]:
    """Turn what a store raises, which may be anything, into one line that names the URL."""
    try:
        yield
    except TalkbenchError as error:
        raise kind(str(error)) from error
    except FileNotFoundError as error:
        raise kind(f"{url}: does not exist. Expected a video, or a folder of them.") from error
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise kind(
            f"{url}: cannot be read ({type(error).__name__}: {said}). Check the address, the network and credentials."
        ) from error


def _fetch(url: Remote, to: Path, kept: Path | None) -> Path:
    """Bring what lies at a URL, a file or a folder of files, to the path `to`."""
    with _named(url, MediaError):
        files, path = _filesystem(url)
        about = files.info(path)
        to.parent.mkdir()
        # A web server has no folders, only pages that list one.
        page = about.get("mimetype") == "text/html" and url.suffix.lower() not in VIDEO_SUFFIXES
        if about["type"] != "directory" and not page:
            _bring(files, about, str(url), to, kept)
            return to
        to.mkdir()
        for one in files.ls(path, detail=True):
            name = str(one["name"]).rstrip("/").rpartition("/")[2]
            if one["type"] != "directory" and name and "?" not in name:
                told = any(stated in one for stated in _VERSIONS)  # a web server's list tells no more than names
                _bring(files, one if told else files.info(one["name"]), f"{url}/{name}", to / name, kept)
    return to


def _bring(files: Any, about: Mapping[str, Any], url: str, to: Path, kept: Path | None) -> None:  # noqa: ANN401
    """Bring one file: the copy that is kept where the URL still has its version, else what it has now."""
    limit = size_limit()
    if (about.get("size") or 0) > limit:
        raise MediaError(f"{url}: is {about['size']:,} bytes, more than TALKBENCH_CACHE_SIZE ({limit:,}). Allow more.")
    stated = {name: str(about[name]) for name in _VERSIONS if about.get(name) is not None}
    version = stated | {"size": about.get("size")} if stated else None
    note = None if kept is None else kept / "urls" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
    if kept is not None and note is not None and version and _take_kept(kept, note, version, to):
        return
    digest, size = hashlib.sha256(), 0
    options = _STREAMED.get(url.partition(":")[0], {})
    with files.open(about["name"], "rb", **options) as source, to.open("xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise MediaError(f"{url}: is more than TALKBENCH_CACHE_SIZE ({limit:,} bytes). Allow more.")
            digest.update(chunk)
            target.write(chunk)
    if kept is not None and note is not None:
        _keep(kept, note, to, digest.hexdigest(), version, limit)


def _take_kept(kept: Path, note: Path, version: Mapping[str, Any], to: Path) -> bool:
    """Give the kept content a second name where it is of this version of its URL, and whole."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        if noted["version"] != version:
            return False
        file = kept / noted["sha256"][:2] / noted["sha256"]
        if file.stat().st_size != noted["bytes"]:
            return False
        os.utime(file)
        _link(file, to)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _keep(kept: Path, note: Path, file: Path, sha256: str, version: Mapping[str, Any] | None, limit: int) -> None:
    """Keep a fetched file; a cache that cannot be written is not an error, only slower."""
    size = file.stat().st_size
    with contextlib.suppress(OSError):
        place = kept / sha256[:2] / sha256
        place.parent.mkdir(exist_ok=True)
        note.parent.mkdir(exist_ok=True)
        with replacing(place) as temporary:
            _link(file, temporary)
        with replacing(note) as temporary:
            temporary.write_text(json.dumps({"sha256": sha256, "bytes": size, "version": version}), encoding="utf-8")
        _made_room(kept, size, limit)


_fetched_bytes: dict[Path, int] = {}
"""Bytes that this process has brought into a cache since it last made room there."""


def _made_room(kept: Path, size: int, limit: int) -> None:
    _fetched_bytes[kept] = _fetched_bytes.get(kept, limit) + size
    if _fetched_bytes[kept] > limit // _SHARE:
        _fetched_bytes[kept] = 0
        trim(kept, limit)


def _link(file: Path, to: Path) -> None:
    try:
        os.link(file, to)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, to)
