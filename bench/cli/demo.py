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
    from ..results import Results

EXAMPLES = "Examples:\n\ntalkbench demo\n\ntalkbench demo -o /tmp/talkbench-demo"
_CLIPS = 8
"""One per speaker: with fewer, no difference of five methods could reach 5 % in a test that is clustered by speaker."""


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
    _draw(results, out)
    show(results, out / "run", as_json=False)
    typer.echo(
        f"\nReal videos        {out / 'real'}\n"
        f"Simulated methods  {out / 'methods'}\n"
        f"Table 1            {out / 'table1.md'}\n"
        f"Landmarks drawn    {out / 'landmarks.png'}\n"
        f"Frames drawn       {out / 'frames.png'}\n\n"
        "Next, your own folders:  talkbench score --gt REAL --gen Ours=OURS -o RUN"
    )


def _make(out: Path, workers: int) -> list[str]:
    """Write the videos unless they are there already; return the names of the methods."""
    from ...baselines.mead import EMOTIONS
    from ..demo.corpus import corpus
    from ..demo.methods import METHODS, write_methods

    done = out / "corpus-is-complete"
    if out.exists() and not done.exists() and any(out.iterdir()) and not (out / "real").is_dir():
        raise TalkbenchError(f"{out}: is not empty and holds no demo. Choose a new folder for -o.")
    if not done.exists():
        with progress_bar() as progress:
            write_methods(
                out / "methods",
                corpus(_CLIPS, emotions=[name for name in EMOTIONS if name != "neutral"]),  # it cannot be neutralised
                ground_truth=out / "real",
                workers=workers,
                progress=lambda number, total: progress("make", number, total),
            )
        done.touch()
    return list(METHODS)


def _draw(results: Results, folder: Path) -> None:
    """Draw the first clip's landmarks and frames, as `talkbench plot` does."""
    from ...reports.figures.canvas import DOUBLE, save
    from ...reports.figures.frames import frame_figure, frames_to_show
    from ...reports.figures.landmarks import landmark_figure
    from ..drawing import pictures

    clip = str(results.clips["clip"].iloc[0])
    save(landmark_figure(results, clip), folder / "landmarks.png")
    at = frames_to_show(results, clip, None, width=DOUBLE)
    save(frame_figure(results, clip, pictures(results, clip, at)), folder / "frames.png")
