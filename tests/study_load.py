"""Many raters at once against `talkbench study serve` in a process of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import made_study
import study_rater

_SERVE = "import sys; from talkbench.bench.cli import main; sys.argv = ['talkbench', *sys.argv[1:]]; main()"


@contextlib.contextmanager
def process(study: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve a study; yield its address and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"STUDY_ADMIN_TOKEN": made_study.TOKEN, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _SERVE, "study", "serve", str(study), "--port", str(port)]
    server = subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.DEVNULL)
    try:
        while True:
            assert server.poll() is None, "the server did not start"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
        server.wait()


@dataclass
class Load:
    """What many raters saw: seconds that saving a trial took, tokens that were acknowledged, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    finished: int = 0
    errors: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The time, in seconds, within which this share of the answers came."""
        return sorted(self.seconds)[round(share * (len(self.seconds) - 1))]


def rate_all(study: Path, address: str, raters: int, *, pause: tuple[float, float]) -> Load:
    """Let raters do the whole study at once; between two answers each pauses for so long, in s, at random."""
    import httpx2

    checks = study_rater.check_clips(study)
    load, lock = Load(), threading.Lock()
    tls = ssl.create_default_context()  # once: not what is timed

    def go(number: int) -> None:
        rng = random.Random(number)  # noqa: S311  # pauses, not secrets
        client: Any = httpx2.Client(base_url=address, follow_redirects=True, timeout=60, verify=tls)
        rater = study_rater.Rater(client, checks)
        try:
            rater.begin(PROLIFIC_PID=f"p{number}")
            while rater.token:
                token, score = rater.token, rng.randint(1, 10)
                client.get(f"/m/{token}").raise_for_status()
                time.sleep(rng.uniform(*pause))
                fields = {"form": rater.hidden("form"), "playback": made_study.FULL_REPORT}
                scores = dict.fromkeys(("LS", "EE", "VPQ"), score)
                start = time.perf_counter()
                answer = client.post(f"/rate/{token}", data=fields | scores, headers={"Accept": "application/json"})
                took = time.perf_counter() - start
                answer.raise_for_status()
                with lock:
                    load.seconds.append(took)
                    load.acknowledged.append((token, score))
                rater.open()
            with lock:
                load.finished += "completion code" in rater.page
        except Exception as error:
            with lock:
                load.errors.append(repr(error))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(raters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load
