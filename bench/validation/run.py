"""Validating metrics: write the clips and every distorted take of them, and score those as if they were methods.

The folder holds `real/`, `takes/<distortion>-<level>/`, and `run/`, the result folder of an ordinary run. Takes are
H.264 at crf 0 in 4:4:4, which loses nothing but the rounding of the colour conversion: what a metric sees is the
distortion. Noise on landmarks is no change of pixels: there the take's landmarks, once found, are noised and kept in
the run's own cache, where the run reads them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ...metrics.contract import Frame
from ..cache import Track
from ..demo.corpus import run_jobs
from ..encode import Sound, VideoWriter
from ..errors import MediaError, TalkbenchError
from ..protocol import PROTOCOLS, Protocol
from ..results import Results, write_json
from ..run import Options, Progress, run
from ..source import Side, content_hash, framings, keep_track, opened
from .distortions import DISTORTIONS, FLOOR, FLOOR_CRF
from .pixels import with_noise
from .subjects import RATE, Kept, Subject, demo_subjects, not_applicable, real_subjects, take_frames

FORMAT = 1
NOISE = "landmark-noise"
FIRST_KEYFRAMES = 20
"""Takes with noised landmarks have the same frames; their keyframes differ, so that each is a file of its own."""


@dataclass(frozen=True)
class Validated:
    """A finished run over distorted takes, and why some distortions were left out, by name."""

    results: Results
    left_out: Mapping[str, str]
    corpus: str


@dataclass(frozen=True)
class _Job:
    """All takes of one clip. `other` lends its face to a real one."""

    subject: Subject
    other: Subject | None
    folder: Path
    count: int
    distortions: tuple[str, ...]
    protocol: Protocol


def validate(
    out: Path,
    *,
    gt: Path | None = None,
    metrics: Sequence[str] = ("full",),
    plugins: Sequence[str] = (),
    weights: Mapping[str, Path] | None = None,
    clips: int = 4,
    frames: int = 50,
    workers: int = 1,
    progress: Progress | None = None,
) -> Validated:
    """Distort the first `frames` frames of `clips` clips, and measure the metrics on every take.

    The clips are those of the folder `gt`, or the demo's. The same call goes on where a killed one stopped. Raises
    TalkbenchError for input that cannot be used, and for a folder that holds something else.
    """
    protocol = PROTOCOLS["talkbench-1"].with_options(metrics=metrics, plugins=plugins, weights=weights)
    subjects = demo_subjects(clips) if gt is None else real_subjects(gt, clips)
    left_out = not_applicable(subjects)
    made = tuple(name for name in DISTORTIONS if name not in left_out)
    _claim(out, _config(subjects, frames, made))
    report = progress or (lambda phase, done, total: None)
    jobs = [
        _Job(subject, None if len(subjects) < 2 else subjects[(at + 1) % len(subjects)], out, frames, made, protocol)
        for at, subject in enumerate(subjects)
    ]
    # all clips first: a face is borrowed from another clip
    run_jobs(_write_real, jobs, workers=workers, progress=lambda n, of: report("make", n, 2 * of))
    run_jobs(_write_takes, jobs, workers=workers, progress=lambda n, of: report("make", n + of, 2 * of))
    methods = [FLOOR, *(DISTORTIONS[name].method(level) for name in made for level in DISTORTIONS[name].levels)]
    options = Options(
        gt=out / "real",
        gen={method: out / "takes" / method for method in methods},
        adapters=dict.fromkeys(methods, "folder"),
        manifest=None,
        protocol=protocol,
        workers=workers,
        cache=out / "cache",
    )
    run(options, out / "run", progress=progress)
    return Validated(Results.load(out / "run", frames=False), left_out, "demo" if gt is None else "real")


def _config(subjects: Sequence[Subject], frames: int, distortions: Sequence[str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "frames": frames,
        "clips": {
            str(one.path): "demo" if one.video is None else content_hash(one.video, one.reading.prefix)
            for one in subjects
        },
        "distortions": {name: list(DISTORTIONS[name].levels) for name in distortions},
    }


def _claim(out: Path, config: dict[str, Any]) -> None:
    """Make or reopen the folder. Raises TalkbenchError where it holds anything but these very takes."""
    file = out / "validation-takes.json"
    if file.exists():
        if json.loads(file.read_text(encoding="utf-8")) != config:
            raise TalkbenchError(
                f"{out}: holds takes of other clips, or of other lengths or levels. Choose another -o, or remove it."
            )
        return
    try:
        if out.is_dir() and any(out.iterdir()):
            raise TalkbenchError(f"{out}: is not empty and holds no validation. Choose a new folder for -o.")
        out.mkdir(parents=True, exist_ok=True)
        write_json(file, config)
    except OSError as error:
        raise TalkbenchError(f"{out}: cannot be made ({error.strerror}). Choose another -o.") from error


def _write_real(job: _Job) -> None:
    file = job.folder / "real" / job.subject.path
    if not file.exists():
        _write(file, job.subject.frames(job.count), job.subject.sound())


def _write_takes(job: _Job) -> None:
    """Write every take of one clip, and keep noised landmarks for those that are nothing but that."""
    sound = job.subject.sound()
    kept, track = _kept(job, job.subject)
    other = None if job.other is None or job.subject.video is None else _kept(job, job.other)[0]
    _write_take(job, FLOOR, lambda: kept.frames(), sound, crf=FLOOR_CRF)
    for name in job.distortions:
        for at, level in enumerate(DISTORTIONS[name].levels):
            file = _write_take(
                job,
                DISTORTIONS[name].method(level),
                partial(take_frames, job.subject, kept, other, name, level),
                sound,
                crf=round(level) if name == "re-encode" else None,
                keyframes=FIRST_KEYFRAMES + at if name == NOISE else None,
            )
            if name == NOISE:
                _keep_noise(job, file, track, level)


def _write_take(
    job: _Job,
    method: str,
    frames: Callable[[], Iterator[Frame]],
    sound: Sound | None,
    *,
    crf: int | None,
    keyframes: int | None = None,
) -> Path:
    file = job.folder / "takes" / method / job.subject.path
    if not file.exists():
        _write(file, frames(), sound, crf=crf, keyframes=keyframes)
    return file


def _write(
    file: Path, frames: Iterator[Frame], sound: Sound | None, *, crf: int | None = None, keyframes: int | None = None
) -> None:
    """Write a video at this quality, without loss where `crf` is None."""
    first = next(frames, None)
    if first is None:
        raise MediaError(f"{file.name}: the clip has no frames. Leave it out.")
    quality: dict[str, Any] = {"crf": 0, "pix_fmt": "yuv444p"} if crf is None else {"crf": crf}
    size = (first.shape[1], first.shape[0])
    with VideoWriter(file, size, fps=RATE, audio=sound, keyframes=keyframes, **quality) as writer:
        for frame in chain([first], frames):
            writer.add(frame)


def _kept(job: _Job, subject: Subject) -> tuple[Kept, Track]:
    """Return a clip as it is measured, and its track in px of what is measured."""
    video = job.folder / "real" / subject.path
    with opened(video, RATE, protocol=job.protocol, cache=job.folder / "cache") as source:
        track = Side(source, framings(source, source)[0]).finish()
        found = track.landmarks
        if subject.video is not None and (track.faces > 0).any():
            found = source.source_landmarks()
    return Kept(video, found.astype(np.float64)), track


def _keep_noise(job: _Job, take: Path, track: Track, level: float) -> None:
    noisy = Track(with_noise(track.landmarks, level, seed=zlib.crc32(str(job.subject.path).encode())), track.faces)
    with opened(take, RATE, protocol=job.protocol, cache=job.folder / "cache") as source:
        keep_track(source, framings(source, source)[0], noisy)
