"""Run a plan: one task per pair, on one process or several, resumable, into a result folder."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from ..metrics.contract import Metric
from .cache import TrackCache, default_folder, size_limit
from .choice import check_weights
from .claim import held, refuse_other
from .device import check_device
from .errors import TalkbenchError
from .files import files, hash_of, unchanged
from .inspection import Inspected, Inspection, inspect
from .limits import Limits
from .location import location
from .measure import PREDICTED, Job, clip_columns
from .pairing import Plan, plan_folders, plan_manifest
from .pool import Failed, Here, Pool, Workers
from .protocol import PROTOCOLS, Protocol
from .results import FORMAT, Results, Store, read_run
from .sets import set_values
from .signature import ingredients, signature
from .tasks import MeasuredInto, measured
from .vocabulary import Pair

Source = str | Path
Progress = Callable[[str, int, int], None]
"""Called with the phase ("inspect", "measure"), the number of items done, and the number of all."""


@dataclass(frozen=True)
class Options:
    """What to score and how. With no `cache` folder, landmarks are not kept.

    `workers` processes open the videos, under limits; None opens them here. `cluster`, the address of a Dask scheduler
    or a TOML file on a queue, opens them on its machines.
    """

    gt: Path | None
    gen: Mapping[str, Path]
    manifest: Path | None
    protocol: Protocol
    adapters: Mapping[str, str] = field(default_factory=dict)
    key: Literal["path", "stem"] = "path"
    allow_missing: bool = False
    workers: int | None = None
    cache: Path | None = None
    device: str = "cpu"
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.key not in ("path", "stem"):
            raise TalkbenchError(f"key {self.key!r}: expected 'path' or 'stem'.")
        if self.workers is not None and self.workers < 1:
            raise TalkbenchError(f"workers {self.workers}: expected at least 1.")
        if self.workers is not None and self.cluster is not None:
            raise TalkbenchError("--workers counts processes of this machine, --cluster has its own: leave one out.")

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
    workers: int | None = None,
    out: Source | None = None,
    cache: Source | Literal[False] | None = None,
    device: str = "cpu",
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Results:
    """Score one folder (or video) per method against a folder (or video) of real clips.

    `metrics` names what the table shows, with "paper" for the protocol's own and "full" for all that can be measured;
    `plugins` are metrics in files ("path.py:NAME"), `weights` the files that some metrics need, by kind (`talkbench
    metrics`). `adapters` names a method's output layout where its file names do not give it away (`talkbench systems`).
    `out` is the result folder, resumed where it holds the same run unfinished; without it the numbers are only
    returned. They come with all frames, which do not fit in memory for very many clips: run `talkbench score` there,
    and read its folder with `Results.load(folder, frames=False)`. `cache` is where landmarks are kept (None: the user's
    cache folder; False: nowhere). `device` is where pixels are compared: "cpu" or "cuda". With `workers`, videos are
    opened in that many processes, under limits of time and memory (docs/trust.md); call this below `if __name__ ==
    "__main__":` then. Without, they are opened here: no process to start, but a file that crashes its decoder ends the
    caller. Raises TalkbenchError for input that cannot be scored; a video that cannot be used costs its own pair alone,
    which is then in `Results.failures`.
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
        gt=None if gt is None else location(gt),
        gen={name: location(path) for name, path in (gen or {}).items()},
        manifest=None if manifest is None else Path(manifest),
        protocol=resolved,
        adapters=adapters or {},
        key=key,
        allow_missing=allow_missing,
        workers=workers,
        cache=None if cache is False else Path(cache) if cache is not None else default_folder(),
        device=device,
        cluster=cluster,
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
    cache_size = size_limit()
    refuse_other(folder, options.config())
    check_weights(options.protocol.measured)
    plan = options.plan()
    refusal = plan.refusal()
    if refusal and not options.allow_missing:
        raise TalkbenchError(refusal)
    report = progress or (lambda phase, done, total: None)
    limits = Limits.stated()
    with _pool(options, limits) as pool:
        inspection = inspect(
            plan,
            options.protocol,
            frame_rate=options.frame_rate,
            pool=pool,
            limits=limits,
            cache=options.cache,
            progress=lambda n, of: report("inspect", n, of),
        )
        for problem in (inspection.nothing_readable(), inspection.refusal()):
            if problem:
                raise TalkbenchError(problem)
        with held(folder, options.config()) as store:
            sets = [metric for metric in options.protocol.measured if metric.per_set is not None]
            left = set(_left(plan, store, options, sets, pool=pool, limits=limits))
            if not left and read_run(folder)["finished"] and store.is_whole():
                store.drop_parts()
                return
            store.unpack()
            for pair in left:
                store.forget(pair.take.method, pair.clip.id)
            to_do = [inspected for inspected in inspection.pairs if inspected.pair in left]
            failures = _measure_all(to_do, options, store, report, pool=pool, limits=limits, total=len(plan.pairs))
            store.finish(
                [(pair.take.method, pair.clip.id) for pair in plan.pairs],
                clip_columns(options.protocol.measured),
                failures,
                _provenance(options, plan, inspection) | set_values(sets, options.protocol.shown, plan, store),
            )
    TrackCache(options.cache).trim(cache_size)


def _pool(options: Options, limits: Limits) -> AbstractContextManager[Pool]:
    if options.cluster is not None:
        from .cluster import connected  # not everybody has Dask

        return connected(options.cluster, options.protocol, device=options.device, memory=limits.memory)
    if options.workers is None:
        return nullcontext(Here())
    # What a GPU's driver maps is no measure of what a clip needs.
    return Workers(options.workers, limits.memory if options.device == "cpu" else None)


def _left(
    plan: Plan, store: Store, options: Options, sets: Sequence[Metric], *, pool: Pool, limits: Limits
) -> list[Pair]:
    """Return the pairs that are not measured yet, or whose files have changed since."""
    rows = store.rows((pair.take.method, pair.clip.id) for pair in plan.pairs)
    read = {pair: files(pair, options.cache) for pair in plan.pairs if (pair.take.method, pair.clip.id) in rows}
    wanted = dict.fromkeys(file for of_pair in read.values() for file in of_pair.values())
    hashes = dict(pool.map(hash_of, ((file, limits.to_probe(file.size)) for file in wanted)))

    def fresh(pair: Pair) -> bool:
        name = (pair.take.method, pair.clip.id)
        if pair not in read or any(store.read_embeddings(*name, metric.name) is None for metric in sets):
            return False
        return unchanged(rows[name], read[pair], hashes.__getitem__)

    return [pair for pair in plan.pairs if not fresh(pair)]


def _measure_all(
    pairs: list[Inspected],
    options: Options,
    store: Store,
    report: Progress,
    *,
    pool: Pool,
    limits: Limits,
    total: int,
) -> list[dict[str, str]]:
    """Measure the pairs, store each as it comes, and return the failures in the order of the plan."""
    reasons = {one.pair: one.broken for one in pairs if one.broken is not None}
    jobs = (
        (
            Job(one.pair, options.protocol, options.frame_rate, options.cache, options.device),
            limits.to_measure(one.gt, one.gen),
        )
        for one in pairs
        if one.broken is None
    )
    into = MeasuredInto(store.folder.absolute(), signature(options.protocol, device=options.device))
    measure: Callable[[Job], Any] = measured if options.cluster is None else into
    done = total - len(pairs) + len(reasons)
    report("measure", done, total)
    for job, outcome in pool.map(measure, jobs):
        if isinstance(outcome, Failed):
            reasons[job.pair] = outcome.reason
        elif outcome is not None:
            store.write_part(outcome)
        done += 1
        report("measure", done, total)
    return [_failure(one.pair, reasons[one.pair]) for one in pairs if one.pair in reasons]


def _failure(pair: Pair, reason: str) -> dict[str, str]:
    return {
        "clip": pair.clip.id,
        "method": pair.take.method,
        "file": str(_blamed(pair, reason)),
        "reason": reason,
    }


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
