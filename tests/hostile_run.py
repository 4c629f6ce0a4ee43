"""Run `talkbench` over a corpus of mutants and say what became of each: `hostile_run.py FOLDER [--media DIR] …`.

The corpus is that of `mutations.py`: of small clips, or with `--media` of real ones, whose mutants keep at most 3 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mutations

_CODE = """
import atexit, os, re, resource
from pathlib import Path

def peak():
    own = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
    Path(os.environ["PEAK"]).write_text(str(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)))

atexit.register(peak)
from talkbench.bench.cli import main; main()
"""
"""The command, which leaves the largest of its own processes, in kB: other children of ours are none of it."""
_KEPT = 3_000_000


@dataclass(frozen=True)
class Report:
    """What became of the corpus: ids by outcome, the exit code, the messages, and the largest process in bytes."""

    mutants: int
    measured: frozenset[str]
    failed: dict[str, str]
    refused: frozenset[str]
    missing: frozenset[str]
    code: int
    err: str
    peak: int


def talkbench(*arguments: object, peak: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CODE, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment | {"PEAK": str(peak)},
        check=False,
    )


def run(root: Path, *, seconds: int | None = None, memory: str = "2G", workers: int = 1) -> Report:
    """Score `gen` against `real`, without the pairs that are refused for their lengths or shapes before a run."""
    limits = {"TALKBENCH_CLIP_SECONDS": str(seconds or ""), "TALKBENCH_CLIP_MEMORY": memory}
    sides = (
        "--gt",
        root / "real",
        "--gen",
        f"m={root / 'gen'}",
        "--adapter",
        "m=folder",
        "--align",
        "truncate",
        "--allow-missing",
    )
    peaks = [root / f"peak-{verb}" for verb in ("pair", "score", "table")]
    looked = talkbench("pair", *sides, "--json", peak=peaks[0], **limits)
    if not looked.stdout:
        raise RuntimeError(looked.stderr)
    pairs = json.loads(looked.stdout)["pairs"]
    refused = frozenset(pair["clip"] for pair in pairs if pair["refused"])
    for pair in pairs:
        if pair["refused"]:
            Path(pair["gt"]["file"]).unlink()
    # Faces are found once per whole clip, and quickly: it is not the search that is tried.
    quick = ("--faces", "track", "--cache", root / "cache", "--workers", workers)
    done = talkbench("score", *sides, *quick, "-o", root / "run", peak=peaks[1], **limits)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-2000:]}")
    failures = [json.loads(line) for line in (root / "run" / "failures.jsonl").read_text().splitlines()]
    shown = talkbench("table", root / "run", "--format", "json", peak=peaks[2])
    from talkbench.bench.results import Results

    results = Results.load(root / "run", frames=False)
    return Report(
        mutants=len(pairs) + sum(len(ids) for ids in results.run["missing"].values()),
        measured=frozenset(results.clips["clip"]),
        failed={failure["clip"]: failure["reason"] for failure in failures},
        refused=refused,
        missing=frozenset(results.run["missing"].get("m", ())),
        code=max(done.returncode, shown.returncode),
        err=done.stderr,
        peak=max(int(file.read_text()) for file in peaks) * 1024,
    )


def real_seeds(media: Path, count: int) -> dict[str, bytes]:
    """Return the smallest clips of each folder of real media, by a name that says where they are from."""
    found: dict[str, bytes] = {}
    suffixes = (".mp4", ".mpg", ".flv", ".avi", ".mkv")
    for folder in sorted({path.parent for path in media.rglob("*") if path.suffix in suffixes}):
        for path in sorted((p for p in folder.iterdir() if p.suffix in suffixes), key=lambda p: p.stat().st_size)[
            :count
        ]:
            found[f"{folder.name}-{path.stem}{path.suffix}"] = path.read_bytes()
    return found


def main(arguments: Sequence[str]) -> None:
    """Make the corpus, run over it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--clips", type=int, default=1, help="of each folder of real media")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=int, help="for each clip, instead of what its length allows")
    options = parser.parse_args(arguments)
    options.folder.mkdir()
    seeds = mutations.small_seeds(options.folder)
    if options.media:
        seeds = real_seeds(options.media, options.clips)
    made = mutations.write_corpus(options.folder, seeds, rounds=options.rounds, whole=_KEPT if options.media else None)
    begun = time.monotonic()
    report = run(options.folder, seconds=options.seconds, workers=options.workers)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    given_up = [reason for reason in report.failed.values() if "was given up" in reason]
    died = [reason for reason in report.failed.values() if "worked on it died" in reason]
    too_large = [reason for reason in report.failed.values() if "more memory" in reason]
    internal = {clip: reason for clip, reason in report.failed.items() if "Internal error" in reason}
    sys.stdout.write(
        f"{len(made)} mutants of {len(seeds)} clips: {len(report.measured)} measured, {len(report.failed)} failed with "
        f"a reason ({len(given_up)} past their time, {len(died)} with their worker, {len(too_large)} past the memory), "
        f"{len(report.refused)} refused by name, {len(report.missing)} not a take at all; "
        f"{len(internal)} internal errors. Exit code {report.code}, {time.monotonic() - begun:.0f} s, "
        f"{used.ru_utime + used.ru_stime:.0f} s CPU, largest process {report.peak / 1e6:.0f} MB.\n"
    )
    for clip, reason in internal.items():
        sys.stdout.write(f"{clip!r}: {reason}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
