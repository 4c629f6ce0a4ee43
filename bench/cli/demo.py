"""`talkbench demo`: the main job on a small talking-face corpus that talkbench makes itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import TalkbenchError
from .output import progress_bar
from .score import show

if TYPE_CHECKING:
    from ...metrics.contract import Frame
    from ..results import Results

EXAMPLES = "Examples:\n\ntalkbench demo\n\ntalkbench demo -o /tmp/talkbench-demo"
_UTTERANCES = 9
_COLUMNS = 6


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the videos and the results.")] = Path(
        "talkbench-demo"
    ),
) -> None:
    """Make the demo corpus, score five simulated failures on it, and print Table 1."""
    from ...reports.formats import FORMATS
    from ...reports.table import table
    from ..protocol import PROTOCOLS
    from ..results import Results
    from ..run import Options, run

    workers = len(os.sched_getaffinity(0))
    options = Options(
        gt=out / "real",
        gen={name: out / "methods" / name for name in _make(out, workers)},
        manifest=None,
        protocol=PROTOCOLS["talkbench-1"],
        workers=workers,
        cache=out / "cache",
    )
    with progress_bar() as progress:
        run(options, out / "run", progress=progress)
    results = Results.load(out / "run")
    (out / "table1.md").write_text(FORMATS["markdown"](table(results)), encoding="utf-8")
    _draw(results, out / "landmarks.png")
    show(results, out / "run", as_json=False)
    typer.echo(
        f"\nReal videos        {out / 'real'}\n"
        f"Simulated methods  {out / 'methods'}\n"
        f"Table 1            {out / 'table1.md'}\n"
        f"Landmarks drawn    {out / 'landmarks.png'}\n\n"
        "Next, your own folders:  talkbench score --gt REAL --gen Ours=OURS -o RUN"
    )


def _make(out: Path, workers: int) -> list[str]:
    """Write the videos unless they are there already; return the names of the methods."""
    from ..demo.corpus import corpus
    from ..demo.methods import METHODS, write_methods

    done = out / "corpus-is-complete"
    if out.exists() and not done.exists() and any(out.iterdir()) and not (out / "real").is_dir():
        raise TalkbenchError(f"{out}: is not empty and holds no demo. Choose a new folder for -o.")
    if not done.exists():
        with progress_bar() as progress:
            write_methods(
                out / "methods",
                # a neutral clip has nothing to neutralise
                [utterance for utterance in corpus(_UTTERANCES) if utterance.emotion != "neutral"],
                ground_truth=out / "real",
                workers=workers,
                progress=lambda number, total: progress("make", number, total),
            )
        done.touch()
    return list(METHODS)


def _draw(results: Results, file: Path) -> None:
    """Draw the first clip: the real video and every method, with the landmarks found, and each frame's M-LMD."""
    import numpy as np

    from ...reports.contact_sheet import SheetRow, contact_sheet

    clip = results.clips["clip"].iloc[0]
    frames = results.frames[results.frames["clip"] == clip]
    count = int(frames["frame"].max()) + 1
    at = np.linspace(0, count - 1, _COLUMNS + 2).round().astype(int)[1:-1].tolist()
    rows: list[SheetRow] = []
    for method in results.run["methods"]:
        mine = frames[frames["method"] == method].set_index("frame").loc[at]
        videos = results.clips.query("clip == @clip and method == @method").iloc[0]
        for side, name in (("gt", "Ground Truth"), ("gen", method)):
            if side == "gt" and rows:
                continue
            points = [np.reshape(flat, (68, 2)) for flat in mine[f"{side}_landmarks"]]
            captions = [f"M-LMD {value:.2f} px" if side == "gen" else "" for value in mine["M-LMD"]]
            rows.append((name, _frames_at(Path(videos[f"{side}_video"]), at), points, captions))
    contact_sheet(rows, [f"{index / 25:.2f} s" for index in at], file)


def _frames_at(video: Path, at: list[int]) -> list[Frame]:
    """Read a demo video's frames with these indices."""
    from fractions import Fraction

    from ..framing import Whole
    from ..video import read_frames

    rate = Fraction(25)
    wanted = dict.fromkeys(at)
    return [
        Whole(256)(frame)
        for index, frame in enumerate(read_frames(video, source_rate=rate, rate=rate))
        if index in wanted
    ]
