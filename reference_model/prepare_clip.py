"""One clip: from a video with its sound to aligned frames, landmarks and MFCC, all at once or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bench.encode import VideoWriter
from ..bench.errors import MediaError
from ..bench.protocol import PROTOCOLS
from ..bench.source import Source, content_hash, opened
from .audio import Samples, clip_audio, write_wav
from .canonical import LONGEST_GAP, SIZE, Align, filled, longest_gap, moved, steadied, to_canvas, warp
from .corpus import CorpusClip
from .mfcc import SAMPLE_RATE, SAMPLES_PER_FRAME, mfcc
from .split import Side

FPS = 25
_APART = 1.0
"""Seconds by which sound and picture may differ in length and still be of the same take."""


@dataclass(frozen=True)
class ClipJob:
    """What to prepare, where to (`folder`, and `truth` for a test clip), and how."""

    clip: CorpusClip
    split: Side
    folder: Path
    truth: Path
    align: Align
    faces: str
    cache: Path | None


def prepare_clip(job: ClipJob) -> dict[str, Any]:
    """Prepare a clip unless it is there, whole, and of the same source; return its record.

    Raises MediaError where the clip cannot be used.
    """
    source = _sources(job.clip)
    kept = _kept(job, source)
    if kept is not None:
        return kept
    hidden = job.folder.with_name(f".{job.folder.name}.part")
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    try:
        record = _record(job, source) | _write(job, hidden)
        record |= {
            "files": {file.name: content_hash(file) for file in sorted(hidden.iterdir())},
            "truth": content_hash(job.truth) if job.split == "test" else None,
        }
        (hidden / "clip.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.rmtree(job.folder, ignore_errors=True)
        hidden.rename(job.folder)
    except OSError as error:
        raise MediaError(
            f"{job.folder}: cannot be written ({error.strerror or error}). Free some space; the same command goes on."
        ) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return record


def _record(job: ClipJob, source: dict[str, str | None]) -> dict[str, Any]:
    clip = job.clip
    return {
        "id": clip.id,
        "speaker": clip.speaker,
        "emotion": clip.emotion,
        "level": clip.level,
        "sentence": clip.sentence,
        "split": job.split,
        "path": str(clip.path),
        "source": source,
    }


def _sources(clip: CorpusClip) -> dict[str, str | None]:
    return {
        "video": content_hash(clip.video),
        "audio": None if clip.audio is None else content_hash(clip.audio),
    }


def _kept(job: ClipJob, source: dict[str, str | None]) -> dict[str, Any] | None:
    """Return the record of a clip that needs no work, None where any of its files is missing, damaged or outdated."""
    try:
        record: dict[str, Any] = json.loads((job.folder / "clip.json").read_text(encoding="utf-8"))
        if {name: record.get(name) for name in _record(job, source)} != _record(job, source):
            return None
        whole = all(content_hash(job.folder / name) == sha256 for name, sha256 in record["files"].items())
        if job.split == "test":
            whole = whole and content_hash(job.truth) == record["truth"]
    except (OSError, MediaError, ValueError, KeyError, AttributeError):
        return None
    return record if whole else None


def _write(job: ClipJob, folder: Path) -> dict[str, Any]:
    """Write a clip's files into a folder; return what is to be said of them."""
    samples = clip_audio(job.clip.video, job.clip.audio)
    protocol = PROTOCOLS["talkbench-1"].with_options(faces=job.faces)
    with opened(job.clip.video, Fraction(FPS), protocol=protocol, cache=job.cache) as source:
        length = _common_length(source, samples)
        samples = samples[: SAMPLES_PER_FRAME * length]
        found = source.searched.landmarks[:length]
        start, gap = longest_gap(found)
        if gap > LONGEST_GAP or gap == length:
            raise MediaError(
                f"{job.clip.video}: no face in {gap} frames in a row, from frame {start} on; up to {LONGEST_GAP} can "
                "be filled in. Leave the clip out."
            )
        landmarks = steadied(filled(source.source_landmarks()[:length]))
        matrices = to_canvas(landmarks, job.align)
        frames = np.lib.format.open_memmap(
            folder / "frames.npy", mode="w+", dtype=np.uint8, shape=(length, SIZE, SIZE, 3)
        )
        for index, frame in enumerate(islice(source.frames(), length)):
            frames[index] = warp(matrices[index])(frame)
        frames.flush()
    np.save(folder / "landmarks.npy", moved(landmarks, matrices))
    np.save(folder / "matrix.npy", matrices.astype(np.float32))
    np.save(folder / "mfcc.npy", mfcc(samples, length))
    write_wav(folder / "audio.wav", samples)
    if job.split == "test":
        _write_truth(job.truth, frames, samples)
    return {
        "frames": length,
        "source_frames": source.length,
        "filled_in": int(np.isnan(found).any(axis=(1, 2)).sum()),
    }


def _common_length(source: Source, samples: Samples) -> int:
    """Return how many frames have both picture and sound."""
    picture, sound = source.length / FPS, len(samples) / SAMPLE_RATE
    if abs(picture - sound) > _APART:
        raise MediaError(
            f"{source.path}: its picture lasts {picture:.2f} s, its sound {sound:.2f} s: more than {_APART:g} s apart, "
            "so they are hardly of the same take. Check which sound belongs to it."
        )
    length = min(source.length, len(samples) // SAMPLES_PER_FRAME)
    if not length:
        raise MediaError(f"{source.path}: has less than one frame (0.04 s) of picture or sound. Leave it out.")
    return length


def _write_truth(file: Path, frames: npt.NDArray[np.uint8], samples: Samples) -> None:
    """Write frames and sound as a video from which the very same frames are read: FFV1 in RGB."""
    with VideoWriter(file, (SIZE, SIZE), fps=FPS, audio=(samples, SAMPLE_RATE), codec="ffv1", pix_fmt="bgr0") as video:
        for frame in frames:
            video.add(frame)
