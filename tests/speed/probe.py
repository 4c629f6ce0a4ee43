"""Score one corpus in a process of its own, and print its time and its peak memory: `python probe.py CORPUS SIZE`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2

from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.results import Results
from talkbench.bench.run import Options, run


def main(root, size):
    cv2.setNumThreads(1)
    exact = PROTOCOLS["talkbench-1"]
    protocol = exact.model_copy(update={"frame": exact.frame.model_copy(update={"size": size})})
    start = time.perf_counter()
    run(Options(root / "real", {"m": root / "blurred"}, None, protocol), root / "run")
    seconds = time.perf_counter() - start
    # VmHWM is this program's own; ru_maxrss would begin with what the parent had when it forked.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    frames = int(Results.load(root / "run", frames=False).clips["compared"].sum())
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak / 1024, "frames": frames}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
