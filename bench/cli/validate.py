"""`talkbench validate`: what each metric can and cannot see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from . import arguments
from .output import one_line, print_rich, progress_bar

EXAMPLES = (
    "Examples:\n\n"
    "talkbench validate -o validation/\n\n"
    "talkbench validate --metrics paper -o validation/\n\n"
    "talkbench validate --gt real/ --clips 10 --frames 100 -o validation/\n\n"
    "talkbench validate --metric mine.py:MINE --metrics mine -o validation/\n\n"
    "The same command goes on where a killed one stopped. See docs/validate.md."
)


def validate(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the takes, the run and the report.")],
    gt: Annotated[
        Path | None,
        typer.Option("--gt", help="Folder of real videos, or one video.  [default: the demo corpus]"),
    ] = None,
    metrics: Annotated[
        str, typer.Option("--metrics", metavar="LIST", help="Names with commas between, among them paper and full.")
    ] = "full",
    metric: arguments.Plugins = None,
    weights: arguments.Weights = None,
    clips: Annotated[int, typer.Option("--clips", min=1, help="How many clips, the first by name.")] = 4,
    frames: Annotated[int, typer.Option("--frames", min=8, help="How many frames of each, at 25 per second.")] = 50,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes.  [default: one per core]")] = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Distort clips by known amounts, and show which metrics respond: how steadily, and from what strength on."""
    from ...reports import validation_formats as formats
    from ...reports.figures.canvas import save
    from ...reports.figures.validation import validation_figure
    from ...reports.validation import validation
    from ..validation.run import validate as run

    with progress_bar() as progress:
        found = run(
            out,
            gt=gt,
            metrics=arguments.names(metrics),
            plugins=metric or (),
            weights=arguments.files(weights),
            clips=clips,
            frames=frames,
            workers=workers or len(os.sched_getaffinity(0)),
            progress=progress,
        )
    report = validation(found.results, found.left_out, found.corpus)
    written = {
        "validation.md": formats.to_markdown(report),
        "validation.csv": formats.to_csv(report),
        "validation.json": formats.to_json(report),
    }
    for name, text in written.items():
        (out / name).write_text(text, encoding="utf-8")
    figure = validation_figure(report, found.results)
    for name in ("validation.png", "validation.pdf"):
        save(figure, out / name, description=report.about)
    if as_json:
        typer.echo(written["validation.json"], nl=False)
    else:
        print_rich(formats.to_rich(report), report.signature)
    for failure in found.results.failures:
        typer.echo(f"failed: {failure['method']}, clip {one_line(failure['clip'])}: {failure['reason']}", err=True)
    typer.echo(f"Report: {out / 'validation.md'}, .csv, .json, .png, .pdf", err=True)
    if found.results.failures:
        raise typer.Exit(1)
