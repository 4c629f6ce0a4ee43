"""`talkbench score`: measure, resume, and print Table 1."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import arguments
from .output import one_line, progress_bar

if TYPE_CHECKING:
    from ..results import Results

EXAMPLES = (
    "Examples:\n\n"
    "talkbench score --gt real/ --gen Ours=ours/ --gen EVP=evp/ -o run/\n\n"
    "talkbench score --gt real.mp4 --gen Ours=ours.mp4 --align truncate -o run/\n\n"
    "talkbench score --manifest pairs.csv --crop aligned --json -o run/\n\n"
    "talkbench score --gt real/ --gen Ours=ours/ --metrics paper,M-LVD,F-LVD -o run/\n\n"
    "Exit codes: 0 done, 1 some clips failed (see failures.jsonl), 2 bad input. The same command goes on where a "
    "killed one stopped."
)


def score(
    out: Annotated[Path, typer.Option("-o", "--out", help="Result folder: new, or of the same run unfinished.")],
    gt: arguments.Gt = None,
    gen: arguments.Gen = None,
    adapter: arguments.Adapters = None,
    manifest: arguments.Manifest = None,
    protocol: arguments.ProtocolName = "talkbench-1",
    align: arguments.Align = None,
    crop: arguments.Crop = None,
    faces: arguments.Faces = None,
    key: arguments.KeyOption = "path",
    allow_missing: arguments.AllowMissing = False,
    frame_fps: arguments.FrameFps = None,
    metrics: arguments.Metrics = None,
    metric: arguments.Plugins = None,
    weights: arguments.Weights = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes that measure.  [default: one per core]")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Where landmarks are kept.  [default: the user's cache folder]")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no landmarks.")] = False,
    device: Annotated[str, typer.Option("--device", help="Where pixels are compared: cpu or cuda.")] = "cpu",
    as_json: arguments.AsJson = False,
) -> None:
    """Score a folder of generated videos per method against the real ones."""
    from ..cache import default_folder
    from ..results import Results
    from ..run import run

    options = arguments.options(
        gt=gt,
        gen=gen,
        adapter=adapter,
        manifest=manifest,
        protocol=protocol,
        align=align,
        crop=crop,
        faces=faces,
        key=key,
        allow_missing=allow_missing,
        frame_fps=frame_fps,
        metrics=metrics,
        plugins=metric,
        weights=weights,
        workers=workers or len(os.sched_getaffinity(0)),
        cache=None if no_cache else cache or default_folder(),
        device=device,
    )
    with progress_bar() as progress:
        run(options, out, progress=progress)
    results = Results.load(out, frames=False)
    show(results, out, as_json=as_json)
    if results.failures:
        raise typer.Exit(1)


def show(results: Results, out: Path, *, as_json: bool) -> None:
    """Print the summary table on stdout, and on stderr what else a user must know."""
    from rich.console import Console

    from ...reports.formats import FORMATS, to_rich
    from ...reports.table import table

    summary = table(results)
    if as_json:
        typer.echo(FORMATS["json"](summary), nl=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else 110)
        console.print(to_rich(summary))
        console.print(f"Signature: {summary.signature}", soft_wrap=True, highlight=False)
    for warning in (*results.run["warnings"], *several_faces(results), *no_faces(results)):
        typer.echo(f"warning: {one_line(warning)}", err=True)
    for failure in results.failures:
        typer.echo(f"failed: {failure['method']}, clip {one_line(failure['clip'])}: {failure['reason']}", err=True)
    count = len(results.failures)
    if count:
        typer.echo(
            f"{count} pair{'s' if count > 1 else ''} could not be measured: see {out / 'failures.jsonl'}", err=True
        )
    typer.echo(f"Results: {out}  (talkbench table {out} --format latex)", err=True)


def several_faces(results: Results) -> list[str]:
    """Say which videos show more than one face: the protocol measures one of them."""
    notes = []
    for side, name in (("gt", "the real video"), ("gen", "the generated video")):
        for row in results.clips.drop_duplicates([f"{side}_video"]).to_dict("records"):
            if row[f"{side}_several"]:
                notes.append(
                    f"clip {row['clip']}: {name} ({row[f'{side}_video']}) shows several faces in "
                    f"{row[f'{side}_several']} frames; the largest is measured"
                )
    return notes


def no_faces(results: Results) -> list[str]:
    """Say whose videos show no face at all: of those the landmark metrics have nothing to measure."""
    clips, notes = results.clips, []
    sides = [("Ground Truth", "gt", clips)]
    sides += [(method, "gen", clips[clips["method"] == method]) for method in results.run["methods"]]
    for name, side, rows in sides:
        videos = rows.dropna(subset=[f"{side}_video"]).drop_duplicates([f"{side}_video"])
        without = videos[videos[f"{side}_faces"] == 0]
        if len(without):
            notes.append(
                f"{name}: no face in any frame of {len(without)} of {len(videos)} videos ({without['clip'].iloc[0]}"
                f"{', …' if len(without) > 1 else ''}); look at them, or try --crop gt-box"
            )
    return notes
