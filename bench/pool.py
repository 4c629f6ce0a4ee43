"""Measuring pairs on one process or several; a pair that kills its process costs itself alone."""

from __future__ import annotations

import os
import signal
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread

from .errors import MediaError, TalkbenchError
from .measure import Job, measure
from .results import Part


def outcomes(jobs: list[Job], workers: int) -> Iterator[tuple[Job, Part | str]]:
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
