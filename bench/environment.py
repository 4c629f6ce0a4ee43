"""What environment variables state: sizes and durations, of which none changes a number."""

from __future__ import annotations

import os
import re

from .errors import TalkbenchError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def size(name: str, default: str) -> int:
    """Return the bytes that a variable states, such as 500M or 20G; those of `default` where it is not set.

    Raises TalkbenchError where it is not a size.
    """
    text = os.environ.get(name) or default
    match = re.fullmatch(r"([0-9]{1,15})([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise TalkbenchError(f"{name}={text}: expected a size such as 500M or 20G.")
    return int(match[1]) * _UNITS[match[2]]


def seconds(name: str) -> float | None:
    """Return the seconds that a variable states, or None where it is not set. Raises TalkbenchError for other text."""
    text = os.environ.get(name)
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text.strip()) is None or not float(text):
        raise TalkbenchError(f"{name}={text}: expected a number of seconds such as 600.")
    return float(text)
