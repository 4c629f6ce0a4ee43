"""What a cluster costs: two workers against one, and what Dask adds to a clip when clips are tiny."""

import os
import time

import clips
import psutil
import pytest
from cluster_on_loopback import Loopback
from speed import corpora

import talkbench

TINY = int(os.environ.get("TALKBENCH_SPEED_TINY", "1000"))
"""Tiny clips to measure what is added to each; 10,000 are what docs/cluster.md tells of."""


@pytest.fixture
def loopback(tmp_path):
    (tmp_path / "dask").mkdir()
    made = Loopback(tmp_path / "dask")
    made.scheduler()
    yield made
    made.end()


def measure(gt, gen, out, **where):
    """Return the seconds from the first pair handed out to the last one written, on a cluster or on local workers."""
    begun = {}

    def progress(phase, done, total):
        begun.setdefault(phase, time.perf_counter())
        begun["end"] = time.perf_counter()

    talkbench.score(gt, {"m": gen}, out=out, cache=False, progress=progress, **where)
    return begun["end"] - begun["measure"]


def test_two_workers(tables, benchmark, tmp_path, loopback):
    made = corpora.demo(tmp_path / "made", size=256, count=2)
    corpus = corpora.repeated(made, tmp_path / "many", times=15)
    sides = corpus.gt, corpus.gen(corpora.METHODS[0])
    there = {"cluster": loopback.address}
    loopback.worker("one", "--no-nanny")
    measure(*sides, tmp_path / "first", **there)  # compiles, and starts the process below the worker
    local, seconds = {}, {}

    def both():
        seconds[1] = measure(*sides, tmp_path / "with-one", **there)
        loopback.worker("two", "--no-nanny")
        time.sleep(10)
        measure(*sides, tmp_path / "second", **there)
        seconds[2] = measure(*sides, tmp_path / "with-two", **there)
        for workers in (1, 2):
            local[workers] = measure(*sides, tmp_path / f"local-{workers}", workers=workers)

    benchmark.pedantic(both, rounds=1, iterations=1)
    for name, found in (("of a cluster", seconds), ("of this machine's own", local)):
        tables.add("cluster", f"1 and 2 workers {name}, s", f"{found[1]:.1f}", f"{found[2]:.1f}")
        tables.add("cluster", "efficiency of the second", f"{found[1] / found[2] / 2:.2f}", "aim 0.85")


def test_tiny_clips(tables, benchmark, tmp_path, loopback):
    frames = clips.moving(2, size=64)
    files = {"real": clips.write(tmp_path / "a.mp4", frames), "gen": clips.write(tmp_path / "b.mp4", frames[::-1])}
    for side, file in files.items():
        (tmp_path / side).mkdir()
        for number in range(TINY):
            (tmp_path / side / f"{number:05d}.mp4").hardlink_to(file)
    for name in ("one", "two"):
        loopback.worker(name, "--no-nanny")
    before = cpu(loopback)
    benchmark.pedantic(
        lambda: measure(tmp_path / "real", tmp_path / "gen", tmp_path / "run", cluster=loopback.address),
        rounds=1,
        iterations=1,
    )
    used = {name: 1e3 * (seconds - before.get(name, 0)) / TINY for name, seconds in cpu(loopback).items()}
    for name, milliseconds in sorted(used.items()):
        tables.add("cluster", f"CPU ms per clip of 2 frames at 64², {name}", f"{milliseconds:.1f}", f"{TINY:,} clips")


def cpu(loopback):
    """Return the processor seconds of the command, the scheduler, the workers, and the processes below these."""
    found = {"command": seconds_of(psutil.Process())}
    for name, process in loopback.processes.items():
        one = psutil.Process(process.pid)
        kind = "scheduler" if name == "scheduler" else "workers"
        found[kind] = found.get(kind, 0) + seconds_of(one)
        for child in one.children(recursive=True):
            found["measuring"] = found.get("measuring", 0) + seconds_of(child)
    return found


def seconds_of(process):
    times = process.cpu_times()
    return times.user + times.system
