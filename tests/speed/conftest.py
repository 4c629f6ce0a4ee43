"""Collects what the benchmarks find and prints it once, at the end."""

from __future__ import annotations

import os

import cv2
import pytest

COLUMNS = {
    "ratio": ("what", "on", "naive ms", "ours ms", "frames/s", "ratio", "best turn", "CPU ratio", "aim"),
    "model": ("what", "on", "without, frames/s", "ours, frames/s", "ratio of times", "ours, frames/CPU-s", "aim"),
    "real time": ("what", "on", "× 25 frames/s", "aim"),
    "roofline": ("what", "on", "frames/s", "roofline, frames/s", "share"),
    "metrics": ("what", "the paper's four, ms", "ms", "of the four"),
    "growth": ("grows with", "is", "frames", "ms per frame", "peak MB"),
    "size": ("command", "clips", "s", "CPU s", "peak MB"),
    "cluster": ("cluster", "is", "of"),
}


class Tables:
    """Rows by table, each a tuple of texts as wide as its COLUMNS."""

    def __init__(self):
        self.rows = {name: [] for name in COLUMNS}

    def add(self, table, *cells):
        self.rows[table].append(cells)

    def markdown(self):
        for name, rows in self.rows.items():
            if not rows:
                continue
            table = [COLUMNS[name], *rows]
            widths = [max(len(row[column]) for row in table) for column in range(len(COLUMNS[name]))]
            lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in table]
            yield "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


TABLES = Tables()


@pytest.fixture
def one_thread():
    """Hold OpenCV to one thread: what is timed is the work, not how many cores are idle."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="session")
def tables():
    return TABLES


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("speed")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    terminalreporter.write_line(
        f"{os.cpu_count()} cores; load over 1, 5 and 15 minutes: {load}. Times in ms are per frame pair.\n"
    )
    for table in TABLES.markdown():
        terminalreporter.write_line(table + "\n")
