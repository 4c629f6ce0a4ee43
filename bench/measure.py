"""Measure one pair: decode both sides once, in step; find faces where they are not known; a row per pair of frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..metrics.contract import SOUND_RATE, ClipValue, Facts, Metric
from .cache import Track
from .framing import to_measured
from .inspection import match_frames, refuse_mismatch
from .pixels import Pixels, PixelValues, Seen, embedder_key
from .predicted import predicted_track
from .protocol import Protocol
from .results import Embeddings, Part
from .sound import read_sound
from .source import AnyFraming, Side, Source, content_hash, framings, opened
from .vocabulary import FaceStatus, Pair

PREDICTED = "-pred"
"""What the names of metrics on a method's own landmarks end in."""
REAL = ":gt"
"""What the names of the ground truth's own values end in, for metrics that measure one side."""
Values = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Job:
    """All that measuring one pair needs; small, since it travels to a worker process."""

    pair: Pair
    protocol: Protocol
    frame_rate: Fraction
    cache: Path | None
    device: str = "cpu"


@dataclass(frozen=True)
class _Compared:
    """Both sides' tracks over the whole clip and take, which frames were compared, and what was measured on them.

    `size` is the height and width of the measured frames.
    """

    gt: Source
    gen: Source | None
    gt_track: Track
    gen_track: Track
    matches: list[tuple[int, int]]
    pixels: PixelValues
    gen_framing: AnyFraming | None
    size: tuple[int, int]


@dataclass(frozen=True)
class _Measured:
    """A pair's numbers by metric: per frame, the ground truth's own per frame, of the clip, the ground truth's own."""

    frames: Values
    real_frames: Values
    clips: dict[str, ClipValue]
    real_clips: dict[str, ClipValue]


def measure(job: Job) -> Part:
    """Measure one pair. Raises MediaError where one of its videos cannot be used."""
    metrics = job.protocol.measured
    compared = _compare(job, metrics)
    measured = _measured(job, metrics, compared)
    return Part(
        _row(job, metrics, compared, measured),
        _frames(job, metrics, compared, measured.frames),
        _embeddings(metrics, compared.pixels),
    )


def _embeddings(metrics: tuple[Metric, ...], pixels: PixelValues) -> Embeddings:
    """Return what the metrics of sets are made from: both sides' vectors, without the rows of NaN."""
    nothing = np.zeros((0, 0), np.float32)
    kept: Embeddings = {}
    for metric in metrics:
        if metric.per_set is not None:
            gt, gen = pixels.embeddings.get(embedder_key(metric), (nothing, nothing))
            kept[metric.name] = gt[~np.isnan(gt).any(axis=1)], gen[~np.isnan(gen).any(axis=1)]
    return kept


def _measured(job: Job, metrics: tuple[Metric, ...], compared: _Compared) -> _Measured:
    t, u = (np.array(indices, np.int64) for indices in zip(*compared.matches, strict=True))
    real, fake = compared.gt_track.landmarks[t], compared.gen_track.landmarks[u]
    if job.protocol.head_motion == "no-landmarks" and job.pair.take.has_head_motion:
        fake = np.full_like(fake, np.nan)
    gt, gen = real, fake
    if job.protocol.missing_face == "previous" and compared.gen is not None:
        gt, gen = _previous(gt), _previous(gen)
    frames, real_frames = dict(compared.pixels.values), dict(compared.pixels.real)
    clips: dict[str, ClipValue] = {}
    real_clips: dict[str, ClipValue] = {}
    predicted = _predicted(job, compared)
    sound = _sound(job, compared) if any(metric.sound for metric in metrics) else None
    for metric in metrics:
        if metric.needs == "landmarks":
            frames[metric.name] = _on_landmarks(metric, gt, gen)
            frames[metric.name + PREDICTED] = (
                np.full(len(t), np.nan) if predicted is None else _on_landmarks(metric, gt, predicted[t])
            )
            if metric.sides == "one":
                real_frames[metric.name] = _on_landmarks(metric, gt, gt)
        elif metric.per_clip is not None:
            both = [_facts(job, metric, compared, side, sound, at) for at, side in enumerate((real, fake))]
            clips[metric.name] = metric.per_clip(*(both if metric.sides == "both" else both[1:]))
            if metric.sides == "one":
                real_clips[metric.name] = metric.per_clip(both[0])
    return _Measured(frames, real_frames, clips, real_clips)


def _on_landmarks(
    metric: Metric, gt: npt.NDArray[np.floating], gen: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    sides = (gt, gen) if metric.sides == "both" else (gen,)
    assert metric.per_frame is not None  # noqa: S101 - a metric on landmarks has one: see the contract's test
    return np.asarray(metric.per_frame(*sides))


def _facts(
    job: Job,
    metric: Metric,
    compared: _Compared,
    landmarks: npt.NDArray[np.float32],
    sound: npt.NDArray[np.float32] | None,
    side: int,
) -> Facts:
    embeddings = None
    if metric.embed is not None:
        embedded = compared.pixels.embeddings.get(embedder_key(metric))
        embeddings = None if embedded is None else embedded[side]
    return Facts(landmarks, float(_rate(job, compared)), compared.size, sound, job.pair.clip.emotion, embeddings)


def _rate(job: Job, compared: _Compared) -> Fraction:
    return job.protocol.time.rate or compared.gt.facts.rate


def _sound(job: Job, compared: _Compared) -> npt.NDArray[np.float32] | None:
    """Return what is heard from the first to the last compared frame: the clip's own sound, or else the take's."""
    first_gt, first_gen = compared.matches[0]
    rate = _rate(job, compared)
    sides = [(job.pair.clip.video, first_gt)]
    if compared.gen is not None and job.pair.take.video is not None:
        sides.append((job.pair.take.video, first_gen))
    for video, first in sides:
        heard = read_sound(video, rate=SOUND_RATE)
        if heard is not None:
            start, length = (round(frames / rate * SOUND_RATE) for frames in (first, len(compared.matches)))
            return heard[0][start : start + length]
    return None


def _compare(job: Job, metrics: tuple[Metric, ...]) -> _Compared:
    """Read both sides in step; a take without frames leaves its side empty."""
    take, open_side = job.pair.take, partial(opened, protocol=job.protocol, cache=job.cache)
    with ExitStack() as stack:
        gt = stack.enter_context(open_side(job.pair.clip.video, job.frame_rate))
        if take.video is None:
            track = Side(gt, framings(gt, gt)[0]).finish()
            count = len(track.faces)
            nothing = Track(np.full_like(track.landmarks, np.nan), np.zeros(count, np.uint8))
            unmeasured = Pixels(metrics, count).finish()
            size = (gt.facts.height, gt.facts.width)
            return _Compared(gt, None, track, nothing, [(t, t) for t in range(count)], unmeasured, None, size)
        gen = stack.enter_context(open_side(take.video, job.frame_rate, reading=take.reading))
        refuse_mismatch(gt.facts, gen.facts, job.protocol)
        matches = match_frames(gt.facts, gen.facts, job.protocol, first_frame=take.first_frame)
        gt_framing, gen_framing = framings(gt, gen)
        left, right = Side(gt, gt_framing), Side(gen, gen_framing)
        pixels = Pixels(metrics, len(matches), device=job.device)
        size = (gt.facts.height, gt.facts.width)
        for index, (t, u) in enumerate(matches):
            one, other = left.advance(t), right.advance(u)
            if one is not None and other is not None:
                pixels.add(index, Seen(one, other, left.points, right.points))
                size = one.shape[0], one.shape[1]
        return _Compared(gt, gen, left.finish(), right.finish(), matches, pixels.finish(), gen_framing, size)


def _previous(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Repeat the last frame's points where there is no face, −1 before the first, as a script in the field does."""
    filled = landmarks.copy()
    last = np.full((68, 2), -1, np.float32)
    for points in filled:
        if np.isnan(points).any():
            points[:] = last
        last = points
    return filled


def _predicted(job: Job, compared: _Compared) -> npt.NDArray[np.float64] | None:
    """Return the take's own landmarks for every frame of the clip, or None where it has none."""
    take = job.pair.take
    if take.landmarks is None or take.scheme is None:
        return None
    gen = compared.gen
    return predicted_track(
        take.landmarks,
        take.scheme,
        compared.gt_track.landmarks,
        rate=_rate(job, compared),
        take_rate=job.frame_rate if gen is None else gen.facts.rate,
        to_measured=None
        if gen is None or compared.gen_framing is None
        else to_measured(compared.gen_framing, gen.facts.width, gen.facts.height),
    )


def _scored(metrics: tuple[Metric, ...]) -> list[tuple[str, str, Callable[[npt.NDArray[np.float64]], float]]]:
    """Return (name, name of what is stored per frame, clip function) of the metrics and their predicted versions."""
    named = [(metric.name, metric.frame_value, metric.clip) for metric in metrics if metric.clip is not None]
    predicted = [metric for metric in metrics if metric.needs == "landmarks"]
    return named + [
        (metric.name + PREDICTED, metric.frame_value + PREDICTED, metric.clip)
        for metric in predicted
        if metric.clip is not None
    ]


def _row(job: Job, metrics: tuple[Metric, ...], compared: _Compared, measured: _Measured) -> dict[str, Any]:
    clip, take = job.pair.clip, job.pair.take
    row: dict[str, Any] = {
        "clip": clip.id,
        "method": take.method,
        "speaker": clip.speaker,
        "emotion": clip.emotion,
        "level": clip.level,
        "sentence": clip.sentence,
        "n_frames": compared.gt.expected,
        "gen_frames": 0 if compared.gen is None else compared.gen.expected,
        "compared": len(compared.matches),
        "gen_landmarks": None if take.landmarks is None else str(take.landmarks),
        "gen_landmarks_sha256": None if take.landmarks is None else content_hash(take.landmarks),
    }
    for side, source, track in (("gt", compared.gt, compared.gt_track), ("gen", compared.gen, compared.gen_track)):
        row |= {
            f"{side}_faces": int((track.faces > 0).sum()),
            f"{side}_several": int((_faces_seen(job, side, source, track) > 1).sum()),
            f"{side}_video": None if source is None else str(source.path),
            f"{side}_sha256": None if source is None else source.sha256,
            f"{side}_colour": None if source is None else source.facts.colour,
        }
    for name, _, of_clip in _scored(metrics):
        row |= _of_frames(name, measured.frames[name], of_clip)
        if name in measured.real_frames:
            row |= _of_frames(name + REAL, measured.real_frames[name], of_clip)
    for metric in metrics:
        if metric.per_clip is not None:
            one = measured.clips[metric.name]
            row |= {metric.name: one.value, f"{metric.name}:frames": one.frames, f"{metric.name}:reason": one.reason}
            row |= {f"{metric.name}:{part}": one.parts.get(part, float("nan")) for part in metric.parts}
            if metric.sides == "one":
                real = measured.real_clips[metric.name]
                row |= {metric.name + REAL: real.value, f"{metric.name}{REAL}:frames": real.frames}
                row |= {f"{metric.name}{REAL}:{part}": real.parts.get(part, float("nan")) for part in metric.parts}
                row[f"{metric.name}{REAL}:reason"] = real.reason
    return row


def _of_frames(
    name: str, values: npt.NDArray[np.float64], of_clip: Callable[[npt.NDArray[np.float64]], float]
) -> dict[str, Any]:
    present = values[~np.isnan(values)]
    return {name: of_clip(present) if present.size else float("nan"), f"{name}:frames": int(present.size)}


def _faces_seen(job: Job, side: str, source: Source | None, track: Track) -> npt.NDArray[np.uint8]:
    """Return how many faces a video's frames show: before the crop, where one face was chosen there to be cropped."""
    crop = job.protocol.frame.crop
    if source is not None and (crop == "aligned" or (crop, side) == ("gt-box", "gt")):
        return source.searched.faces
    return track.faces


def clip_columns(metrics: tuple[Metric, ...]) -> pa.Schema:
    """Return the columns of clips.parquet."""
    text = ["clip", "method", "speaker", "emotion", "level", "sentence", "gen_landmarks", "gen_landmarks_sha256"]
    fields = [(name, pa.string()) for name in text]
    fields += [(name, pa.int64()) for name in ("n_frames", "gen_frames", "compared")]
    for side in ("gt", "gen"):
        fields += [(f"{side}_{name}", pa.int64()) for name in ("faces", "several")]
        fields += [(f"{side}_{name}", pa.string()) for name in ("video", "sha256", "colour")]
    names = [name for name, _, _ in _scored(metrics)] + [one.name for one in metrics if one.per_clip is not None]
    names += [metric.name + REAL for metric in metrics if metric.sides == "one"]
    for name in names:
        fields += [(name, pa.float64()), (f"{name}:frames", pa.int64())]
    for metric in metrics:
        if metric.per_clip is not None:
            fields.append((f"{metric.name}:reason", pa.string()))
            sides = ("", REAL) if metric.sides == "one" else ("",)
            if metric.sides == "one":
                fields.append((f"{metric.name}{REAL}:reason", pa.string()))
            fields += [(f"{metric.name}{side}:{part}", pa.float64()) for side in sides for part in metric.parts]
    return pa.schema(fields)


def _frames(job: Job, metrics: tuple[Metric, ...], compared: _Compared, values: Values) -> pa.Table:
    gt_at, gen_at = (np.array(indices, np.int32) for indices in zip(*compared.matches, strict=True))
    columns: dict[str, Any] = {
        "clip": pa.array([job.pair.clip.id] * len(gt_at), pa.string()),
        "method": pa.array([job.pair.take.method] * len(gt_at), pa.string()),
        "frame": gt_at,
        "gen_frame": gen_at,
    }
    for name, stored, _ in _scored(metrics):
        columns[stored] = values[name]
    for side, track, at in (("gt", compared.gt_track, gt_at), ("gen", compared.gen_track, gen_at)):
        status = np.where(track.faces[at] > 0, FaceStatus.OK.value, FaceStatus.NO_FACE.value)
        columns[f"{side}_face"] = pa.array(status.tolist(), pa.string())
        flat = np.ascontiguousarray(track.landmarks[at].reshape(-1))
        columns[f"{side}_landmarks"] = pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), 136)
    return pa.table(columns)
