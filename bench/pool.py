"""Work on files that may be hostile: in worker processes, each with one task at a time, under limits.

A decoder that crashes, memory that runs out, a file that never ends: each ends one worker and costs the task that it
had, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from .errors import MediaError, TalkbenchError

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failed:
    """A task without a result, and why; `fatal` where it cost its worker as well."""

    reason: str
    fatal: bool = False


class Pool(Protocol):
    """Where tasks are worked on."""

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[tuple[Task, float]]
    ) -> Iterator[tuple[Task, Result | Failed]]:
        """Yield every task with its result, as they come; each task is given with the seconds it may take."""
        ...


class Here:
    """The caller's own process: one task after the other, without limits, and a crash is the caller's."""

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[tuple[Task, float]]
    ) -> Iterator[tuple[Task, Result | Failed]]:
        """Yield every task with its result."""
        for task, _ in tasks:
            yield task, attempt(function, task)


class Workers:
    """`count` worker processes of at most `memory` bytes each (None: no limit), started when there is work for them."""

    def __init__(self, count: int, memory: int | None) -> None:
        self._count = count
        self._memory = memory
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._all:
            worker.end()

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[tuple[Task, float]]
    ) -> Iterator[tuple[Task, Result | Failed]]:
        """Yield every task with its result, or with what became of the worker that had it."""
        waiting = deque(tasks)
        busy: dict[_Worker, tuple[Task, float]] = {}
        while waiting or busy:
            while waiting and len(busy) < self._count:
                task, seconds = waiting.popleft()
                worker = self._free()
                worker.give(function, task, seconds)
                busy[worker] = task, seconds
            first = min(worker.deadline for worker in busy)
            connection.wait([worker.pipe for worker in busy], max(0.0, first - time.monotonic()))
            for worker, (task, seconds) in list(busy.items()):
                if worker.pipe.poll():
                    answer = worker.take()
                    if answer == _READY:
                        continue
                    result: Result | Failed = answer
                elif time.monotonic() >= worker.deadline:
                    longer = "Set TALKBENCH_CLIP_SECONDS if it is only long."
                    result = Failed(f"It took more than {seconds:.0f} s and was given up. {longer}", fatal=True)
                else:
                    continue
                del busy[worker]
                if isinstance(result, Failed) and result.fatal:
                    worker.end()
                    self._all.discard(worker)
                else:
                    self._idle.append(worker)
                yield task, result

    def _free(self) -> _Worker:
        if self._idle:
            return self._idle.pop()
        worker = _Worker(self._memory, alone=self._count == 1)
        self._all.add(worker)
        return worker


_READY = "ready"


class _Worker:
    """One process, our end of the pipe to it, and when (by `time.monotonic`) its task will have taken too long."""

    def __init__(self, memory: int | None, *, alone: bool) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.deadline = 0.0
        self._seconds = 0.0
        self._started = False
        self._process = context.Process(target=_serve, args=(theirs, memory, alone), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, function: Callable[[Any], Any], task: object, seconds: float) -> None:
        """Send a task; of a worker that has died meanwhile, `take` will tell."""
        self._seconds = seconds
        self.deadline = time.monotonic() + seconds
        with contextlib.suppress(ConnectionError):
            self.pipe.send((function, task))

    def take(self) -> Any:  # noqa: ANN401
        """Return what the worker sends next: that it has started, a result, or how it ended.

        Raises TalkbenchError where it could not even start: it imports the script that calls us, and must not score.
        """
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):  # also amid a message
            self._process.join()
            if not self._started:
                raise TalkbenchError(
                    "The worker processes could not start. A script that scores with workers must call "
                    "talkbench.score() below `if __name__ == '__main__':`; or leave workers out."
                ) from None
            return Failed(_ended(self._process.exitcode or 0), fatal=True)
        if answer == _READY:
            self._started = True
            self.deadline = time.monotonic() + self._seconds
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _ended(code: int) -> str:
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    why = "memory ran out, or it was killed" if code == -signal.SIGKILL else "a decoder crashed, or memory ran out"
    return f"The process that worked on it died ({how}): {why}. Re-encode it or leave it out."


def _serve(pipe: connection.Connection, memory: int | None, alone: bool) -> None:
    """Be a worker: work on what comes until the run closes its end."""
    settle(memory, alone=alone)
    pipe.send(_READY)
    while True:
        try:
            function, task = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(function, task))


def attempt(function: Callable[[Task], Result], task: Task) -> Result | Failed:
    """Work on a task; whatever goes wrong with it must not stop the others."""
    try:
        return function(task)
    except MediaError as error:
        return Failed(str(error))
    except MemoryError:
        return Failed(
            "It needs more memory than TALKBENCH_CLIP_MEMORY allows. Scale it down, or allow more.", fatal=True
        )
    except Exception:
        return Failed(f"Internal error, please report it:\n{traceback.format_exc()}")


def settle(memory: int | None, *, alone: bool) -> None:
    """Keep a worker process to its limits, out of the others' way, and alive no longer than the run."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the run says that it was interrupted, once
    if not alone:
        cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected, and no reason to fill the disk
    if memory is not None:
        # Not the address space, of which libraries reserve far more than they use.
        _, allowed = resource.getrlimit(resource.RLIMIT_DATA)
        most = memory if allowed == resource.RLIM_INFINITY else min(memory, allowed)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to end, and they would work on for nobody."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
