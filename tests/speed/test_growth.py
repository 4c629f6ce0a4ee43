"""How time per frame and peak memory grow with the clip's length, the frame's size and the number of clips."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from speed import corpora

PROBE = Path(__file__).with_name("probe.py")
LONG = "TALKBENCH_SPEED_LONG" in os.environ
"""Whether to score ten minutes as well; it takes some ten."""


def probe(corpus, size=None):
    command = [sys.executable, PROBE, corpus.root, str(size or corpus.size)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module")
def two_seconds(tmp_path_factory):
    return corpora.demo(tmp_path_factory.mktemp("demo"), size=256, count=1)


def report(tables, benchmark, grows_with, variants):
    """Probe (what it is, corpus) one after the other; return the peaks in MB."""
    found = []

    def all_of_them():
        found.extend((name, probe(corpus)) for name, corpus in variants)

    benchmark.pedantic(all_of_them, rounds=1, iterations=1)
    for name, one in found:
        per_frame = 1e3 * one["seconds"] / one["frames"]
        tables.add("growth", grows_with, name, str(one["frames"]), f"{per_frame:.1f}", f"{one['peak_mb']:.0f}")
    return [one["peak_mb"] for _, one in found]


def test_length(tables, benchmark, two_seconds, tmp_path):
    lengths = {"10 s": 250, "100 s": 2500} | ({"10 minutes": 15000} if LONG else {})
    peaks = report(
        tables,
        benchmark,
        "length (256²)",
        [(name, corpora.lengthened(two_seconds, tmp_path / name, frames=n)) for name, n in lengths.items()],
    )
    # Frames kept in a list would be 2 × 2500 × 192 KB, a gigabyte.
    assert max(peaks) < 1.5 * peaks[0]


def test_size(tables, benchmark, tmp_path):
    sizes = [(f"{size}²", corpora.demo(tmp_path / str(size), size=size, count=1)) for size in (256, 512, 1024)]
    report(tables, benchmark, "frame size", sizes)


def test_number_of_clips(tables, benchmark, two_seconds, tmp_path):
    numbers = [(str(n), corpora.repeated(two_seconds, tmp_path / str(n), times=n)) for n in (1, 4, 16)]
    peaks = report(tables, benchmark, "clips of 2 s (256²)", numbers)
    assert max(peaks) < 1.5 * peaks[0]
