"""Measure one pair: decode both sides once, in step; find faces where they are not known; a row per pair of frames."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..metrics.contract import Frame, Metric
from . import signature
from .cache import Track, TrackCache, key
from .errors import MediaError
from .faces import FaceFinder, FaceModel, grey, weights_hash
from .framing import Fit, Framing, Native, Whole, box_around, warp_to_template
from .inspection import match_frames, refuse_mismatch
from .preparation import EatCrop, eat_files
from .protocol import Protocol
from .results import Part
from .video import VideoFacts, decoder_version, frame_files, probe, read_frames
from .vocabulary import FaceStatus, Pair

_SEARCH_SIZE = 512
"""Longer side, in px, of the frames on which a crop's landmarks are searched."""


@dataclass(frozen=True)
class Job:
    """All that measuring one pair needs; small, since it travels to a worker process."""

    pair: Pair
    protocol: Protocol
    frame_rate: Fraction
    cache: Path | None


def measure(job: Job) -> Part:
    """Measure one pair. Raises MediaError where one of its videos cannot be used."""
    with (
        _opened(job.pair.clip.video, job.frame_rate, job) as gt,
        _opened(job.pair.take.video, job.pair.take.fps or job.frame_rate, job) as gen,
    ):
        refuse_mismatch(gt.facts, gen.facts, job.protocol)
        matches = match_frames(gt.facts, gen.facts, job.protocol)
        gt_framing, gen_framing = _framings(gt, gen)
        left, right = _Side(gt, gt_framing), _Side(gen, gen_framing)
        metrics = job.protocol.measured
        on_frames = [metric for metric in metrics if metric.needs == "frames"]
        values = np.full((len(matches), len(on_frames)), np.nan)
        for index, (t, u) in enumerate(matches):
            one, other = left.advance(t), right.advance(u)
            if one is not None and other is not None:
                values[index] = [metric.per_frame(one, other) for metric in on_frames]
        gt_track, gen_track = left.finish(), right.finish()
    gt_at, gen_at = (list(indices) for indices in zip(*matches, strict=True))
    gt_points, gen_points = gt_track.landmarks[gt_at], gen_track.landmarks[gen_at]
    if job.protocol.missing_face == "previous":
        gt_points, gen_points = _previous(gt_points), _previous(gen_points)
    by_frame = {metric.name: values[:, column] for column, metric in enumerate(on_frames)}
    for metric in metrics:
        if metric.needs == "landmarks":
            by_frame[metric.name] = np.asarray(metric.per_frame(gt_points, gen_points))
    return Part(
        _row(job, metrics, gt, gen, gt_track, gen_track, matches, by_frame),
        _frames(job, metrics, gt_track, gen_track, matches, by_frame),
    )


def _previous(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Repeat the last frame's points where there is no face, −1 before the first, as a script in the field does."""
    filled = landmarks.copy()
    last = np.full((68, 2), -1, np.float32)
    for points in filled:
        if np.isnan(points).any():
            points[:] = last
        last = points
    return filled


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a video file, or of a frame folder's files and their names, in order."""
    if not path.is_dir():
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in frame_files(path):
        digest.update(f"{file.name}\0{content_hash(file)}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Source:
    """One side of a pair: its file, what is read in its place, and how many frames it has at the protocol's rate."""

    path: Path
    sha256: str
    facts: VideoFacts
    expected: int
    job: Job

    @property
    def length(self) -> int:
        return self.facts.frames_at(self.job.protocol.time.rate)

    def frames(self) -> Iterator[Frame]:
        return read_frames(self.facts.path, source_rate=self.facts.rate, rate=self.job.protocol.time.rate)

    def source_landmarks(self) -> npt.NDArray[np.float32]:
        """Return the landmarks (T, 68, 2) in px of the source frame, searched on frames of a sensible size."""
        fit = Fit(_SEARCH_SIZE)
        track = _Side(self, fit).finish()
        if np.isnan(track.landmarks).all():
            raise MediaError(
                f"{self.path}: no face in any frame, so there is nothing to crop around. "
                "Leave it out, or pass --crop none."
            )
        shown = np.array([self.facts.width, self.facts.height], np.float32)
        fitted = np.minimum(1, _SEARCH_SIZE / shown.max()) * shown
        scaled: npt.NDArray[np.float32] = (track.landmarks + 0.5) * (shown / np.round(fitted)) - 0.5
        return scaled


@contextmanager
def _opened(path: Path, rate: Fraction, job: Job) -> Iterator[_Source]:
    """Give a source, prepared as the protocol says."""
    facts = probe(path, rate=rate)
    source = _Source(path, content_hash(path), facts, facts.frames_at(job.protocol.time.rate), job)
    if job.protocol.frame.prepare == "eat-files":
        with eat_files(path, rate=rate) as prepared:
            yield replace(source, facts=probe(prepared, rate=rate))
    else:
        yield source


class _Side:
    """Reads one side's frames in step, finding faces on the way unless the cache knows them."""

    def __init__(self, source: _Source, framing: Framing | EatCrop) -> None:
        job = source.job
        self._source = source
        self._framing = framing
        self._frames = enumerate(source.frames())
        self._at = -1
        self._frame: Frame | None = None
        self._cache = TrackCache(job.cache)
        self._key = key(
            {
                "video": source.sha256,
                "rate": str(source.facts.rate) if source.facts.kind == "frames" else None,
                "fps": job.protocol.time.fps,
                "prepare": job.protocol.frame.prepare,
                "framing": {"kind": type(framing).__name__, **asdict(framing)},
                "faces": asdict(job.protocol.faces),
                "weights": weights_hash(),
                "dlib": version("dlib-bin"),
                "decoder": decoder_version(),
                "engine": signature.ENGINE,
            }
        )
        self._known = self._cache.get(self._key)
        self._landmarks: list[npt.NDArray[np.float32]] = []
        self._faces: list[int] = []

    def advance(self, index: int) -> Frame | None:
        """Return the framed frame with this index, None where it has none; indices never fall."""
        while self._at < index:
            self._step()
        return self._frame

    def finish(self) -> Track:
        """Read what is left, and return the whole track."""
        while self._step_if_any():
            pass
        length = self._at + 1
        if length != self._source.length:
            raise MediaError(
                f"{self._source.path}: {length} frames were decoded where its header promises "
                f"{self._source.length}. It is damaged or cut short; make it again or leave it out."
            )
        if self._known is not None and len(self._known.faces) == length:
            return self._known
        track = Track(np.stack(self._landmarks), np.array(self._faces, np.uint8))
        self._cache.put(self._key, track)
        return track

    def _step(self) -> None:
        if not self._step_if_any():
            raise MediaError(
                f"{self._source.path}: ends after {self._at + 1} frames where its header promises "
                f"{self._source.length}. It is damaged or cut short; make it again or leave it out."
            )

    def _step_if_any(self) -> bool:
        found = next(self._frames, None)
        if found is None:
            return False
        self._at, frame = found
        self._frame = self._framing(frame)
        if self._known is None:
            model = self._source.job.protocol.faces
            seen = np.zeros((1, 1), np.uint8) if self._frame is None else grey(self._frame, channels=model.channels)
            face = _finder(model).find(seen)
            self._landmarks.append(face.landmarks)
            self._faces.append(min(face.count, 255))
        return True


@lru_cache(maxsize=2)
def _finder(model: FaceModel) -> FaceFinder:
    """Load the detector once per process."""
    return FaceFinder(model)


def _framings(gt: _Source, gen: _Source) -> tuple[Framing | EatCrop, Framing | EatCrop]:
    protocol = gt.job.protocol
    size = protocol.frame.size
    if protocol.frame.prepare == "eat-crop":
        return EatCrop(), EatCrop()
    if size == "native":
        return Native(), Native()
    if protocol.frame.crop == "aligned":
        return (
            warp_to_template(gt.source_landmarks(), size=size),
            warp_to_template(gen.source_landmarks(), size=size),
        )
    if protocol.frame.crop == "gt-box":
        box = box_around(gt.source_landmarks(), gt.facts.width, gt.facts.height, size=size)
        return box, box
    return Whole(size), Whole(size)


def _row(
    job: Job,
    metrics: tuple[Metric, ...],
    gt: _Source,
    gen: _Source,
    gt_track: Track,
    gen_track: Track,
    matches: list[tuple[int, int]],
    by_frame: dict[str, npt.NDArray[np.float64]],
) -> dict[str, Any]:
    clip = job.pair.clip
    row: dict[str, Any] = {
        "clip": clip.id,
        "method": job.pair.take.method,
        "speaker": clip.speaker,
        "emotion": clip.emotion,
        "level": clip.level,
        "sentence": clip.sentence,
        "n_frames": gt.expected,
        "gen_frames": gen.expected,
        "compared": len(matches),
    }
    for side, source, track in (("gt", gt, gt_track), ("gen", gen, gen_track)):
        row |= {
            f"{side}_faces": int((track.faces > 0).sum()),
            f"{side}_several": int((track.faces > 1).sum()),
            f"{side}_video": str(source.path),
            f"{side}_sha256": source.sha256,
            f"{side}_colour": source.facts.colour,
        }
    for metric in metrics:
        present = by_frame[metric.name][~np.isnan(by_frame[metric.name])]
        row[metric.name] = metric.clip(present) if present.size else float("nan")
        row[f"{metric.name}:frames"] = int(present.size)
    return row


def clip_columns(metrics: tuple[Metric, ...]) -> pa.Schema:
    """Return the columns of clips.parquet."""
    text = ["clip", "method", "speaker", "emotion", "level", "sentence"]
    fields = [(name, pa.string()) for name in text]
    fields += [(name, pa.int64()) for name in ("n_frames", "gen_frames", "compared")]
    for side in ("gt", "gen"):
        fields += [(f"{side}_{name}", pa.int64()) for name in ("faces", "several")]
        fields += [(f"{side}_{name}", pa.string()) for name in ("video", "sha256", "colour")]
    for metric in metrics:
        fields += [(metric.name, pa.float64()), (f"{metric.name}:frames", pa.int64())]
    return pa.schema(fields)


def _frames(
    job: Job,
    metrics: tuple[Metric, ...],
    gt_track: Track,
    gen_track: Track,
    matches: list[tuple[int, int]],
    by_frame: dict[str, npt.NDArray[np.float64]],
) -> pa.Table:
    gt_at, gen_at = (np.array(indices, np.int32) for indices in zip(*matches, strict=True))
    columns: dict[str, Any] = {
        "clip": pa.array([job.pair.clip.id] * len(matches), pa.string()),
        "method": pa.array([job.pair.take.method] * len(matches), pa.string()),
        "frame": gt_at,
        "gen_frame": gen_at,
    }
    for metric in metrics:
        columns[metric.frame_value] = by_frame[metric.name]
    for side, track, at in (("gt", gt_track, gt_at), ("gen", gen_track, gen_at)):
        status = np.where(track.faces[at] > 0, FaceStatus.OK.value, FaceStatus.NO_FACE.value)
        columns[f"{side}_face"] = pa.array(status.tolist(), pa.string())
        flat = np.ascontiguousarray(track.landmarks[at].reshape(-1))
        columns[f"{side}_landmarks"] = pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), 136)
    return pa.table(columns)
