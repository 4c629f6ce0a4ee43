"""Reading TOML that a user wrote: whatever is wrong with it is one error that names the file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from .errors import TalkbenchError


def read(file: Path) -> dict[str, Any]:
    """Read a TOML file. Raises TalkbenchError where it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TalkbenchError(f"{file}: cannot be read as TOML ({error}).") from error
    return parse(text, file)


def parse(text: str, source: Path | str) -> dict[str, Any]:
    """Read TOML from a text. Raises TalkbenchError that names `source`, where it came from."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise TalkbenchError(f"{source}: cannot be read as TOML (it is nested too deeply).") from error
    except ValueError as error:  # TOML that is none, and numbers of thousands of digits
        raise TalkbenchError(f"{source}: cannot be read as TOML ({error}).") from error
