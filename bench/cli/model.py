"""`talkbench model …`: the reference model, from a corpus to takes that `talkbench score` measures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import TalkbenchError
from . import arguments, model_reproduce
from .model_options import (
    Device,
    Devices,
    MaxSeconds,
    Perceptual,
    Precision,
    ProfileName,
    RowName,
    Seed,
    Speaker,
    Vgg,
    Workers,
    chosen_profile,
    cores,
    machine,
    one_speaker,
)  # fmt: skip
from .output import as_line, one_line, progress_bar

if TYPE_CHECKING:
    from ...reference_model.talker import Talker

EXAMPLES = (
    "Examples:\n\n"
    "talkbench model corpus -o corpus/\n\n"
    "talkbench model prepare corpus/ -o prepared/\n\n"
    "talkbench model train prepared/ --stage landmarks --profile cpu --row ours -o nets/\n\n"
    "talkbench model train prepared/ --stage frames --profile cpu --row ours -o nets/\n\n"
    "talkbench model synthesize --checkpoint nets/ --audio a.wav --image face.jpg -o out.mp4\n\n"
    "talkbench model reproduce corpus/ --rows all --seeds 3 --profile cpu -o reproduction/\n\n"
    "docs/mead.md goes from a downloaded MEAD to the paper's tables, docs/reference-model.md says what is inside."
)
_WITHOUT_TORCH = {"corpus", "prepare"}


def app() -> typer.Typer:
    """Build the verbs below `talkbench model`."""
    application = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", epilog=EXAMPLES)
    application.callback()(_needs_the_extra)
    for verb in (corpus, prepare, train, synthesize, describe):
        application.command(verb.__name__)(verb)
    application.command("reproduce", epilog=model_reproduce.EXAMPLES)(model_reproduce.reproduce)
    return application


def _needs_the_extra(context: typer.Context) -> None:
    """Train the reference model (MSEF + AATU), make it speak, and measure its ablation."""
    from importlib.util import find_spec

    lacking = [name for name in ("torch", "torchvision", "lightning_fabric") if find_spec(name) is None]
    if lacking and context.invoked_subcommand not in _WITHOUT_TORCH:
        raise TalkbenchError(f'`talkbench model` needs {", ".join(lacking)}: pip install "talkbench[model]"')


def corpus(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the corpus.")],
    speaker: Annotated[
        list[str] | None, typer.Option("--speaker", help="A speaker of the demo. Repeat for several.  [default: M003]")
    ] = None,
    sentences: Annotated[int, typer.Option("--sentences", min=2, help="Sentences in each of the 8 emotions.")] = 10,
    workers: Workers = None,
) -> None:
    """Make a small talking-face corpus in MEAD's layout to train on, without any download."""
    from ...reference_model.demo_corpus import SPEAKER, write_demo_corpus

    with progress_bar() as progress:
        videos = write_demo_corpus(
            out, speakers=speaker or (SPEAKER,), sentences=sentences, workers=cores(workers), progress=progress
        )
    typer.echo(f"{out}: {len(videos)} clips\n\nNext:  talkbench model prepare {out} -o PREPARED")


def prepare(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A corpus in MEAD's layout.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the prepared clips.")],
    level: Annotated[
        list[int] | None,
        typer.Option(
            "--level", help="A level of emotion to take; repeat for several. Neutral is always taken.  [default: 3]"
        ),
    ] = None,
    align: Annotated[
        Literal["frame", "clip"], typer.Option("--align", help="Take head motion out (frame), or keep it (clip).")
    ] = "frame",
    split: Annotated[
        Literal["sentence", "clip", "none"],
        typer.Option("--split", help="8:2 by sentence. By clip, test sentences are heard in training: a trial only."),
    ] = "sentence",
    components: Annotated[int, typer.Option("--components", min=1, max=136, help="Of the face model, K.")] = 16,
    faces: Annotated[
        Literal["exact", "track"], typer.Option("--faces", help="track is faster: docs/track.md.")
    ] = "exact",
    workers: Workers = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Align a corpus, find its landmarks and MFCC, split it, and fit a face model to every speaker."""
    from ...reference_model.prepare import Settings
    from ...reference_model.prepare import prepare as prepared

    settings = Settings(levels=tuple(level or (3,)), align=align, split=split, components=components, faces=faces)
    with progress_bar() as progress:
        made = prepared(corpus, out, settings=settings, workers=cores(workers), progress=progress)
    if as_json:
        typer.echo(as_line(dict(made.info)))
        return
    for warning in made.info["warnings"]:
        typer.echo(f"warning: {one_line(warning)}", err=True)
    for failure in made.info["failures"]:
        typer.echo(f"left out: {failure['clip']}: {one_line(failure['reason'])}", err=True)
    for name, about in made.info["speakers"].items():
        typer.echo(f"{name}: {_counts(about)}")
    typer.echo(f"\nNext:  talkbench model train {out} --stage landmarks --profile cpu -o NETS")


def _counts(speaker: dict[str, Any]) -> str:
    """Say how much there is of a speaker, and what the face model cannot express."""
    seconds, floor = speaker["seconds"], speaker["oracle_lmd_px"]
    said = ", ".join(
        f"{side} {seconds[side]:.0f} s (floor {floor[side]['F-LMD']:.2f} px F-LMD, {floor[side]['M-LMD']:.2f} px M-LMD)"
        for side in ("train", "test")
        if floor[side] is not None
    )
    return f"{said}; {sum(speaker['explained_variance']):.1%} of the variance explained"


def train(
    prepared: Annotated[Path, typer.Argument(metavar="PREPARED", help="What `prepare` wrote.", show_default=False)],
    stage: Annotated[
        Literal["landmarks", "frames"],
        typer.Option("--stage", help="From sound to landmarks, or from those to frames."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the checkpoints of one speaker and seed.")],
    profile: ProfileName = "cpu",
    row: RowName = "ours",
    seed: Seed = 0,
    speaker: Speaker = None,
    max_seconds: MaxSeconds = None,
    perceptual: Perceptual = None,
    vgg_weights: Vgg = None,
    device: Device = "cpu",
    devices: Devices = 1,
    precision: Precision = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Train one network of a row of the ablation, or go on with it."""
    from ...reference_model import checkpoint
    from ...reference_model.prepared import Prepared
    from ...reference_model.profiles import find_row
    from ...reference_model.stages import net_file, task_for
    from ...reference_model.training import train as trained

    chosen, known = find_row(row), Prepared.load(prepared)
    who = one_speaker(known, speaker)
    sizes = chosen_profile(profile, perceptual)
    task = task_for(known, who, sizes, chosen, stage, seed=seed, vgg=vgg_weights)
    file = net_file(out, chosen, stage)
    losses: dict[str, float] = {}
    with progress_bar() as progress:

        def report(done: int, of: int, values: dict[str, float]) -> None:
            losses.update(values)
            progress("train", done, of)

        finished = trained(task, file, machine(device, devices, precision), max_seconds=max_seconds, progress=report)
    made = checkpoint.load(file)
    if as_json:
        data = {"checkpoint": str(file), "finished": finished, "step": made.step, "steps": made.steps}
        typer.echo(as_line(data | {"config": made.config}))
        return
    typer.echo(f"{file}: {made.step} of {made.steps} steps")
    if losses:
        typer.echo(", ".join(f"{name} {value:.4g}" for name, value in losses.items()))
    typer.echo(f"All losses: {file.with_suffix('.csv')}")
    if not finished:
        typer.echo("The time is up. The same command goes on from here.", err=True)


def synthesize(
    checkpoint: Annotated[
        list[Path],
        typer.Option(
            "--checkpoint", help="The folder that `train -o` wrote, or one file of each stage.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="A video; with --corpus a folder.")],
    audio: Annotated[Path | None, typer.Option("--audio", help="Speech, in a sound file or a video.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="A picture of one face, with the same emotion.")] = None,
    frames: Annotated[Path | None, typer.Option("--frames", help="Also write the frames here, as PNG.")] = None,
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", help="What `prepare` wrote: make a take of every clip, ready to be scored."),
    ] = None,
    split: Annotated[Literal["test", "train"], typer.Option("--split", help="Of the corpus.")] = "test",
    row: RowName = "ours",
    device: Device = "cpu",
) -> None:
    """Make a face speak: landmarks, frames, and a video with sound."""
    from ...reference_model.synthesize import say
    from ...reference_model.talker import Talker

    if (corpus is None) != (audio is not None and image is not None) or (corpus and (audio or image or frames)):
        raise TalkbenchError("Expected either --audio WAV with --image FACE, or --corpus PREPARED.")
    talker = Talker(*_both_stages(checkpoint, row), device=device)
    if corpus is not None:
        _speak_corpus(talker, corpus, split, out)
    elif audio is not None and image is not None:
        spoken = say(talker, audio, image, out, frames=frames)
        typer.echo(f"{out}: {len(spoken.landmarks)} frames. Landmarks: {out.with_suffix('.landmarks.npy')}")


def _both_stages(given: list[Path], row: str) -> tuple[Path, Path]:
    """Return the checkpoints of stages 1 and 2 that the command line means."""
    from ...reference_model import checkpoint
    from ...reference_model.profiles import find_row
    from ...reference_model.stages import net_file

    if len(given) == 1 and given[0].is_dir():
        return net_file(given[0], find_row(row), "landmarks"), net_file(given[0], find_row(row), "frames")
    if len(given) != 2:
        raise TalkbenchError(
            f"--checkpoint: expected one folder, or two files, one of each stage; got {len(given)} of them."
        )
    ordered = sorted(given, key=lambda file: checkpoint.load(file).config["stage"] != "landmarks")
    return ordered[0], ordered[1]


def _speak_corpus(talker: Talker, folder: Path, split: Literal["test", "train"], out: Path) -> None:
    from ...reference_model.prepared import Prepared
    from ...reference_model.synthesize import make_takes

    prepared = Prepared.load(folder)
    count = len(prepared.clips(split, talker.speaker))
    with progress_bar() as progress:
        for done, _ in enumerate(make_takes(talker, prepared, split, out), start=1):
            progress("speak", done, count)
    typer.echo(f"{out}: {count} clips")
    if split == "test":
        typer.echo(f"\nNext:  talkbench score --gt {prepared.truth} --gen Ours={out} -o RUN")


def describe(profile: ProfileName = "cpu", row: RowName = "ours", as_json: arguments.AsJson = False) -> None:
    """Print every module with its shapes and its number of parameters."""
    from rich.console import Console

    from ...reference_model.describe import describe as described
    from ...reference_model.describe import render

    made = described(profile, row)
    if as_json:
        typer.echo(as_line(made.as_dict()))
    else:
        Console(width=None if sys.stdout.isatty() else 110).print(render(made))
