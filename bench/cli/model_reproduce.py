"""`talkbench model reproduce`: from a corpus to Table 1, measured beside what the paper reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import TalkbenchError
from . import arguments
from .model_options import (
    Device,
    MaxSeconds,
    Perceptual,
    Precision,
    ProfileName,
    Vgg,
    Workers,
    chosen_profile,
    cores,
    machine,
)  # fmt: skip
from .output import one_line, progress_bar

if TYPE_CHECKING:
    from ...reference_model.prepared import Prepared
    from ...reference_model.profiles import Schedule
    from ...reference_model.reproduce import Job, Plan
    from ...reports.reproduction import Question, Reproduction
    from ..results import Results
    from ..run import Progress

EXAMPLES = (
    "Examples:\n\n"
    "talkbench model reproduce corpus/ --rows all --seeds 3 --profile cpu -o reproduction/\n\n"
    "talkbench model reproduce MEAD/ --rows baseline+joint,ours --profile gpu --device cuda -o reproduction/\n\n"
    "The same command goes on where a killed one stopped. Exit codes: 0 done, 1 the time was up, 2 bad input."
)


def reproduce(
    corpus: Annotated[
        Path, typer.Argument(metavar="CORPUS", help="A corpus in MEAD's layout, or prepared.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for everything: new, or of the same run.")],
    rows: Annotated[str, typer.Option("--rows", help="Rows of the ablation, separated by commas, or all.")] = "all",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How often to train each network.")] = 3,
    profile: ProfileName = "cpu",
    perceptual: Perceptual = None,
    vgg_weights: Vgg = None,
    device: Device = "cpu",
    precision: Precision = None,
    max_seconds: MaxSeconds = None,
    workers: Workers = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Prepare, train every network, make every take, score them all, and print Table 1 beside the paper's."""
    from ...reference_model.prepare import prepare
    from ...reference_model.prepared import Prepared
    from ...reference_model.reproduce import Plan, speakings, trainings

    deadline = None if max_seconds is None else time.time() + max_seconds
    count, sizes, chosen = cores(workers), chosen_profile(profile, perceptual), _chosen_rows(rows)
    with progress_bar() as progress:
        if (corpus / "prep.json").exists():
            prepared = Prepared.load(corpus)
        else:
            prepared = prepare(corpus, out / "prepared", workers=count, cache=out / "cache", progress=progress)
        _refuse_no_test(prepared)
        plan = Plan(
            prepared.folder,
            out,
            sizes,
            chosen,
            tuple(range(seeds)),
            machine(device, 1, precision),
            vgg_weights,
            count if device == "cpu" else 1,
        )
        for phase, jobs in (("train", trainings(plan)), ("speak", speakings(plan))):
            if not _done(phase, jobs, plan.workers, progress, deadline):
                typer.echo("The time is up. The same command goes on from here.", err=True)
                raise typer.Exit(1)
        runs = [_scored(plan, seed, prepared, count, progress) for seed in plan.seeds]
    made = _reproduction(plan, prepared, runs, profile)
    _write(made, out)
    if as_json:
        typer.echo((out / "table1.json").read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo((out / "table1.md").read_text(encoding="utf-8"), nl=False)
    for run, seed in zip(runs, plan.seeds, strict=True):
        for failure in run.failures:
            where = f"seed {seed}, {failure['method']}, clip {failure['clip']}"
            typer.echo(f"failed: {where}: {one_line(failure['reason'])}", err=True)
    typer.echo(f"Written: {out / 'table1.md'}, .tex and .json; talkbench report {out / 'scores' / 'seed-0'}", err=True)


def _chosen_rows(text: str) -> tuple[str, ...]:
    from ...reference_model.profiles import ROWS, find_row

    if text == "all":
        return tuple(ROWS)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        find_row(name)
    if not names:
        raise TalkbenchError(f"--rows {text!r}: expected all, or rows separated by commas: {', '.join(ROWS)}.")
    return tuple(name for name in ROWS if name in names)


def _refuse_no_test(prepared: Prepared) -> None:
    if not prepared.clips("test"):
        raise TalkbenchError(
            f"{prepared.folder}: has no test clips, so that there is nothing to score. Use more clips."
        )


def _done(phase: str, jobs: Sequence[Job], workers: int, progress: Progress, deadline: float | None) -> bool:
    """Do the jobs of a phase, or what is left of them; return whether all are finished."""
    from ...reference_model.reproduce import do_all

    total, done = sum(job.size for job in jobs), 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        progress(phase, done, total)

    report(0)
    return do_all(jobs, report, workers=workers, deadline=deadline)


def _scored(plan: Plan, seed: int, prepared: Prepared, workers: int, progress: Progress) -> Results:
    """Score all rows of a seed in one run."""
    from ...reference_model.profiles import ROWS
    from ..protocol import PROTOCOLS
    from ..results import Results
    from ..run import Options, run

    titles = [ROWS[row].title for row in plan.rows]
    options = Options(
        gt=prepared.truth,
        gen={title: plan.takes(title, seed) for title in titles},
        manifest=None,
        protocol=PROTOCOLS["talkbench-1"],
        adapters=dict.fromkeys(titles, "folder"),
        workers=workers,
        cache=plan.out / "cache",
    )
    folder = plan.out / "scores" / f"seed-{seed}"
    run(options, folder, progress=progress)
    return Results.load(folder, frames=False)


def _reproduction(plan: Plan, prepared: Prepared, runs: Sequence[Results], profile: str) -> Reproduction:
    from ...baselines.mead import EMOTIONS
    from ...reference_model.reproduce import confusion
    from ...reports.reproduction import Heard, reproduction

    heard = []
    for seed in plan.seeds:
        both = confusion(plan, seed)
        if both is not None:
            clips, frames = (tuple(tuple(map(int, row)) for row in one.counts) for one in both)
            heard.append(Heard(seed, EMOTIONS, clips, frames))
    return reproduction(runs, plan.seeds, _questions(), heard, _about(plan, prepared, profile), _notes(prepared))


def _questions() -> list[Question]:
    from ...reference_model.profiles import ROWS
    from ...reports.reproduction import Question

    title = {name: row.title for name, row in ROWS.items()}
    landmarks, pixels = ("F-LMD-pred", "M-LMD-pred", "F-LMD", "M-LMD"), ("SSIM", "PSNR")
    return [
        Question("joint loss", title["baseline+joint"], title["baseline"], landmarks),
        Question("MSEF and AATU", title["ours"], title["baseline+joint"], landmarks + pixels),
        Question("MSEF", title["ours"], title["no-msef"], landmarks),
        Question("AATU (CBAM)", title["ours"], title["no-aatu"], pixels),
    ]


def _about(plan: Plan, prepared: Prepared, profile: str) -> list[tuple[str, str]]:
    """Say what was trained, on what, and for how long."""
    landmarks, frames = plan.profile.landmarks, plan.profile.frames
    sizes = []
    for split in ("train", "test"):
        clips = prepared.clips(split)
        sizes.append(f"{len(clips)} {split} clips ({sum(clip.length for clip in clips)} frames)")
    return [
        ("Corpus", f"{', '.join(sizes)}; speakers: {', '.join(prepared.speakers)}"),
        ("Profile", profile),
        ("Stage 1", f"MSEF {landmarks.net.msef}, K = {landmarks.net.components}; {_schedule(landmarks.schedule)}"),
        ("Stage 2", f"{frames.net.size} px, {frames.net.ngf} channels; {_schedule(frames.schedule)}"),
        ("Perceptual loss", frames.loss.perceptual),
        ("Seeds", ", ".join(map(str, plan.seeds))),
    ]


def _schedule(schedule: Schedule) -> str:
    return (
        f"{schedule.epochs} epoch{'s' * (schedule.epochs != 1)}, batch {schedule.batch}, "
        f"Adam {schedule.learning_rate:g}, times {schedule.gamma:g} per epoch"
    )


def _notes(prepared: Prepared) -> list[str]:
    floors = []
    for name, about in prepared.info["speakers"].items():
        if floor := about["oracle_lmd_px"]["test"]:
            floors.append(f"{name}: {floor['F-LMD']:.2f} px F-LMD, {floor['M-LMD']:.2f} px M-LMD")
    return [f"What the face model cannot express of the true test landmarks, a floor: {'; '.join(floors)}."]


def _write(made: Reproduction, out: Path) -> None:
    """Write Table 1 in every format, and the confusion matrix over all seeds."""
    import numpy as np

    from ...reports.figures.canvas import save
    from ...reports.figures.confusion import matrix_figure
    from ...reports.reproduction_formats import FORMATS
    from ..results import replacing

    for suffix, printed in FORMATS.items():
        with replacing(out / f"table1.{suffix}") as temporary:
            temporary.write_text(printed(made), encoding="utf-8")
    if made.heard:
        counts = np.asarray(made.heard_frames(), np.int64)
        figure = matrix_figure(counts, list(made.heard[0].labels), title="MSEF, test frames")
        for suffix in ("pdf", "png"):
            save(figure, out / f"confusion.{suffix}", description=f"Seeds {', '.join(map(str, made.seeds))}.")
