"""Run and kill runs, over and over, from a process that has everything loaded: `killed_run.py CORPUS FOLDER MODE …`.

`moments N SEED` kills with signal 9 at N random moments, going on in the same folder, or in a fresh one where a run
came to its end. `commits` ends the run just before, and just after, each of the renames that it makes. Each prints how
many runs were killed, and how many parts there were each time; the last run in each folder is left to finish.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import talkbench


def score(corpus: Path, folder: Path) -> None:
    methods = {path.name: path for path in sorted(corpus.iterdir()) if path.name != "real"}
    talkbench.score(corpus / "real", methods, out=folder, cache=False)


def forked(work: Callable[[], None]) -> int:
    """Start `work` in a process of its own, and return its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def parts(folder: Path) -> int:
    return len(list((folder / "parts").glob("*.parquet")))


def moments(corpus: Path, folder: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    begun = time.monotonic()
    os.waitpid(forked(lambda: score(corpus, folder / "timed")), 0)
    whole = time.monotonic() - begun
    killed: list[int] = []
    number = 0
    while len(killed) < count:
        run = folder / str(number)
        child = forked(lambda run=run: score(corpus, run))
        time.sleep(rng.uniform(0, whole / 2))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed.append(parts(run))
        else:
            number += 1
    for each in range(number + 1):
        score(corpus, folder / str(each))
    shutil.rmtree(folder / "timed")
    sys.stdout.write(f"{len(killed)} {killed}")


def commits(corpus: Path, folder: Path) -> None:
    replace, killed = Path.replace, []
    for after in (False, True):
        at = 0
        while True:
            at += 1
            run = folder / f"{at}-{after}"
            left = at

            def ending(self: Path, target: Path, after: bool = after) -> Path:
                nonlocal left
                left -= 1
                if left == 0 and not after:
                    os._exit(9)
                moved = replace(self, target)
                if left == 0:
                    os._exit(9)
                return moved

            def work(run: Path = run) -> None:
                Path.replace = ending
                score(corpus, run)

            _, status = os.waitpid(forked(work), 0)
            if os.waitstatus_to_exitcode(status) != 9:
                shutil.rmtree(run)
                break
            killed.append(parts(run))
            score(corpus, run)
    sys.stdout.write(f"{len(killed)} {killed}")


if __name__ == "__main__":
    corpus, folder, mode, *more = sys.argv[1:]
    cv2.setNumThreads(1)  # no thread may be running at a fork
    score(Path(corpus), Path(folder) / "warm")  # loads and compiles once what every fork then has
    shutil.rmtree(Path(folder) / "warm")
    if mode == "moments":
        moments(Path(corpus), Path(folder), *map(int, more))
    else:
        commits(Path(corpus), Path(folder))
