"""Run a plan: one task per pair, on one process or several, resumable, into a result folder."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from ..metrics.contract import Metric
from .cache import TrackCache, default_folder, size_limit
from .choice import check_weights
from .claim import held, refuse_other
from .device import check_device
from .errors import MediaError, TalkbenchError
from .inspection import Inspection, inspect
from .measure import PREDICTED, Job, clip_columns
from .pairing import Plan, plan_folders, plan_manifest
from .pool import outcomes
from .protocol import PROTOCOLS, Protocol
from .results import FORMAT, Part, Results, Store, read_run
from .sets import set_values
from .signature import ingredients, signature
from .source import content_hash
from .vocabulary import Pair

Source = str | Path
Progress = Callable[[str, int, int], None]
"""Called with the phase ("inspect", "measure"), the number of items done, and the number of all."""


@dataclass(frozen=True)
class Options:
    """What to score and how. With no `cache` folder, landmarks are not kept."""

    gt: Path | None
    gen: Mapping[str, Path]
    manifest: Path | None
    protocol: Protocol
    adapters: Mapping[str, str] = field(default_factory=dict)
    key: Literal["path", "stem"] = "path"
    allow_missing: bool = False
    workers: int = 1
    cache: Path | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.key not in ("path", "stem"):
            raise TalkbenchError(f"key {self.key!r}: expected 'path' or 'stem'.")
        if self.workers < 1:
            raise TalkbenchError(f"workers {self.workers}: expected at least 1.")

    @property
    def frame_rate(self) -> Fraction:
        """Return the rate that folders of frames are taken to run at."""
        return Fraction(self.protocol.time.folder_fps)

    def plan(self) -> Plan:
        """List and pair the files."""
        if self.manifest is not None:
            return plan_manifest(self.manifest)
        if self.gt is None:
            raise TalkbenchError("No ground truth given. Expected --gt DIR with --gen NAME=DIR, or --manifest CSV.")
        return plan_folders(self.gt, self.gen, key=self.key, adapters=self.adapters)

    def config(self) -> dict[str, Any]:
        """Return what must be equal for a run to go on in the same folder."""
        return {
            "gt": None if self.gt is None else str(self.gt.absolute()),
            "gen": {name: str(path.absolute()) for name, path in self.gen.items()},
            "manifest": None if self.manifest is None else str(self.manifest.absolute()),
            "adapters": dict(self.adapters),
            "key": self.key,
            "allow_missing": self.allow_missing,
            "signature": signature(self.protocol, device=self.device),
            "ingredients": ingredients(self.protocol, device=self.device),
        }


def score(
    gt: Source | None,
    gen: Mapping[str, Source] | None = None,
    *,
    manifest: Source | None = None,
    protocol: str | Protocol = "talkbench-1",
    align: str | None = None,
    crop: str | None = None,
    faces: Literal["exact", "track"] | None = None,
    adapters: Mapping[str, str] | None = None,
    key: Literal["path", "stem"] = "path",
    allow_missing: bool = False,
    frame_fps: Fraction | None = None,
    metrics: Sequence[str] = (),
    plugins: Sequence[str] = (),
    weights: Mapping[str, Source] | None = None,
    workers: int = 1,
    out: Source | None = None,
    cache: Source | Literal[False] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Results:
    """Score one folder (or video) per method against a folder (or video) of real clips.

    `metrics` names what the table shows, with "paper" for the protocol's own and "full" for all that can be measured;
    `plugins` are metrics in files ("path.py:NAME"), `weights` the files that some metrics need, by kind (`talkbench
    metrics`). `adapters` names a method's output layout where its file names do not give it away (`talkbench systems`).
    `out` is the result folder, resumed where it holds the same run unfinished; without it the numbers are only
    returned. `cache` is where landmarks are kept (None: the user's cache folder; False: nowhere). `device` is where
    pixels are compared: "cpu" or "cuda". With `workers` > 1 call this below `if __name__ == "__main__":`. Raises
    TalkbenchError for input that cannot be scored; a video that cannot be used costs its own pair alone, which is
    then in `Results.failures`.
    """
    resolved = (PROTOCOLS[protocol] if isinstance(protocol, str) else protocol).with_options(
        align=align,
        crop=crop,
        faces=faces,
        frame_fps=frame_fps,
        metrics=metrics,
        plugins=plugins,
        weights={kind: Path(file) for kind, file in (weights or {}).items()},
    )
    options = Options(
        gt=None if gt is None else Path(gt),
        gen={name: Path(path) for name, path in (gen or {}).items()},
        manifest=None if manifest is None else Path(manifest),
        protocol=resolved,
        adapters=adapters or {},
        key=key,
        allow_missing=allow_missing,
        workers=workers,
        cache=None if cache is False else Path(cache) if cache is not None else default_folder(),
        device=device,
    )
    if out is not None:
        run(options, Path(out), progress=progress)
        return Results.load(Path(out))
    with tempfile.TemporaryDirectory(prefix="talkbench-") as folder:
        run(options, Path(folder), progress=progress)
        return Results.load(Path(folder))


def run(options: Options, folder: Path, *, progress: Progress | None = None) -> None:
    """Carry out a run in a result folder, or what is left of it."""
    check_device(options.device)
    limit = size_limit()
    refuse_other(folder, options.config())
    check_weights(options.protocol.measured)
    plan = options.plan()
    refusal = plan.refusal()
    if refusal and not options.allow_missing:
        raise TalkbenchError(refusal)
    report = progress or (lambda phase, done, total: None)
    inspection = inspect(
        plan, options.protocol, frame_rate=options.frame_rate, progress=lambda n, of: report("inspect", n, of)
    )
    for problem in (inspection.nothing_readable(), inspection.refusal()):
        if problem:
            raise TalkbenchError(problem)
    with held(folder, options.config()) as store:
        sets = [metric for metric in options.protocol.measured if metric.per_set is not None]
        left = _left(plan, store, sets)
        if not left and read_run(folder)["finished"]:
            return
        store.unpack()
        for pair in left:
            store.forget(pair.take.method, pair.clip.id)
        failures = _measure_all(left, options, store, report, total=len(plan.pairs))
        store.finish(
            [(pair.take.method, pair.clip.id) for pair in plan.pairs],
            clip_columns(options.protocol.measured),
            failures,
            _provenance(options, plan, inspection) | set_values(sets, options.protocol.shown, plan, store),
        )
    TrackCache(options.cache).trim(limit)


def _left(plan: Plan, store: Store, sets: Sequence[Metric]) -> list[Pair]:
    """Return the pairs that are not measured yet, or whose files have changed since."""
    rows = store.finished_rows()

    @cache
    def hash_of(path: Path | None, prefix: str | None) -> str | None:
        try:
            return None if path is None else content_hash(path, prefix)
        except (OSError, MediaError):
            return "unreadable"

    def fresh(pair: Pair) -> bool:
        name = (pair.take.method, pair.clip.id)
        row = store.read_row(*name) or rows.get(name)
        take = pair.take
        if row is None or any(store.read_embeddings(*name, metric.name) is None for metric in sets):
            return False
        files = (
            (row["gt_sha256"], pair.clip.video, None),
            (row["gen_sha256"], take.video, take.reading.prefix),
            (row["gen_landmarks_sha256"], take.landmarks, None),
        )
        return all(known == hash_of(path, prefix) for known, path, prefix in files)

    return [pair for pair in plan.pairs if not fresh(pair)]


def _measure_all(
    pairs: list[Pair], options: Options, store: Store, report: Progress, *, total: int
) -> list[dict[str, str]]:
    """Measure the pairs, store each as it comes, and return the failures in the order of the plan."""
    jobs = [Job(pair, options.protocol, options.frame_rate, options.cache, options.device) for pair in pairs]
    failures: dict[Pair, dict[str, str]] = {}
    done = total - len(jobs)
    report("measure", done, total)
    for job, outcome in outcomes(jobs, options.workers):
        if isinstance(outcome, Part):
            store.write_part(outcome)
        else:
            failures[job.pair] = {
                "clip": job.pair.clip.id,
                "method": job.pair.take.method,
                "file": str(_blamed(job.pair, outcome)),
                "reason": outcome,
            }
        done += 1
        report("measure", done, total)
    return [failures[pair] for pair in pairs if pair in failures]


def _blamed(pair: Pair, reason: str) -> Path | None:
    """Return the file that a reason begins with; the take where it names none."""
    take = pair.take.video or pair.take.landmarks
    files = (pair.take.video, pair.take.landmarks, pair.clip.video)
    return next((file for file in files if file is not None and reason.startswith(str(file))), take)


def _provenance(options: Options, plan: Plan, inspection: Inspection) -> dict[str, Any]:
    """Return run.json: everything needed to read, to trust and to repeat the numbers."""
    from .. import __version__

    protocol = options.protocol
    return {
        "format": FORMAT,
        "finished": False,
        "protocol": protocol.name,
        "signature": signature(protocol, device=options.device),
        "methods": list(plan.methods),
        "planned": {method: len(plan.clips) for method in plan.methods},
        "missing": {method: list(ids) for method, ids in plan.missing.items() if ids},
        "left_out": {method: list(ids) for method, ids in plan.extra.items() if ids},
        "metrics": _metrics(protocol, predicted=any(pair.take.landmarks for pair in plan.pairs)),
        "coverage_threshold": protocol.table.coverage,
        "ci": protocol.table.model_dump(mode="json", exclude={"coverage"}),
        "warnings": inspection.notes(),
        "talkbench": __version__,
        "platform": {"python": platform.python_version(), "system": platform.platform()},
        "config": options.config(),
    }


def _metrics(protocol: Protocol, *, predicted: bool) -> list[dict[str, Any]]:
    """Describe the metrics, and with `predicted` those on the methods' own landmarks beside them."""
    described = []
    for metric in protocol.measured:
        if metric.per_set is not None:  # no column of clips.parquet: see `sets`
            continue
        choice = protocol.metrics[metric.name]
        one = {
            "name": metric.name,
            "needs": metric.needs,
            "better": metric.better,
            "unit": metric.unit,
            "decimals": metric.decimals,
            "version": metric.version,
            "perfect": "inf" if metric.perfect == float("inf") else metric.perfect,
            **({"sides": "one"} if metric.sides == "one" else {}),
            **({"limits": [end if isfinite(end) else None for end in metric.limits]} if metric.limits else {}),
            **({"whole_clip": True, "parts": list(metric.parts)} if metric.per_clip is not None else {}),
            "shown": choice.shown,
            "over": choice.over,
        }
        described.append(one)
        if predicted and metric.needs == "landmarks":
            described.append(one | {"name": metric.name + PREDICTED})
    return described
