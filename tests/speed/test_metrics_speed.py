"""What measuring everything costs: all metrics that need no weights against the paper's four, and each one's share.

The whole run is timed with and without them, in turns in one process, with a cold cache and with a warm one; then each
metric alone, on the same frames and landmarks.
"""

import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from speed import corpora

import talkbench
from talkbench.bench.pixels import Pixels, Seen, embedder_key
from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.sound import read_sound
from talkbench.bench.video import read_frames
from talkbench.metrics.contract import SOUND_RATE, Facts

pytestmark = pytest.mark.usefixtures("one_thread")
TURNS = 3
AT_MOST = 2.0
METHOD = corpora.METHODS[0]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpora.demo(tmp_path_factory.mktemp("corpus"), size=256, count=4)


def on_cpu(function):
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def score(corpus, metrics, cache):
    return talkbench.score(corpus.gt, {METHOD: corpus.gen(METHOD)}, metrics=metrics, cache=cache)


def test_everything_against_the_papers_four(benchmark, tables, corpus, tmp_path):
    score(corpus, ("full",), tmp_path / "imports and compiled kernels")
    times = {}

    def turn(number):
        for state in ("cold cache", "warm cache"):
            for metrics in ("paper", "full"):
                results, seconds = on_cpu(lambda m=metrics: score(corpus, (m,), tmp_path / f"{number}-{m}"))
                times.setdefault((state, metrics), []).append(seconds)
        return len(results.frames)

    numbers = iter(range(TURNS))
    frames = benchmark.pedantic(lambda: turn(next(numbers)), rounds=TURNS, iterations=1)
    for state in ("cold cache", "warm cache"):
        four, full = times[state, "paper"], times[state, "full"]
        ratio = statistics.median(b / a for a, b in zip(four, full, strict=True))
        tables.add(
            "metrics", f"whole run, {state}", *(f"{1e3 * min(t) / frames:.2f}" for t in (four, full)), ratio_of(ratio)
        )
        benchmark.extra_info[state] = ratio
        if state == "cold cache":
            assert ratio < AT_MOST


def test_each_metric_alone(benchmark, tables, corpus, tmp_path):
    results = score(corpus, ("full",), tmp_path)
    first = results.clips.iloc[0]
    gt, gen = Path(first["gt_video"]), Path(first["gen_video"])
    rows = results.frames[results.frames["clip"] == first["clip"]]
    tracks = [np.stack(rows[f"{side}_landmarks"].to_list()).reshape(-1, 68, 2) for side in ("gt", "gen")]
    frames = list(zip(*(read_frames(file, source_rate=None, rate=None) for file in (gt, gen)), strict=True))
    seen = [Seen(*pair, *points) for pair, points in zip(frames, zip(*tracks, strict=True), strict=True)]
    sound, _ = read_sound(gt, rate=SOUND_RATE)
    facts = [Facts(track, 25.0, (256, 256), sound) for track in tracks]
    measured = PROTOCOLS["talkbench-1"].with_options(metrics=["full"]).measured

    def all_of_them():
        return {
            metric.name: min(on_cpu(lambda m=metric: alone(m, seen, facts))[1] for _ in range(3)) for metric in measured
        }

    taken = benchmark.pedantic(all_of_them, rounds=1, iterations=1)
    four = sum(taken[name] for name in ("F-LMD", "M-LMD", "SSIM", "PSNR"))
    for name, seconds in sorted(taken.items(), key=lambda case: -case[1]):
        tables.add("metrics", name, "", f"{1e3 * seconds / len(seen):.3f}", ratio_of(seconds / four))
    tables.add(
        "metrics",
        "all metrics alone, without decoding and faces",
        f"{1e3 * four / len(seen):.2f}",
        f"{1e3 * sum(taken.values()) / len(seen):.2f}",
        ratio_of(sum(taken.values()) / four),
    )


def alone(metric, seen, facts):
    """Measure one metric on a clip, as the engine does."""
    from talkbench.metrics import head_pose

    head_pose._rotations.cache_clear()
    pixels = Pixels([metric], len(seen))
    if metric.needs in ("frames", "steps", "faces") or metric.embed is not None:
        for index, pair in enumerate(seen):
            pixels.add(index, pair)
    found = pixels.finish()
    if metric.embed is not None:
        facts = [
            replace(one, embeddings=vectors)
            for one, vectors in zip(facts, found.embeddings[embedder_key(metric)], strict=True)
        ]
    if metric.needs == "landmarks":
        return metric.per_frame(*(one.landmarks for one in facts))
    if metric.per_clip is not None:
        return [metric.per_clip(*facts)] if metric.sides == "both" else [metric.per_clip(one) for one in facts]
    return found


def ratio_of(value):
    return f"{value:.2f}×"
