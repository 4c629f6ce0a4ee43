"""Opening what must be a plain file: a pipe or a device would be waited for, or read, for ever."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from .errors import MediaError


@contextmanager
def opened_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a file to read its bytes. Raises MediaError where it is missing, unreadable, or no regular file."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _irregular(path)
            yield file
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise _irregular(path) from error
        raise MediaError(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions.") from error


def _irregular(path: Path) -> MediaError:
    return MediaError(f"{path}: is not a regular file. Expected one; make it again or leave it out.")
