"""Whole runs against the naive script, in turns in the same process: what a lab waits for, and what it would save.

Ratios are medians over the turns. Nothing is asserted of time: a busy machine must not fail a build.
"""

import shutil
import statistics
import subprocess
import time
from dataclasses import replace
from functools import partial

import clips
import pytest
from speed import corpora, naive

import talkbench
from talkbench.bench.choice import MetricChoice
from talkbench.bench.protocol import PROTOCOLS

pytestmark = pytest.mark.usefixtures("one_thread")
TURNS = {256: 3, 512: 2}
NAMES = ["demo 256²", "demo 512²", "real pair 256²", "real clip 512²"]
AIMS = {
    "cold cache": {256: "2", 512: "3"},
    "second method": {256: "3", 512: "4.5"},
    "track, cold cache": {256: "4", 512: "6"},
    "one metric more": {256: "8", 512: "8"},
}


def protocols(size):
    """Return talkbench-1 at a size, by what is said of it in the table; "" is the protocol as it is."""
    exact = PROTOCOLS["talkbench-1"]
    exact = exact.model_copy(update={"frame": exact.frame.model_copy(update={"size": size})})
    return {"": exact, "track": exact.model_copy(update={"faces": replace(exact.faces, search="track")})}


def with_one_metric_more(protocol):
    return protocol.model_copy(update={"metrics": protocol.metrics | {"M-LVD": MetricChoice()}})


@pytest.fixture(scope="module", params=NAMES)
def corpus(request, tmp_path_factory):
    if request.param.startswith("real") and not clips.MEDIA.is_dir():
        pytest.skip("no real clips on this machine")
    root = tmp_path_factory.mktemp("corpus")
    made = {
        "demo 256²": lambda: corpora.demo(root, size=256, count=4),
        "demo 512²": lambda: corpora.demo(root, size=512, count=2),
        "real pair 256²": lambda: corpora.real_pair(root),
        "real clip 512²": lambda: corpora.real_clip(root),
    }
    return made[request.param]()


def seconds(function):
    """Return (what the function returned, its time on the wall, its time on the processor)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def score(corpus, method, protocol, *, cache, workers=1):
    return talkbench.score(corpus.gt, {method: corpus.gen(method)}, protocol=protocol, cache=cache, workers=workers)


def runs(corpus, folder):
    """Yield (what is run, the run): a cold one, then what a warm cache is worth."""
    first, second = corpora.METHODS
    for name, protocol in protocols(corpus.size).items():
        cache, prefix = folder / f"cache{name}", f"{name}, " if name else ""
        yield f"{prefix}cold cache", partial(score, corpus, first, protocol, cache=cache)
        yield f"{prefix}second method", partial(score, corpus, second, protocol, cache=cache)
        yield f"{prefix}one metric more", partial(score, corpus, first, with_one_metric_more(protocol), cache=cache)


def test_whole_run(benchmark, tables, corpus, tmp_path):
    method = corpora.METHODS[0]
    score(corpus, method, protocols(corpus.size)[""], cache=False)  # imports, weights and compiled kernels
    naive.score(*corpus.pairs(method)[0])
    times = {}

    def turn(number):
        scores, *slow = seconds(lambda: [naive.score(*pair) for pair in corpus.pairs(method)])
        times.setdefault("naive", []).append(slow)
        for name, run in runs(corpus, tmp_path / str(number)):
            results, *fast = seconds(run)
            times.setdefault(name, []).append(fast)
        return scores, results

    turns = TURNS[corpus.size]
    numbers = iter(range(turns))
    scores, results = benchmark.pedantic(lambda: turn(next(numbers)), rounds=turns, iterations=1)
    # The same frames were compared, or times would say nothing.
    assert sum(score.frames for score in scores) == len(results.frames)
    assert [score.ssim for score in scores] == pytest.approx(results.clips["SSIM"].tolist(), abs=1e-6)

    frames = len(results.frames)
    slow = times.pop("naive")
    for name, fast in times.items():
        ratios, on_cpu = ([s[k] / f[k] for s, f in zip(slow, fast, strict=True)] for k in (0, 1))
        benchmark.extra_info[name] = statistics.median(ratios)
        add(tables, name, corpus, frames, [s[0] for s in slow], [f[0] for f in fast], ratios, on_cpu)


def add(tables, name, corpus, frames, slow, fast, ratios, on_cpu):
    aim = AIMS.get(name, {}).get(corpus.size)
    tables.add(
        "ratio",
        name,
        corpus.name,
        f"{1e3 * min(slow) / frames:.1f}",
        f"{1e3 * min(fast) / frames:.1f}",
        f"{frames / min(fast):.0f}",
        f"{statistics.median(ratios):.1f}×",
        f"{min(slow) / min(fast):.1f}×",
        f"{statistics.median(on_cpu):.1f}×" if on_cpu else "",
        f"{aim}×" if aim else "",
    )


def test_ffmpeg(tables, benchmark, corpus, tmp_path):
    """The physical reference of the pixel metrics: FFmpeg's own filters on the same files, on one thread."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg on this machine")
    method, protocol = corpora.METHODS[0], protocols(corpus.size)[""]
    frames = len(score(corpus, method, protocol, cache=tmp_path).frames)
    times = []

    def turn():
        _, theirs, _ = seconds(lambda: [ffmpeg(*pair) for pair in corpus.pairs(method)])
        _, ours, _ = seconds(lambda: score(corpus, method, protocol, cache=tmp_path))
        times.append((theirs, ours))

    benchmark.pedantic(turn, rounds=3, iterations=1)
    theirs, ours = zip(*times, strict=True)
    ratios = [a / b for a, b in times]
    add(tables, "ffmpeg (not naive) against a warm run", corpus, frames, theirs, ours, ratios, [])


def ffmpeg(gt, gen):
    graph = "[0:v]split[a][b];[1:v]split[c][d];[c][a]ssim;[d][b]psnr"
    one = ["-threads", "1"]
    command = ["ffmpeg", "-v", "error", "-nostdin", *one, "-i", gt, *one, "-i", gen, "-filter_complex_threads", "1"]
    subprocess.run([*command, "-lavfi", graph, "-an", "-f", "null", "-"], check=True, capture_output=True)


def test_two_workers(tables, benchmark, tmp_path):
    """Two workers against one, on clips enough that starting processes weighs little; nothing is cached."""
    made = corpora.demo(tmp_path / "made", size=256, count=2)
    corpus = corpora.repeated(made, tmp_path / "many", times=12)
    method, protocol = corpora.METHODS[0], protocols(256)[""]
    times = []

    def turn():
        for workers in (1, 2):
            results, wall, _ = seconds(lambda w=workers: score(corpus, method, protocol, cache=False, workers=w))
            times.append(wall)
        return len(results.frames)

    frames = benchmark.pedantic(turn, rounds=2, iterations=1)
    one, two = times[::2], times[1::2]
    ratios = [a / b for a, b in zip(one, two, strict=True)]
    tables.add(
        "ratio",
        "two workers against one (not naive)",
        corpus.name,
        f"{1e3 * min(one) / frames:.1f}",
        f"{1e3 * min(two) / frames:.1f}",
        f"{frames / min(two):.0f}",
        f"{statistics.median(ratios):.2f}×",
        f"{min(one) / min(two):.2f}×",
        "",
        "1.8×",
    )
