"""`talkbench cache`: what is kept of earlier runs, and how to be rid of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from . import arguments
from .output import as_line

EXAMPLES = (
    "Examples:\n\n"
    "talkbench cache\n\n"
    "talkbench cache --clear\n\n"
    "TALKBENCH_CACHE_SIZE=50G talkbench score … lets it grow larger: at the end of a run what was used longest ago "
    "makes room."
)


def cache(
    folder: Annotated[
        Path | None, typer.Option("--cache", help="Another cache folder.  [default: the user's]", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all landmarks and all fetched videos.")] = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Show or clear the landmarks that are kept, so that no video is searched twice."""
    from ..cache import TrackCache, default_folder, size_limit
    from ..remote import trim

    folder = folder or default_folder()
    limit = size_limit()
    kept = TrackCache(folder)
    deleted = kept.trim(0) if clear else 0
    if clear:
        trim(folder / "remote", 0)
    usage = kept.usage()
    if as_json:
        typer.echo(
            as_line(
                {
                    "folder": str(folder),
                    "tracks": usage.tracks,
                    "bytes": usage.bytes,
                    "limit": limit,
                    "least_recently_used": None if usage.oldest is None else _day(usage.oldest),
                    "deleted": deleted,
                }
            )
        )
        return
    if clear:
        typer.echo(f"{folder}: {deleted} tracks deleted")
        return
    since = "" if usage.oldest is None else f", the one used longest ago on {_day(usage.oldest)}"
    typer.echo(f"{folder}: landmarks of {usage.tracks} videos, {usage.bytes / 1e6:.1f} MB of {limit / 1e9:g} GB{since}")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
