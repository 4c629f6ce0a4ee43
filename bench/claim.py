"""Holding a result folder: one run at a time, and one configuration for ever."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import TalkbenchError
from .results import FORMAT, Store, read_run, write_json


@contextmanager
def held(folder: Path, config: dict[str, Any]) -> Iterator[Store]:
    """Make or reopen the result folder and keep other runs out of it meanwhile."""
    with locked(folder):
        store = Store(folder)
        _claim(store, config)
        yield store


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and keep other runs out of it meanwhile. Raises TalkbenchError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise TalkbenchError(f"{folder}: cannot be made ({error.strerror}). Choose another -o.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TalkbenchError(
                f"{folder}: another run is writing here. Wait for it, or choose another -o."
            ) from error
        try:
            yield
        except OSError as error:
            raise TalkbenchError(
                f"{folder}: cannot be written ({error.strerror or error}). Free space or choose another -o; what was "
                "done is kept, and the same command goes on from there."
            ) from error
    finally:
        os.close(handle)


def _claim(store: Store, config: dict[str, Any]) -> None:
    refuse_other(store.folder, config)
    if not (store.folder / "run.json").exists():
        write_json(store.folder / "run.json", {"format": FORMAT, "finished": False, "config": config})


def refuse_other(folder: Path, config: dict[str, Any]) -> None:
    """Raise TalkbenchError for a folder that holds anything but this very run; one that is not there yet is fine."""
    if (folder / "run.json").exists():
        there = read_run(folder)["config"]
        different = first_difference(there, config)
        if different:
            name, old, new = different
            raise TalkbenchError(
                f"{folder}: holds another run: {name} is {old!r} there and {new!r} here. "
                "Choose another -o, or remove that folder."
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise TalkbenchError(f"{folder}: is not empty and not a result folder. Choose a new folder for -o.")


def first_difference(old: object, new: object, name: str = "") -> tuple[str, object, object] | None:
    """Return (dotted name, old, new) of the first difference between two JSON values, the most telling one first."""
    if isinstance(old, dict) and isinstance(new, dict):
        order = {"name": 0, "protocol": 0, "metrics": 2, "signature": 3}
        for field in sorted({*old, *new}, key=lambda field: (order.get(field, 1), field)):
            found = first_difference(old.get(field), new.get(field), f"{name}.{field}".lstrip("."))
            if found:
                return found
        return None
    if old == new:
        return None
    return name.removeprefix("ingredients."), old, new
