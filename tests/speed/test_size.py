"""`pair`, `table` and `compare` on as many clips as the largest corpora have: 300,000, with nothing to decode."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from speed import sizes

COUNTS = (30_000, 300_000)
PROBE = Path(__file__).with_name("at_size.py")


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Make a result folder once for all benchmarks."""
    root = tmp_path_factory.mktemp("runs")

    @cache
    def made(method, count, speakers):
        folder = root / f"{method}-{count}-{speakers}"
        sizes.results(folder, count, method=method, speakers=speakers)
        return folder

    return made


def command(*arguments):
    done = subprocess.run([sys.executable, PROBE, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def report(tables, benchmark, name, count, *arguments):
    found = benchmark.pedantic(lambda: command(*map(str, arguments)), rounds=1, iterations=1)
    assert found["code"] == 0
    tables.add("size", name, f"{count:,}", f"{found['seconds']:.1f}", f"{found['cpu']:.1f}", f"{found['peak_mb']:.0f}")


@pytest.mark.parametrize("count", COUNTS)
def test_pair(tables, benchmark, tmp_path, count):
    sizes.touch(tmp_path, count)
    report(tables, benchmark, "pair", count, "pair", "--gt", tmp_path / "real", "--gen", f"m={tmp_path / 'gen'}")


@pytest.mark.parametrize("speakers", [True, False])
@pytest.mark.parametrize("count", COUNTS)
def test_table(tables, benchmark, scored, count, speakers):
    name = "table, 48 speakers" if speakers else "table, no speakers"
    report(tables, benchmark, name, count, "table", scored("a", count, speakers), "--format", "latex")


@pytest.mark.parametrize("speakers", [True, False])
@pytest.mark.parametrize("count", COUNTS)
def test_compare(tables, benchmark, scored, count, speakers):
    name = "compare, 48 speakers" if speakers else "compare, no speakers"
    runs = [scored(method, count, speakers) for method in ("a", "b")]
    report(tables, benchmark, name, count, "compare", *runs, "--baseline", "a", "--format", "latex")
