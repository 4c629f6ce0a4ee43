"""Where a video is: a path on this machine, or a URL, which travels as a path that prints as a URL."""

from __future__ import annotations

import re
from pathlib import Path, PosixPath

from .errors import TalkbenchError

SCHEMES = ("s3", "gs", "az", "abfs", "http", "https", "memory")
"""The stores that may be read; no scheme that runs a command, opens a local file or chains others is among them."""

_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>//?)(?P<rest>.*)$", re.DOTALL)


class Remote(PosixPath):
    """A URL as a path: names below it are joined and taken apart as those of any folder; nothing opens it."""

    def __str__(self) -> str:
        scheme, *rest = self.parts
        return f"{scheme}//{'/'.join(rest)}"

    def absolute(self) -> Remote:
        """Return itself: a URL counts from nowhere."""
        return self


def location(text: str | Path) -> Path:
    """Read a path or a URL; `pathlib` has already squeezed the slashes of a URL that comes as a path.

    Raises TalkbenchError for a URL of another scheme, or with anything in it that must not reach a result.

    >>> str(location("s3://bucket/real/a.mp4").parent / "b.mp4")
    's3://bucket/real/b.mp4'
    >>> location("real/a.mp4")
    PosixPath('real/a.mp4')
    """
    found = _URL.match(str(text))
    if found is None or (found["slashes"] == "/" and found["scheme"] not in SCHEMES):
        return Path(text)
    scheme, rest = found["scheme"].lower(), found["rest"]
    shown = f"{scheme}://{re.split('[?#]', rest)[0].rpartition('@')[2]}"
    if scheme not in SCHEMES or "::" in rest:
        raise TalkbenchError(f"{shown}: cannot be read. Expected a path, or a URL of one of: {_schemes()}.")
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise TalkbenchError(
            f"{shown}: a URL must hold no user name, password, query or fragment, since results name it. Give "
            "credentials in the environment, as its store expects them."
        )
    if not rest.strip("/") or not rest.isprintable() or {".", ".."} & set(rest.split("/")):
        raise TalkbenchError(f"{shown}: is not the URL of a file or a folder. Expected one such as s3://bucket/real.")
    return Remote(f"{scheme}:", *rest.split("/"))


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in SCHEMES)
