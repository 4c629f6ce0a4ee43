"""A Dask scheduler and workers on loopback, each a process of its own, as on a real cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil


class Loopback:
    """Starts and ends them; `address` stays the same over restarts of the scheduler."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def scheduler(self) -> None:
        self._start("scheduler", "--host", "127.0.0.1", "--port", self.port, "--no-dashboard", called="scheduler")
        until(self._answers)

    def worker(self, name: str, *options: object, path: Path | None = None, variables: dict[str, str] | None = None):
        local = self.folder / name
        self._start(
            "worker", self.address, "--name", name, "--nthreads", 1, "--no-dashboard", "--local-directory", local,
            *options, called=name, path=path, variables=variables,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill -9, with all that it started."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.processes.pop(name).pid)
            for one in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)

    def end(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start(self, *command: object, called: str, path: Path | None = None, variables: dict[str, str] | None = None):
        package = os.environ.get("PYTHONPATH", "")
        environment = os.environ | {"PYTHONPATH": f"{path}:{package}" if path else package} | (variables or {})
        with (self.folder / f"{called}.log").open("ab") as log:
            self.processes[called] = subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, command)],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
            )

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def until(condition, seconds: float = 300) -> None:
    """Wait for something to become true."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, "it did not happen in time"
        time.sleep(0.02)
