"""Run one `talkbench` command in a process of its own; print its exit code, time, processor time and peak memory."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

from talkbench.bench.cli import main

if __name__ == "__main__":
    sys.argv[0] = "talkbench"
    start, out, code = time.perf_counter(), io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    seconds, (user, system, *_) = time.perf_counter() - start, os.times()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    found = {"code": code, "seconds": seconds, "cpu": user + system, "peak_mb": peak / 1024}
    sys.stdout.write(json.dumps(found | {"characters": len(out.getvalue())}))
