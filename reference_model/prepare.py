"""Prepare a corpus: every clip aligned and cut, a split, and for each speaker a face model and the MFCC's statistics.

`prepared.py` says what is written. A preparation that was interrupted goes on when it is started again: a clip's folder
appears when it is whole, and a clip that is there is hashed, not made again, unless it is damaged or its source has
changed. The bytes do not depend on the number of workers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..bench.cache import default_folder
from ..bench.claim import first_difference, locked
from ..bench.errors import TalkbenchError
from ..bench.faces import weights_hash
from ..bench.pool import outcomes
from ..bench.results import replacing, write_json
from ..bench.run import Progress
from ..bench.signature import ENGINE
from ..bench.source import content_hash
from ..bench.video import decoder_version
from .canonical import Align
from .corpus import CorpusClip, find_corpus
from .mfcc import HOPS_PER_FRAME, LEFT
from .pca import LandmarkPca
from .prepare_clip import FPS, ClipJob, prepare_clip
from .prepared import FORMAT, TRUTH_SUFFIX, Prepared, PreparedClip
from .split import Side, Split, split_clips, warnings

_PAD = LEFT // 160
"""Hops of silence before the sound."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be chosen about a preparation; docs/mead.md says more.

    `levels` of emotion to take (neutral is always taken); `align`: see `canonical`; `split`: see `split`; `components`:
    K of the face model; `faces`: "exact", or "track", which is faster.
    """

    levels: tuple[int, ...] = (3,)
    align: Align = "frame"
    split: Split = "sentence"
    components: int = 16
    faces: Literal["exact", "track"] = "exact"


def prepare(
    corpus: Path,
    out: Path,
    *,
    settings: Settings = Settings(),
    workers: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Prepare the corpus below a folder into the folder `out`, or go on with it; return what is there.

    A clip that cannot be used is left out and listed with the reason under "failures" in prep.json. `cache` keeps found
    faces; by default the bench's own. Raises TalkbenchError where nothing can be prepared.
    """
    found = find_corpus(corpus, levels=settings.levels)
    sides = split_clips(found.clips, settings.split)
    config = {"settings": asdict(settings) | {"levels": sorted(set(settings.levels))}, "versions": _versions()}
    with locked(out):
        _refuse_other(out, config, {clip.id for clip in found.clips})
        write_json(out / "prep.json", {"format": FORMAT, "finished": False, "config": config})
        jobs = [_job(clip, sides[clip.id], out, settings, cache or default_folder()) for clip in found.clips]
        records, failures = _prepare_clips(jobs, workers, progress)
        info = {
            "format": FORMAT,
            "finished": True,
            "config": config,
            "split": {side: sorted(name for name in records if sides[name] == side) for side in ("train", "test")},
            "warnings": warnings([clip for clip in found.clips if clip.id in records], sides, settings.split),
            "failures": failures,
            "left_out": [
                {"file": str(file.relative_to(corpus)) if file.is_relative_to(corpus) else str(file), "reason": reason}
                for file, reason in found.left_out
            ],
            "clips": dict(sorted(records.items())),
        }
        speakers = {}
        for speaker in sorted({record["speaker"] for record in records.values()}):
            clips = Prepared(out, info, "").clips(speaker=speaker)
            speakers[speaker] = _prepare_speaker(speaker, clips, out, settings.components)
        write_json(out / "prep.json", info | {"speakers": speakers})
    return Prepared.load(out)


def _versions() -> dict[str, str]:
    """Return what can change a byte, beside the settings."""
    return {
        "engine": ENGINE,
        "weights": weights_hash(),
        "dlib": version("dlib-bin"),
        "decoder": decoder_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
    }


def _refuse_other(out: Path, config: Mapping[str, Any], clips: set[str]) -> None:
    """Raise TalkbenchError for a folder that holds anything but this preparation, or clips that the corpus lacks."""
    file = out / "prep.json"
    if not file.exists():
        if any(out.iterdir()):
            raise TalkbenchError(f"{out}: is not empty and not a prepared corpus. Choose a new folder for -o.")
        return
    try:
        there = json.loads(file.read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TalkbenchError(f"{file}: cannot be read ({error}). Choose a new folder for -o.") from error
    different = first_difference(there, dict(config))
    if different:
        name, old, new = different
        raise TalkbenchError(
            f"{out}: was prepared otherwise: {name} is {old!r} there and {new!r} here. "
            "Choose another -o, or remove that folder."
        )
    kept = {str(record.parent.relative_to(out / "clips")) for record in (out / "clips").rglob("clip.json")}
    if kept - clips:
        raise TalkbenchError(
            f"{out}: holds the clip {min(kept - clips)}, which the corpus lacks. Choose another -o for another corpus."
        )


def _job(clip: CorpusClip, side: Side, out: Path, settings: Settings, cache: Path) -> ClipJob:
    truth = out / "truth" / clip.path.with_name(clip.path.name + TRUTH_SUFFIX)
    if side == "train":
        truth.unlink(missing_ok=True)  # it was a test clip while the corpus had fewer sentences
    return ClipJob(clip, side, out / "clips" / clip.id, truth, settings.align, settings.faces, cache)


def _prepare_clips(
    jobs: Sequence[ClipJob], workers: int, progress: Progress | None
) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """Return the records by clip id, and the failures sorted by clip id."""
    records: dict[str, dict[str, Any]] = {}
    failures: list[dict[str, str]] = []
    for number, (job, outcome) in enumerate(outcomes(list(jobs), workers, prepare_clip), start=1):
        if isinstance(outcome, str):
            failures.append({"clip": job.clip.id, "file": str(job.clip.video), "reason": outcome})
            shutil.rmtree(job.folder, ignore_errors=True)  # of a time when it could be used
            job.truth.unlink(missing_ok=True)
        else:
            records[job.clip.id] = outcome
        if progress:
            progress("prepare", number, len(jobs))
    failures.sort(key=lambda failure: failure["clip"])
    if not records:
        raise TalkbenchError(f"None of {len(jobs)} clips can be prepared; the first: {failures[0]['reason']}")
    return records, failures


def _prepare_speaker(speaker: str, clips: Sequence[PreparedClip], out: Path, components: int) -> dict[str, Any]:
    """Fit a speaker's face model and the MFCC's statistics to the training split; write them, return the numbers."""
    train = [clip for clip in clips if clip.split == "train"]
    tracks = {side: [clip.landmarks for clip in clips if clip.split == side] for side in ("train", "test")}
    frames = sum(clip.length for clip in train)
    if frames <= components:
        raise TalkbenchError(
            f"Speaker {speaker} has {frames} training frames, too few for a face model of {components} directions. "
            "Prepare more clips of this speaker, or leave the speaker out."
        )
    pca = LandmarkPca.fit(np.concatenate(tracks["train"]), components)
    spoken = [clip.mfcc[_PAD : _PAD + HOPS_PER_FRAME * clip.length, 1:] for clip in train]
    heard = np.concatenate(spoken).astype(np.float64)
    file = out / "speakers" / f"{speaker}.npz"
    file.parent.mkdir(exist_ok=True)
    with replacing(file) as temporary:
        pca.save(temporary, mfcc_mean=heard.mean(axis=0), mfcc_std=np.maximum(heard.std(axis=0), 1e-6))
    return {
        "file": str(file.relative_to(out)),
        "sha256": content_hash(file),
        "frames": {side: sum(map(len, tracks[side])) for side in tracks},
        "seconds": {side: sum(map(len, tracks[side])) / FPS for side in tracks},
        "explained_variance": pca.explained.tolist(),
        "oracle_lmd_px": {side: pca.oracle_lmd(np.concatenate(of)) if of else None for side, of in tracks.items()},
    }
