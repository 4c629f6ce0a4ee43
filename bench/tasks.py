"""Measuring a pair: its files are fetched where they are at URLs, and the part may be written by who measures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .files import files, hash_of, unchanged
from .measure import Job, measure
from .remote import fetched
from .results import Part, Store
from .signature import signature
from .vocabulary import Pair


def measured(job: Job) -> Part:
    """Measure a pair; the part names the files as the pair does."""
    clip, take = job.pair.clip, job.pair.take
    with fetched(_paths(job.pair), job.cache) as here:
        local = Pair(
            replace(clip, video=here[clip.video]),
            replace(
                take,
                video=None if take.video is None else here[take.video],
                landmarks=None if take.landmarks is None else here[take.landmarks],
            ),
        )
        part = measure(replace(job, pair=local))
    return replace(part, row=part.row | {name: str(path) for name, path in _named(job.pair) if path is not None})


@dataclass(frozen=True)
class Refused:
    """Why this worker can measure nothing of this run."""

    reason: str


@dataclass(frozen=True)
class MeasuredInto:
    """Measures a pair and writes the part into the result folder, which all workers share.

    A pair that lies there already, measured from the same files, is not measured again.
    """

    folder: Path
    signature: str

    def __call__(self, job: Job) -> Refused | None:
        """Measure one pair. Raises MediaError where one of its videos cannot be used."""
        if self.signature not in _shared:
            own = signature(job.protocol, device=job.device)
            if own != self.signature:
                return Refused(f"would measure under another signature: {own} there, {self.signature} here")
            _shared.add(self.signature)
        store = Store(self.folder)
        row = store.read_row(job.pair.take.method, job.pair.clip.id)
        if row is not None and unchanged(row, files(job.pair, job.cache), hash_of):
            return None
        part = measured(job)
        try:
            store.write_part(part)
        except OSError as error:
            return Refused(f"cannot write into {store.parts} ({error.strerror}): all must share the result folder")
        return None


_shared: set[str] = set()
"""Signatures that this process has found to be its own."""


def _paths(pair: Pair) -> tuple[Path | None, ...]:
    return pair.clip.video, pair.take.video, pair.take.landmarks


def _named(pair: Pair) -> list[tuple[str, Path | None]]:
    return list(zip(("gt_video", "gen_video", "gen_landmarks"), _paths(pair), strict=True))
