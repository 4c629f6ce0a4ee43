"""The videos that a finished run measured: where they are, how they are read, and whether they are still the same.

A result folder names every video and its SHA-256, but not how an adapter reads it (a panel, a prefix, a rate). That is
found as `score` found it, by listing the folders again; where they have gone, a video is read as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .errors import MediaError, TalkbenchError
from .location import Remote, location
from .pairing import GROUND_TRUTH, Plan, plan_folders, plan_manifest
from .source import content_hash
from .vocabulary import AS_IS, Reading


@dataclass(frozen=True)
class Original:
    """One video of a run, as `score` read it, and its content then."""

    path: Path
    sha256: str
    reading: Reading = AS_IS

    def check(self) -> None:
        """Raise MediaError where this is not what was measured: it is gone, cannot be read, or has changed."""
        if isinstance(self.path, Remote):
            raise MediaError(f"{self.path}: is at a URL, which no report opens. Download the videos and score those.")
        if not self.path.exists():
            raise MediaError(f"{self.path}: is no longer there. Put it back, or score the videos where they are now.")
        try:
            content = content_hash(self.path, self.reading.prefix)
        except OSError as error:
            raise MediaError(f"{self.path}: cannot be read ({error.strerror}). Check its permissions.") from error
        if content != self.sha256:
            raise MediaError(
                f"{self.path}: has changed since it was measured. Run the same `talkbench score` command again, or put "
                "the old file back."
            )


def originals(run: Mapping[str, Any], clips: Iterable[Mapping[Any, Any]]) -> dict[tuple[str, str], Original]:
    """Return the videos by (clip id, method), the real ones under (clip id, GROUND_TRUTH).

    `run` is run.json, `clips` the rows of clips.parquet. A take of landmarks alone has no video.
    """
    read_as = dict(_readings(run["config"]))
    found: dict[tuple[str, str], Original] = {}
    for row in clips:
        for side, method in (("gt", GROUND_TRUTH), ("gen", row["method"])):
            file, sha256 = row[f"{side}_video"], row[f"{side}_sha256"]
            if isinstance(file, str) and isinstance(sha256, str):
                path, reading = read_as.get((row["clip"], method), (location(file), AS_IS))
                found.setdefault((row["clip"], method), Original(path, sha256, reading))
    return found


def clock(run: Mapping[str, Any]) -> tuple[Fraction | None, Fraction]:
    """Return the rate at which a run compared frames (None: every frame as it comes) and that of folders of frames."""
    time = run["config"]["ingredients"]["protocol"]["time"]
    return None if time["fps"] == "native" else Fraction(time["fps"]), Fraction(time["folder_fps"])


def _readings(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], tuple[Path, Reading]]]:
    for plan in _plans(config):
        for pair in plan.pairs:
            yield (pair.clip.id, GROUND_TRUTH), (pair.clip.video, AS_IS)
            if pair.take.video is not None:
                yield (pair.clip.id, pair.take.method), (pair.take.video, pair.take.reading)


def _plans(config: Mapping[str, Any]) -> Iterator[Plan]:
    """Pair again what can still be listed; one method's folder that has gone must not hide the others."""
    if config["manifest"] is not None:
        try:
            yield plan_manifest(Path(config["manifest"]))
        except TalkbenchError:
            return
    for method, folder in config["gen"].items():
        if isinstance(location(config["gt"]), Remote) or isinstance(location(folder), Remote):
            continue  # reports use no network
        adapters = {name: system for name, system in config["adapters"].items() if name == method}
        try:
            yield plan_folders(Path(config["gt"]), {method: Path(folder)}, key=config["key"], adapters=adapters)
        except TalkbenchError:
            continue
