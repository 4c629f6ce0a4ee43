"""Memory hardly grows with clip length: what three times the frames add to the peak."""

import os
import subprocess
import sys
from pathlib import Path

import clips
import numpy as np

SHORT, LONG = 2_500, 7_500  # the short one fills the buffers that both need
SIZE = 96
ALLOWED = 40  # MB: measured 22; a row of frames.parquet, 1.2 kB a frame, lies in memory more than once
MEASURE = """
import sys
from pathlib import Path
import numpy as np
from talkbench.bench import source
from talkbench.bench.faces import Face
from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.run import Options, run
from talkbench.bench.vocabulary import FaceStatus

class Quick:  # finding no face in noise takes a minute
    def find(self, grey):
        return Face(np.zeros((68, 2), np.float32) + grey[0, 0], FaceStatus.OK, 1)

source._finder = lambda model: Quick()
root = Path(sys.argv[1])
for name in sys.argv[2:]:
    run(Options(root / f"{name}.mp4", {"Ours": root / f"{name}.mp4"}, None, PROTOCOLS["talkbench-1"]), root / name)
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def test_three_times_the_frames_need_hardly_more_memory(tmp_path: Path) -> None:
    """Frames of noise, so that a packet is as large as those of real clips: 5,000 more would be over 50 MB if kept."""
    rng = np.random.default_rng(0)
    for name, count in (("short", SHORT), ("long", LONG)):
        noise = (rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8) for _ in range(count))
        clips.write(tmp_path / f"{name}.mp4", noise, options={"crf": "10", "preset": "ultrafast"})
    assert ((tmp_path / "long.mp4").stat().st_size - (tmp_path / "short.mp4").stat().st_size) / 1e6 > 50
    command = [sys.executable, "-c", MEASURE, tmp_path, "short", "long"]
    one_arena = {**os.environ, "MALLOC_ARENA_MAX": "1"}  # what a thread left free in its own arena is no growth
    measured = subprocess.run(command, capture_output=True, text=True, check=True, env=one_arena).stdout.split()
    short, long = (int(kilobytes) / 1024 for kilobytes in measured)
    assert long - short < ALLOWED, f"{short:.0f} MB with {SHORT} frames, {long:.0f} MB with {LONG}"
