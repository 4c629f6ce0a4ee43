"""Work on clips in one process or several; a clip that kills its process costs itself alone."""

from __future__ import annotations

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

from .errors import MediaError, TalkbenchError

Job = TypeVar("Job")
Done = TypeVar("Done")


def outcomes(jobs: list[Job], workers: int, work: Callable[[Job], Done]) -> Iterator[tuple[Job, Done | str]]:
    """Yield every job with what `work` made of it, or with the reason why there is nothing.

    `work` must be importable by name, and raises MediaError where a clip cannot be used.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, _attempt(work, job)
        return
    waiting = deque(jobs)
    while waiting:
        lost: list[Job] = []
        with _pool(min(workers, len(waiting))) as pool:
            _refuse_stillborn(pool)
            running: dict[Future[Done | str], Job] = {}
            while (waiting and not lost) or running:
                while waiting and not lost and len(running) <= workers:
                    job = waiting.popleft()
                    running[pool.submit(_attempt, work, job)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        lost.append(job)
                    else:
                        yield job, future.result()
        for job in lost:  # one of these ended the pool: alone, each shows whether it was the one
            yield job, _attempt_alone(work, job)


def _refuse_stillborn(pool: ProcessPoolExecutor) -> None:
    """Raise where no worker can start at all: each imports the script that calls us, and must not score in its turn."""
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise TalkbenchError(
            "The worker processes could not start. A script that works with workers > 1 must call "
            "talkbench below `if __name__ == '__main__':`; or pass workers=1."
        ) from error


def _attempt_alone(work: Callable[[Job], Done], job: Job) -> Done | str:
    with _pool(1) as pool:
        try:
            return pool.submit(_attempt, work, job).result()
        except BrokenProcessPool:
            return "The process that worked on it died: its decoder crashed, or memory ran out. Re-encode the video."


def _attempt(work: Callable[[Job], Done], job: Job) -> Done | str:
    """Work on one clip; whatever goes wrong with it must not stop the others."""
    try:
        return work(job)
    except MediaError as error:
        return str(error)
    except Exception:
        return f"Internal error, please report it:\n{traceback.format_exc()}"


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=start_worker)


def start_worker() -> None:
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
