"""A tiny study for tests: three clips of 0.6 s under two methods and the hidden reference, built and served."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import clips
import numpy as np
import numpy.typing as npt

from talkbench.bench.encode import write_video
from talkbench.bench.study.build import build
from talkbench.bench.study.config import template
from talkbench.bench.study.database import Database, address

METHODS = ("Sharp Method", "blurrynet")
CLIPS = ("speech-anna", "speech-benjamin", "speech-cleo")
SECONDS = 0.6
TOKEN = "a-token-of-at-least-thirty-two-characters"  # noqa: S105  # of tests alone
FULL_REPORT = '{"covered": 1, "wall": 9, "frames": 15, "videoWidth": 96, "width": 1280}'


def configuration(**changes: object) -> str:
    """The template with the tiny study's folders and counts; `changes` replace values by their name in the file."""
    text = template()
    text = text.replace(
        'Ours = "methods/ours"\nBaseline = "methods/baseline"',
        "\n".join(f'"{name}" = "methods/{name}"' for name in METHODS),
    )
    values = {"count": 2, "per_rater": 2, "raters": 6, "training": 1, "attention": 1, "repeats": 1, "repeat_gap": 2}
    for name, value in (values | changes).items():
        lines = [line for line in text.splitlines() if line.startswith(f"{name} = ")]
        assert len(lines) == 1, name
        shown = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
        text = text.replace(lines[0], f"{name} = {shown}")
    return text


def tone(seconds: float, frequency: float) -> tuple[npt.NDArray[np.float32], int]:
    """Return a tone and its rate in Hz."""
    time_s = np.arange(round(16_000 * seconds)) / 16_000
    return (0.2 * np.sin(2 * np.pi * frequency * time_s)).astype(np.float32), 16_000


def write_videos(folder: Path) -> None:
    """Write the real videos and those of the methods, with sound."""
    for number, clip in enumerate(CLIPS):
        for place in ("real", *(f"methods/{name}" for name in METHODS)):
            frames = clips.moving(round(25 * SECONDS), size=96, phase=number + len(place))
            (folder / place).mkdir(parents=True, exist_ok=True)
            write_video(folder / place / f"{clip}.mp4", frames, fps=25, audio=tone(SECONDS, 200 + 50 * number))


def built(folder: Path, **changes: object) -> Path:
    """Build a tiny study in a new folder."""
    write_videos(folder)
    (folder / "study.toml").write_text(configuration(**changes), encoding="utf-8")
    build(folder)
    return folder


_shared: dict[str, Path] = {}


def copy(tmp_path_factory, name: str = "study", **changes: object) -> Path:
    """A fresh copy of a study that this process has built once."""
    key = repr(sorted(changes.items()))
    if key not in _shared:
        _shared[key] = built(tmp_path_factory.mktemp("built"), **changes)
    target = tmp_path_factory.mktemp(name) / "study"
    shutil.copytree(_shared[key], target)
    return target


@contextlib.contextmanager
def database(study: Path) -> Iterator[Database]:
    """The study's database."""
    opened = Database(address(study))
    try:
        yield opened
    finally:
        opened.close()


@contextlib.contextmanager
def served(study: Path) -> Iterator[str]:
    """Serve a study on a free port of this machine, in a thread; yield its address."""
    import uvicorn

    from talkbench.bench.study.web.app import create_app

    with database(study) as db:
        config = uvicorn.Config(create_app(study, db, TOKEN), host="127.0.0.1", port=0, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
