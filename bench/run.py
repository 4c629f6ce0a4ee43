"""Run a plan: one task per pair, on one process or several, resumable, into a result folder."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from .cache import TrackCache, default_folder, size_limit
from .device import check_device
from .errors import MediaError, TalkbenchError
from .inspection import Inspection, inspect
from .measure import PREDICTED, Job, clip_columns, measure
from .pairing import Plan, plan_folders, plan_manifest
from .protocol import PROTOCOLS, Protocol
from .results import FORMAT, Part, Results, Store, read_run, write_json
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
    workers: int = 1,
    out: Source | None = None,
    cache: Source | Literal[False] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Results:
    """Score one folder (or video) per method against a folder (or video) of real clips.

    `adapters` names a method's output layout where its file names do not give it away (`talkbench systems`).
    `out` is the result folder, resumed where it holds the same run unfinished; without it the numbers are only
    returned. `cache` is where landmarks are kept (None: the user's cache folder; False: nowhere). `device` is where
    pixels are compared: "cpu" or "cuda". With `workers` > 1 call this below `if __name__ == "__main__":`. Raises
    TalkbenchError for input that cannot be scored; a video that cannot be used costs its own pair alone, which is
    then in `Results.failures`.
    """
    resolved = (PROTOCOLS[protocol] if isinstance(protocol, str) else protocol).with_options(
        align=align, crop=crop, faces=faces, frame_fps=frame_fps
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
    with _held(folder, options.config()) as store:
        left = _left(plan, store)
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
            _provenance(options, plan, inspection),
        )
    TrackCache(options.cache).trim(limit)


@contextmanager
def _held(folder: Path, config: dict[str, Any]) -> Iterator[Store]:
    """Make or reopen the result folder and keep other runs out of it meanwhile."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise TalkbenchError(f"{folder}: cannot be made ({error.strerror}). Choose another -o.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TalkbenchError(
                f"{folder}: another run is writing here. Wait for it, or choose another -o."
            ) from error
        store = Store(folder)
        try:
            _claim(store, config)
            yield store
        except OSError as error:
            raise TalkbenchError(
                f"{folder}: cannot be written ({error.strerror or error}). Free space or choose another -o; what was "
                "measured is kept, and the same command goes on from there."
            ) from error
    finally:
        os.close(handle)


def _claim(store: Store, config: dict[str, Any]) -> None:
    """Refuse a folder that holds anything but this very run."""
    if (store.folder / "run.json").exists():
        there = read_run(store.folder)["config"]
        different = _first_difference(there, config)
        if different:
            name, old, new = different
            raise TalkbenchError(
                f"{store.folder}: holds another run: {name} is {old!r} there and {new!r} here. "
                "Choose another -o, or remove that folder."
            )
    elif any(store.folder.iterdir()):
        raise TalkbenchError(f"{store.folder}: is not empty and not a result folder. Choose a new folder for -o.")
    else:
        write_json(store.folder / "run.json", {"format": FORMAT, "finished": False, "config": config})


def _first_difference(old: object, new: object, name: str = "") -> tuple[str, object, object] | None:
    """Return (dotted name, old, new) of the first difference between two JSON values, the most telling one first."""
    if isinstance(old, dict) and isinstance(new, dict):
        order = {"name": 0, "protocol": 0, "metrics": 2, "signature": 3}
        for field in sorted({*old, *new}, key=lambda field: (order.get(field, 1), field)):
            found = _first_difference(old.get(field), new.get(field), f"{name}.{field}".lstrip("."))
            if found:
                return found
        return None
    if old == new:
        return None
    return name.removeprefix("ingredients."), old, new


def _left(plan: Plan, store: Store) -> list[Pair]:
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
        if row is None:
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
    for job, outcome in _outcomes(jobs, options.workers):
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


def _outcomes(jobs: list[Job], workers: int) -> Iterator[tuple[Job, Part | str]]:
    """Yield every job with its part, or with the reason why there is none."""
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, _attempt(job)
        return
    waiting = deque(jobs)
    while waiting:
        lost: list[Job] = []
        with _pool(min(workers, len(waiting))) as pool:
            _refuse_stillborn(pool)
            running: dict[Future[Part | str], Job] = {}
            while (waiting and not lost) or running:
                while waiting and not lost and len(running) <= workers:
                    job = waiting.popleft()
                    running[pool.submit(_attempt, job)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        lost.append(job)
                    else:
                        yield job, future.result()
        for job in lost:  # one of these ended the pool: alone, each shows whether it was the one
            yield job, _attempt_alone(job)


def _refuse_stillborn(pool: ProcessPoolExecutor) -> None:
    """Raise where no worker can start at all: each imports the script that calls us, and must not score in its turn."""
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise TalkbenchError(
            "The worker processes could not start. A script that scores with workers > 1 must call "
            "talkbench.score() below `if __name__ == '__main__':`; or pass workers=1."
        ) from error


def _attempt_alone(job: Job) -> Part | str:
    with _pool(1) as pool:
        try:
            return pool.submit(_attempt, job).result()
        except BrokenProcessPool:
            return "The process that measured it died: its decoder crashed, or memory ran out. Re-encode both videos."


def _attempt(job: Job) -> Part | str:
    """Measure one pair; whatever goes wrong with it must not stop the others."""
    try:
        return measure(job)
    except MediaError as error:
        return str(error)
    except Exception:
        return f"Internal error, please report it:\n{traceback.format_exc()}"


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    """Keep a worker's libraries from fighting the other workers for cores, and end it with the run that started it."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the run says that it was interrupted, once
    cv2.setNumThreads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to end, and they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
        choice = protocol.metrics[metric.name]
        one = {
            "name": metric.name,
            "needs": metric.needs,
            "better": metric.better,
            "unit": metric.unit,
            "decimals": metric.decimals,
            "version": metric.version,
            "perfect": "inf" if metric.perfect == float("inf") else metric.perfect,
            "shown": choice.shown,
            "over": choice.over,
        }
        described.append(one)
        if predicted and metric.needs == "landmarks":
            described.append(one | {"name": metric.name + PREDICTED})
    return described
