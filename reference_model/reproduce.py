"""The networks and the takes of the ablation: every row of Table 1, for every seed, in as many processes as wanted.

    OUT/nets/<speaker>/seed-<n>/landmarks-full.pt, frames-cbam.pt, …       and the losses beside each as .csv
    OUT/takes/seed-<n>/<row>/M003/video/front/angry/level_3/001.mp4, …     and what `synthesize` writes beside each

Whatever is there already is not made again, so that a killed run goes on where it stopped. Each worker computes on one
thread: the networks are the same, bit for bit, for any number of workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from typing import Any

from ..bench.errors import TalkbenchError
from ..bench.pool import settle
from .emotion import Confusion, confusions
from .prepared import Prepared
from .profiles import ROWS, Profile
from .stages import FrameTask, LandmarkTask, Stage, net_file, task_for
from .synthesize import make_takes, take_file
from .talker import Talker
from .training import Machine, train

Report = Callable[[int], None]
"""Called with how many steps, or clips, are newly done."""


@dataclass(frozen=True)
class Plan:
    """What is to be made where, of which rows and seeds. `vgg`: VGG-19's weights, where the profile asks for them."""

    prepared: Path
    out: Path
    profile: Profile
    rows: tuple[str, ...]
    seeds: tuple[int, ...]
    machine: Machine
    vgg: Path | None
    workers: int

    def nets(self, speaker: str, seed: int) -> Path:
        """Return where the networks of a speaker and a seed lie."""
        return self.out / "nets" / speaker / f"seed-{seed}"

    def takes(self, row: str, seed: int) -> Path:
        """Return where the takes of a row and a seed lie."""
        return self.out / "takes" / f"seed-{seed}" / row


@dataclass(frozen=True)
class Training:
    """One network to train: that of a row, which other rows may share."""

    plan: Plan
    speaker: str
    seed: int
    row: str
    stage: Stage

    @property
    def file(self) -> Path:
        """Return where its checkpoint lies."""
        return net_file(self.plan.nets(self.speaker, self.seed), ROWS[self.row], self.stage)

    @property
    def size(self) -> int:
        """Return the number of its steps."""
        return self._task().steps

    def _task(self) -> LandmarkTask | FrameTask:
        plan = self.plan
        prepared, row = Prepared.load(plan.prepared), ROWS[self.row]
        return task_for(prepared, self.speaker, plan.profile, row, self.stage, seed=self.seed, vgg=plan.vgg)

    def do(self, report: Report, deadline: float | None) -> bool:
        """Train it, or what is left; return whether it is finished."""
        known = 0

        def advance(done: int, _of: int, _losses: dict[str, float]) -> None:
            nonlocal known
            report(done - known)
            known = done

        task = self._task()
        left = None if deadline is None else deadline - time.time()
        finished = train(task, self.file, self.plan.machine, max_seconds=left, progress=advance)
        if finished:
            report(task.steps - known)
        return finished


@dataclass(frozen=True)
class Speaking:
    """The takes of all test clips of a speaker, by one row and one seed."""

    plan: Plan
    speaker: str
    seed: int
    row: str

    @property
    def size(self) -> int:
        """Return the number of clips."""
        return len(Prepared.load(self.plan.prepared).clips("test", self.speaker))

    def do(self, report: Report, deadline: float | None) -> bool:
        """Make them, or what is left; return whether all are there."""
        plan, row = self.plan, ROWS[self.row]
        prepared = Prepared.load(plan.prepared)
        nets, folder = plan.nets(self.speaker, self.seed), plan.takes(row.title, self.seed)
        talker = Talker(
            net_file(nets, row, "landmarks"), net_file(nets, row, "frames"), device=plan.machine.accelerator
        )
        for _ in make_takes(talker, prepared, "test", folder):
            report(1)
            if deadline is not None and time.time() > deadline:
                return False
        return True


Job = Training | Speaking


def trainings(plan: Plan) -> list[Training]:
    """Return the networks to train, the ones that take longest first."""
    chosen: dict[Path, Training] = {}
    stages: tuple[Stage, ...] = ("frames", "landmarks")
    for stage in stages:
        for row in reversed(plan.rows):  # the last row has the attention and the emotion
            for seed in plan.seeds:
                for speaker in Prepared.load(plan.prepared).speakers:
                    one = Training(plan, speaker, seed, row, stage)
                    chosen.setdefault(one.file, one)
    return list(chosen.values())


def speakings(plan: Plan) -> list[Speaking]:
    """Return the takes to make."""
    speakers = Prepared.load(plan.prepared).speakers
    return [Speaking(plan, speaker, seed, row) for seed in plan.seeds for row in plan.rows for speaker in speakers]


def do_all(jobs: Sequence[Job], report: Report, *, workers: int, deadline: float | None = None) -> bool:
    """Do the jobs in `workers` processes, on one thread each; return whether all are finished.

    `report` is called with how many steps or clips are newly done. After `deadline`, a time.time(), what is left stays.
    """
    if workers == 1:
        _on_one_thread()
        return all(job.do(report, deadline) for job in jobs)
    context = get_context("spawn")  # forked, torch's threads would be left behind
    reports: Any = context.Queue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(reports,)) as pool:
        futures = [pool.submit(_do, job, deadline) for job in jobs]
        try:
            while not all(future.done() for future in futures):
                for amount in _waiting(reports):
                    report(amount)
                _raise_first(futures)
            for amount in _waiting(reports):
                report(amount)
            return all(future.result() for future in futures)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def confusion(plan: Plan, seed: int) -> tuple[Confusion, Confusion] | None:
    """Return what MSEF heard in the test clips, by clip and by frame; None where no row has MSEF."""
    row = next((name for name in plan.rows if ROWS[name].landmarks == "full"), None)
    if row is None:
        return None
    folder = plan.takes(ROWS[row].title, seed)
    clips = Prepared.load(plan.prepared).clips("test")
    return confusions((clip.emotion, take_file(folder, clip)) for clip in clips)


_REPORTS: Any = None


def _begin(reports: Any) -> None:  # noqa: ANN401 - a queue of the spawn context
    global _REPORTS
    _REPORTS = reports
    settle(None, alone=False)
    _on_one_thread()


def _on_one_thread() -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _do(job: Job, deadline: float | None) -> bool:
    return job.do(_REPORTS.put, deadline)


def _waiting(reports: Any) -> Iterator[int]:  # noqa: ANN401
    """Yield what is reported within half a second, and what waits already."""
    try:
        yield reports.get(timeout=0.5)
        while True:
            yield reports.get_nowait()
    except Empty:
        return


def _raise_first(futures: Iterable[Future[bool]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()) is not None:
            if isinstance(error, BrokenProcessPool):
                raise TalkbenchError(
                    "A process that trained was killed: perhaps memory ran out. Run the same command again with fewer "
                    "--workers; it goes on from here."
                ) from error
            raise error
