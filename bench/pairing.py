"""Which take belongs to which clip: by name or by manifest, never by position."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..baselines.contract import Found, Key, Listing
from ..baselines.folder import find
from ..baselines.systems import ADAPTERS, detect_in
from ..baselines.tree import scan
from .errors import TalkbenchError
from .location import Remote, location
from .vocabulary import Clip, Pair, Reading, Take

GROUND_TRUTH = "Ground Truth"
_LABELS = ("speaker", "emotion", "level", "sentence")


@dataclass(frozen=True)
class Plan:
    """What is to be compared with what. `pairs` run through all clips of one method, then of the next."""

    clips: tuple[Clip, ...]
    methods: tuple[str, ...]
    pairs: tuple[Pair, ...]
    missing: Mapping[str, tuple[str, ...]]
    extra: Mapping[str, tuple[str, ...]]

    def refusal(self) -> str | None:
        """Say why this plan is not complete: a clip without a take of every method, or a take left over."""
        for method in self.methods:
            if self.missing[method]:
                return (
                    f"{method} lacks {len(self.missing[method])} of {len(self.clips)} clips: "
                    f"{_some(self.missing[method])}. Generate them, or pass --allow-missing to score what is there."
                )
            if self.extra[method]:
                count = len(self.extra[method])
                return (
                    f"{method} has {count} file{'s' if count > 1 else ''} that no ground-truth clip matches: "
                    f"{_some(self.extra[method])}. Remove them, or pass --allow-missing to leave them out."
                )
        return None


def plan_folders(
    gt: Path, gen: Mapping[str, Path], *, key: Key = "path", adapters: Mapping[str, str] | None = None
) -> Plan:
    """Pair a folder of real videos with one folder per method by clip id; a single video on both sides pairs as it is.

    `adapters` names a method's output layout where it is not the one that its file names call for.
    Raises TalkbenchError where a folder cannot be listed or nothing at all matches.
    """
    adapters = adapters or {}
    for method in adapters:
        if method not in gen:
            raise TalkbenchError(f"--adapter {method}={adapters[method]}: there is no --gen {method}=DIR.")
    methods = _checked_methods(list(gen))
    real = find(gt, key=key)
    clips = tuple(_clip(found) for found in real.files)
    known = {clip.id for clip in clips}
    takes: dict[str, dict[str, Take]] = {}
    for method in methods:
        tree = scan(gen[method])
        adapter = ADAPTERS[adapters[method]] if method in adapters else detect_in(tree)
        listing = adapter.find_in(tree, key=key)
        if real.single and listing.single:
            takes[method] = {clips[0].id: _take(method, clips[0].id, listing.files[0])}
        else:
            takes[method] = {}
            for found in listing.files:
                clip_id = next((name for name in (found.id, *found.also) if name in known), found.id)
                if clip_id in takes[method]:
                    raise TalkbenchError(
                        f"{gen[method]}: two files are clip {clip_id!r}: {takes[method][clip_id].video} and "
                        f"{found.path}. Keep one, or name the right one in a --manifest."
                    )
                takes[method][clip_id] = _take(method, clip_id, found)
        if not known & takes[method].keys():
            raise TalkbenchError(_nothing_matches(method, real, listing, key))
    return _plan(clips, takes)


def plan_manifest(manifest: Path) -> Plan:
    """Pair by a CSV with the columns clip, gt and one per method; speaker, emotion, level and sentence are optional.

    Paths are relative to the manifest. Raises TalkbenchError with the line of whatever is wrong.
    """
    rows, methods = _read_manifest(manifest)
    clips: list[Clip] = []
    takes: dict[str, dict[str, Take]] = {method: {} for method in methods}
    seen: dict[str, int] = {}
    for line, row in rows:
        clip_id = row["clip"]
        if not clip_id or not row["gt"]:
            raise TalkbenchError(f"{manifest}, line {line}: the columns clip and gt must be filled.")
        if clip_id in seen:
            raise TalkbenchError(f"{manifest}, line {line}: clip {clip_id!r} is already on line {seen[clip_id]}.")
        seen[clip_id] = line
        labels = {label: row.get(label) or None for label in _LABELS}
        clips.append(Clip(clip_id, _existing(manifest, line, row["gt"]), **labels))
        for method in methods:
            if row[method]:
                takes[method][clip_id] = Take(method, clip_id, _existing(manifest, line, row[method]))
    return _plan(tuple(sorted(clips, key=lambda clip: clip.id)), takes)


def _read_manifest(manifest: Path) -> tuple[list[tuple[int, dict[str, str]]], tuple[str, ...]]:
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            body = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except OSError as error:
        raise TalkbenchError(f"{manifest}: cannot be read ({error.strerror}). Expected a CSV manifest.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TalkbenchError(f"{manifest}: is not a CSV in UTF-8 ({error}).") from error
    if "clip" not in header or "gt" not in header or len(set(header)) != len(header):
        raise TalkbenchError(
            f"{manifest}: expected the header clip,gt,<method>,… with distinct names; "
            f"found {','.join(header) or 'none'}."
        )
    methods = _checked_methods([name for name in header if name not in ("clip", "gt", *_LABELS)])
    for line, row in body:
        if len(row) != len(header):
            raise TalkbenchError(f"{manifest}, line {line}: expected {len(header)} cells, found {len(row)}.")
    if not body:
        raise TalkbenchError(f"{manifest}: lists no clip. Expected one line per clip under the header.")
    return [(line, dict(zip(header, row, strict=True))) for line, row in body], methods


def _existing(manifest: Path, line: int, cell: str) -> Path:
    path = location(cell)
    if isinstance(path, Remote):
        return path
    path = manifest.parent / path.expanduser()
    try:
        path.stat()
    except FileNotFoundError as error:
        raise TalkbenchError(f"{manifest}, line {line}: {path} does not exist.") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte
        reason = getattr(error, "strerror", None) or error
        raise TalkbenchError(f"{manifest}, line {line}: {path} cannot be read ({reason}). Correct the path.") from error
    return path


def _checked_methods(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        raise TalkbenchError(
            "No method given. Expected at least one --gen NAME=DIR, or a method column in the manifest."
        )
    for name in names:
        if not name.strip() or name == GROUND_TRUTH or not name.isprintable():
            raise TalkbenchError(f"Method name {name!r}: expected a printable name other than {GROUND_TRUTH!r}.")
    return tuple(names)


def _plan(clips: tuple[Clip, ...], takes: Mapping[str, Mapping[str, Take]]) -> Plan:
    pairs = [Pair(clip, mine[clip.id]) for mine in takes.values() for clip in clips if clip.id in mine]
    known = {clip.id for clip in clips}
    return Plan(
        clips=clips,
        methods=tuple(takes),
        pairs=tuple(pairs),
        missing={method: tuple(clip.id for clip in clips if clip.id not in ids) for method, ids in takes.items()},
        extra={method: tuple(clip_id for clip_id in ids if clip_id not in known) for method, ids in takes.items()},
    )


def _take(method: str, clip_id: str, found: Found) -> Take:
    return Take(
        method=method,
        clip_id=clip_id,
        video=None if found.path == found.landmarks else found.path,
        reading=Reading(found.fps, found.panel, found.prefix),
        first_frame=found.first_frame,
        landmarks=found.landmarks,
        scheme=found.scheme,
        has_head_motion=found.has_head_motion,
    )


def _clip(found: Found) -> Clip:
    if found.name is None:
        return Clip(found.id, found.path)
    name = found.name
    return Clip(found.id, found.path, name.actor, name.emotion, name.level, name.sentence)


def _nothing_matches(method: str, real: Listing, listing: Listing, key: Key) -> str:
    text = (
        f"No file of {method} ({listing.root}) matches a clip of the ground truth ({real.root}): "
        f"the clips are called {_some([found.id for found in real.files])}, "
        f"its files {_some([found.id for found in listing.files])}."
    )
    stems = {Path(found.id).name for found in real.files} & {Path(found.id).name for found in listing.files}
    if key == "path" and stems:
        return f"{text} {len(stems)} would match by file name alone: pass --key stem."
    return f"{text} Give them the same names, or list the pairs in a CSV and pass it as --manifest."


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown}, … ({len(names)} in all)"
