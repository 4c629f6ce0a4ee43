"""The exceptions for a user's mistakes: the command prints them as a single line."""

from __future__ import annotations

import tokenize
import zipfile


class TalkbenchError(Exception):
    """Bad input. The message names the file, what was expected, what was found, and what to do. Exit code 2."""


class MediaError(TalkbenchError):
    """One video that cannot be used. In a run it costs that pair alone, which is listed in failures.jsonl."""


BROKEN_ARRAY = (
    OSError, ValueError, EOFError, KeyError, TypeError, SyntaxError, MemoryError, RecursionError, NotImplementedError,
    tokenize.TokenError, zipfile.BadZipFile,
)  # fmt: skip
"""What `numpy.load` raises for files that are no arrays: it evaluates a header as Python's literals."""
