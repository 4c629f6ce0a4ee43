"""Working on many machines: a Dask scheduler hands out one task per pair, and whoever measured writes the result.

Every worker sees the videos and the result folder under the same paths (or reads the videos by URL), and has the same
versions of everything that can change a number. A task is a few kilobytes of names and its answer a line, so that
neither the scheduler nor the caller ever holds a frame. What was handed out and is not known to be done (its worker was
killed, the scheduler restarted) is handed out again; who gets it looks first whether it lies in the folder.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from multiprocessing import current_process
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import TalkbenchError
from .pool import Failed, Workers
from .signature import ingredients
from .tasks import MeasuredInto, Refused

if TYPE_CHECKING:
    from distributed import Client, Future

    from .protocol import Protocol

Task = TypeVar("Task")
Result = TypeVar("Result")

_CONNECT_S = 5
"""Seconds to wait for a scheduler's answer."""
_WORKERS_S = 60
"""Seconds to wait for a scheduler's first worker."""
_RETURN_S = 300
"""Seconds to wait for a scheduler that has gone to come back at its address, and for its workers."""
_TOGETHER = 64
"""Videos to look at per task: a look takes milliseconds, as a task does."""
_AHEAD = 3
"""Tasks handed out per worker, so that none waits for the caller."""
_COUNTED_S = 10
"""Seconds between two counts of the workers."""

_log = logging.getLogger(__name__)


@contextmanager
def connected(where: str, protocol: Protocol, *, device: str, memory: int) -> Iterator[Cluster]:
    """Give the workers of a scheduler, `tcp://host:8786`, or those that the queue of a TOML file starts.

    `memory` is what a worker may use for a clip, in bytes. Raises TalkbenchError where there is no such scheduler, and
    where a worker would measure under another signature.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise TalkbenchError("--cluster needs Dask. Install it: pip install 'talkbench[cluster]'.") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it has to say, we say in a line
    if where.endswith(".toml"):
        from .slurm import queued

        with queued(where) as address, _opened(Cluster(address, protocol, device, memory, patient=True)) as cluster:
            yield cluster
    else:
        with _opened(Cluster(where, protocol, device, memory)) as cluster:
            yield cluster


@contextmanager
def _opened(cluster: Cluster) -> Iterator[Cluster]:
    try:
        cluster.open()
        yield cluster
    finally:
        cluster.close()


class Cluster:
    """The workers of one scheduler, as a pool: see `pool.Pool`."""

    def __init__(self, address: str, protocol: Protocol, device: str, memory: int, *, patient: bool = False) -> None:
        self._address = address
        self._protocol = protocol
        self._device = device
        self._memory = memory
        self._patient = patient
        self._client: Client | None = None
        self._workers = 0
        self._counted = 0.0

    def open(self) -> None:
        """Connect, wait for a worker, and see that all would give the same numbers. Raises TalkbenchError."""
        self._client = _client(self._address)
        waited = time.monotonic()
        while not self._count():
            if not self._patient and time.monotonic() - waited > _WORKERS_S:
                raise TalkbenchError(
                    f"--cluster {self._address}: its scheduler has no workers. Start some: "
                    f"dask worker {self._address} --nworkers auto --nthreads 1."
                )
            time.sleep(0.1)
        _refuse_others(self._client, self._address, self._protocol, self._device)

    def close(self) -> None:
        """Leave the scheduler; what it has of ours and nobody has begun is dropped."""
        if self._client is not None:
            with suppress(Exception):  # gone before us
                self._client.close(timeout=_CONNECT_S)

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[tuple[Task, float]]
    ) -> Iterator[tuple[Task, Result | Failed]]:
        """Yield every task with its result as they come: a pair per Dask task, videos to look at many at a time."""
        from distributed import as_completed

        together = 1 if isinstance(function, MeasuredInto) else _TOGETHER
        waiting = deque(tasks)
        while waiting:
            completed = as_completed(loop=self._open_client.loop)
            running: dict[Future, list[tuple[Task, float]]] = {}
            try:
                while waiting or running:
                    room = _AHEAD * self._count() - len(running)
                    size = max(1, min(together, len(waiting) // (_AHEAD * self._count())))
                    chunks = [_take(waiting, size) for _ in range(min(room, -(-len(waiting) // size)))]
                    for future, chunk in zip(self._submit(function, chunks), chunks, strict=True):
                        running[future] = chunk
                        completed.add(future)
                    done = completed.next_batch()
                    answers = self._answers(done)
                    for future, answer in zip(done, answers, strict=True):
                        for (task, _), result in zip(running.pop(future), answer, strict=True):
                            yield task, result
            except (CancelledError, OSError, _LostError):  # a closed connection is an OSError
                for chunk in running.values():
                    waiting.extend(chunk)
                self._return()

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise _LostError
        return self._client

    def _count(self) -> int:
        """Return how many workers there are, or were a moment ago."""
        if not self._workers or time.monotonic() - self._counted > _COUNTED_S:
            self._workers = len(self._open_client.nthreads())
            self._counted = time.monotonic()
        return self._workers

    def _submit(
        self, function: Callable[[Task], Result], chunks: Sequence[list[tuple[Task, float]]]
    ) -> Sequence[Future]:
        if not chunks:
            return ()
        work = partial(_work, self._memory, function)
        futures: Sequence[Future] = self._open_client.map(work, chunks, pure=False, key="talkbench")
        return futures

    def _answers(self, done: Sequence[Future]) -> list[list[Any]]:
        """Return the answers of completed tasks. Raises _LostError where the scheduler has forgotten one."""
        from distributed import KilledWorker

        if any(future.status in ("cancelled", "lost") for future in done):
            raise _LostError
        finished = [future for future in done if future.status == "finished"]
        answers = dict(zip(finished, self._open_client.gather(finished), strict=True))
        for future in done:
            if future.status != "error":
                continue
            error = future.exception()
            if not isinstance(error, KilledWorker):
                raise TalkbenchError(
                    f"--cluster {self._address}: a worker cannot work ({type(error).__name__}: {error}). All must have "
                    "this version of talkbench and of Python."
                ) from error
            answers[future] = [Failed("Each worker that was to measure it died: memory ran out, or they were killed.")]
        for answer in answers.values():
            for result in answer:
                if isinstance(result, Refused):
                    raise TalkbenchError(f"--cluster {self._address}: a worker {result.reason}.")
        return [answers[future] for future in done]

    def _return(self) -> None:
        """Wait for a scheduler that has gone, and connect again. Raises TalkbenchError where it stays away."""
        _log.warning("The scheduler at %s has gone; waiting up to %d s for it to come back.", self._address, _RETURN_S)
        self.close()
        self._workers, last = 0, time.monotonic() + _RETURN_S
        while True:
            try:
                self.open()
            except TalkbenchError as error:
                self.close()
                if time.monotonic() > last:
                    raise TalkbenchError(
                        f"--cluster {self._address}: the scheduler has gone and did not come back. What was measured "
                        "is kept: start it and its workers again, and run the same command."
                    ) from error
                time.sleep(1)
            else:
                return


class _LostError(Exception):
    """The scheduler no longer knows what it was given."""


def _take(waiting: deque[tuple[Task, float]], count: int) -> list[tuple[Task, float]]:
    return [waiting.popleft() for _ in range(min(count, len(waiting)))]


def _client(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise TalkbenchError(
            f"--cluster {address}: no Dask scheduler answers there within {_CONNECT_S} s. Expected an address such as "
            "tcp://host:8786 (`dask scheduler` prints it), or a TOML file for SLURM."
        ) from error


def _refuse_others(client: Client, address: str, protocol: Protocol, device: str) -> None:
    """Raise TalkbenchError where a worker has other versions than we have, or works on several tasks in one process."""
    found = client.get_versions()
    theirs = {worker: _versions(about) for worker, about in found["workers"].items()}
    ours = _versions(found["client"])
    if all(versions == ours for versions in theirs.values()):  # else a function might not arrive
        version_of = _version_of_talkbench()
        ours |= {"talkbench": version_of()}
        for worker, version in client.run(version_of).items():
            theirs.setdefault(worker, dict(ours))["talkbench"] = version
    for worker, versions in theirs.items():
        for name, version in ours.items():
            if versions[name] != version:
                raise TalkbenchError(
                    f"--cluster {address}: worker {worker} has {name} {versions[name] or 'not installed'}, here is "
                    f"{version}. Install the same on all machines."
                )
    for worker, threads in client.nthreads().items():
        if threads != 1:
            raise TalkbenchError(
                f"--cluster {address}: worker {worker} has {threads} threads. Start it with --nworkers {threads} "
                "--nthreads 1: measuring needs a process of its own."
            )
    made_of = ingredients(protocol, device=device)
    for worker, there in client.run(_ingredients, protocol, device).items():
        different = next((name for name in made_of | there if made_of.get(name) != there.get(name)), None)
        if different is not None:
            raise TalkbenchError(
                f"--cluster {address}: worker {worker} would give other numbers: {different} is "
                f"{there.get(different)!r} there and {made_of.get(different)!r} here. Install the same on all machines."
            )


def _versions(about: Any) -> dict[str, str | None]:  # noqa: ANN401
    """Return the versions that must agree, of what `Client.get_versions` says of one process."""
    packages = about["packages"]
    python = ".".join(packages["python"].split(".")[:2])
    return {"Python": python, "distributed": packages.get("distributed")}


def _version_of_talkbench() -> Callable[[], str | None]:
    """Return a function for a worker that may have another talkbench, or none: as a closure it travels by its code."""

    def version() -> str | None:
        from importlib import import_module

        try:
            return str(import_module("talkbench").__version__)
        except ImportError:
            return None

    return version


def _ingredients(protocol: Protocol, device: str) -> dict[str, Any]:
    """Return, on a worker, what its numbers are made of; where it cannot tell, why."""
    try:
        return ingredients(protocol, device=device)
    except Exception as error:
        return {"talkbench": f"unusable ({type(error).__name__}: {error})"}


_one_at_a_time = Lock()


def _work(memory: int, function: Callable[[Task], Result], chunk: list[tuple[Task, float]]) -> list[Any]:
    """Work on tasks, on a worker: in a process below it, so that a crash costs a task and not the worker."""
    with _one_at_a_time:
        return [result for _, result in _below(memory).map(function, chunk)]


@lru_cache(maxsize=1)
def _below(memory: int) -> Workers:
    # Dask's nanny starts its worker as a daemon, to which multiprocessing denies processes of its own.
    current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return Workers(1, memory)
