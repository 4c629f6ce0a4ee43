"""`talkbench plot …`: figures for a paper from a result folder, and a video to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import MediaError, TalkbenchError
from .output import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..results import Results

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A result folder.", show_default=False)]
ClipId = Annotated[str, typer.Option("--clip", help="The clip's id, as the results name it.", show_default=False)]
Frames = Annotated[
    str | None,
    typer.Option("--frames", help="Frames of the clip, such as 10,20,30.  [default: evenly spaced, and the worst]"),
]
Out = Annotated[
    list[Path] | None,
    typer.Option("-o", "--out", help="A .pdf, .svg or .png file; may be repeated.  [default: KIND.pdf and KIND.png]"),
]
Width = Annotated[
    Literal["single", "double"], typer.Option("--width", help="One column of a paper (3.3 in), or both (6.9 in).")
]
Metrics = Annotated[list[str] | None, typer.Option("--metric", help="A metric of the run. Repeat for several.")]


def app() -> typer.Typer:
    """Build the verbs below `talkbench plot`."""
    application = typer.Typer(
        help="Draw figures and videos from a result folder.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        epilog="Examples:\n\ntalkbench plot landmarks run/ --clip W037/angry/level_2/008 -o figure5.pdf\n\n"
        "talkbench plot distribution run/ --metric M-LMD --by emotion\n\n"
        "talkbench plot overlay run/ --clip W037/angry/level_2/008 -o compare.mp4",
    )
    for name, verb in _VERBS.items():
        application.command(name)(verb)
    return application


def landmarks(
    run: Run,
    clip: ClipId,
    frames: Frames = None,
    metric: Metrics = None,
    width: Width = "double",
    out: Out = None,
) -> None:
    """Draw the landmarks of the ground truth and of every method, and box the worst lips, eyes and contours."""
    from ...reports.figures.landmarks import CAPTION, METRICS, landmark_figure
    from ..drawing import load_clip

    files = _files(out, "landmarks")
    results = load_clip(run, clip)
    figure = landmark_figure(
        results, clip, frames=_numbers(frames), metrics=_metrics(results, metric, METRICS), width=_INCHES[width]
    )
    _write(figure, files, results, f"Clip {clip}. {CAPTION}")


def frames(
    run: Run,
    clip: ClipId,
    frames: Frames = None,
    metric: Metrics = None,
    landmarks: Annotated[bool, typer.Option("--landmarks", help="Draw the landmarks instead of the boxes.")] = False,
    width: Width = "double",
    out: Out = None,
) -> None:
    """Draw frames of the ground truth and of every method as they were measured, and box where they are worst."""
    from ...reports.figures.frames import CAPTION, CAPTION_LANDMARKS, METRICS, frame_figure, frames_to_show
    from ..drawing import load_clip, pictures

    files = _files(out, "frames")
    results = load_clip(run, clip)
    metrics = _metrics(results, metric, METRICS)
    at = frames_to_show(results, clip, _numbers(frames), width=_INCHES[width])
    figure = frame_figure(
        results,
        clip,
        pictures(results, clip, at),
        metrics=metrics,
        landmarks=landmarks,
        width=_INCHES[width],
    )
    _write(figure, files, results, f"Clip {clip}. {CAPTION_LANDMARKS if landmarks else CAPTION}")


def curves(
    run: Run,
    clip: ClipId,
    metric: Annotated[str, typer.Option("--metric", help="A metric of the run.")] = "M-LMD",
    width: Width = "double",
    out: Out = None,
) -> None:
    """Draw a metric against time for every method, above the waveform of the ground truth's sound."""
    from ...reports.figures.curves import CAPTION, curves_figure
    from ...reports.figures.tracks import scale_of, tracks
    from ..drawing import load_clip, sound

    files = _files(out, "curves")
    results = load_clip(run, clip)
    scale_of(results, metric)
    tracks(results, clip)
    try:
        heard = sound(results, clip)
    except MediaError as error:  # the curve is in the run; only its sound is not
        typer.echo(f"warning: drawn without sound. {one_line(str(error))}", err=True)
        heard = None
    figure = curves_figure(results, clip, metric, sound=heard, width=_INCHES[width])
    below = " Below: the ground truth's sound." if heard else ""
    _write(figure, files, results, f"{metric}, clip {clip}. {CAPTION}{below}")


def distribution(
    run: Run,
    metric: Metrics = None,
    by: Annotated[
        Literal["emotion", "level", "speaker"] | None, typer.Option("--by", help="Group the clips by a label.")
    ] = None,
    width: Width = "double",
    out: Out = None,
) -> None:
    """Draw how the clips' values are distributed, for every method."""
    from ...reports.figures.distribution import CAPTION, distribution_figure
    from ..results import Results

    files = _files(out, "distribution")
    results = Results.load(run, frames=False)
    metrics = metric or [described["name"] for described in results.run["metrics"] if described["shown"]]
    figure = distribution_figure(results, metrics, by=by, width=_INCHES[width])
    _write(figure, files, results, f"{', '.join(metrics)} of every clip{f', by {by}' if by else ''}. {CAPTION}")


def confusion(run: Run, width: Width = "double", out: Out = None) -> None:
    """Draw which emotion is taken for which, for the ground truth and every method (needs emotion-accuracy)."""
    from ...reports.figures.confusion import CAPTION, confusion_figure
    from ..results import Results

    files = _files(out, "confusion")
    results = Results.load(run, frames=False)
    _write(confusion_figure(results, width=_INCHES[width]), files, results, CAPTION)


def trade_off(
    run: Run,
    x: Annotated[str, typer.Option("--x", help="The metric across.")] = "M-LMD",
    y: Annotated[str, typer.Option("--y", help="The metric upwards.")] = "PSNR",
    width: Width = "single",
    out: Out = None,
) -> None:
    """Draw two metrics of the table against each other, with their intervals."""
    from ...reports.figures.trade_off import CAPTION, trade_off_figure
    from ..results import Results

    files = _files(out, "trade-off")
    results = Results.load(run, frames=False)
    _write(trade_off_figure(results, x, y, width=_INCHES[width]), files, results, f"{y} against {x}. {CAPTION}")


def overlay(
    run: Run,
    clip: ClipId,
    metric: Metrics = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="An .mp4 file.")] = Path("overlay.mp4"),
) -> None:
    """Write a video of the ground truth and every method side by side, with landmarks, values and sound."""
    from ...reports.figures.overlay import METRICS, overlay_frames
    from ...reports.figures.tracks import tracks
    from ..drawing import load_clip, moments, sides, sound
    from ..encode import write_video
    from ..pairing import GROUND_TRUTH

    if out.suffix.lower() != ".mp4":
        raise TalkbenchError(f"{out}: expected a name that ends in .mp4, which every browser plays.")
    results = load_clip(run, clip)
    tracks(results, clip)
    metrics = _metrics(results, metric, METRICS)
    heard = sound(results, clip)
    with sides(results, clip) as found, _writing(out):
        shown = overlay_frames(results, clip, moments(found, results, clip), metrics=metrics)
        count = write_video(out, shown, fps=found[GROUND_TRUTH].rate, audio=heard)
    typer.echo(f"{out}: {count} frames{'' if heard else ', no sound: the ground truth has none'}")


_VERBS: dict[str, Callable[..., None]] = {
    "landmarks": landmarks,
    "frames": frames,
    "curves": curves,
    "distribution": distribution,
    "confusion": confusion,
    "trade-off": trade_off,
    "overlay": overlay,
}
_INCHES = {"single": 3.3, "double": 6.9}


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise TalkbenchError(f"--frames {text}: expected numbers of frames, such as 10,20,30.") from error


def _metrics(results: Results, asked: Sequence[str] | None, usual: Sequence[str]) -> Sequence[str]:
    """Return the metrics asked for, all of which the run must have, or the usual ones."""
    from ...reports.figures.tracks import scale_of

    for name in asked or ():
        scale_of(results, name)
    return asked or usual


def _files(out: Sequence[Path] | None, kind: str) -> list[Path]:
    """Return where to write a figure, all of it checked before the work begins."""
    files = list(out) if out else [Path(f"{kind}.pdf"), Path(f"{kind}.png")]
    for file in files:
        if file.suffix.lower() not in (".pdf", ".svg", ".png"):
            raise TalkbenchError(f"{file}: expected a name that ends in .pdf, .svg or .png.")
    return files


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TalkbenchError(f"{file}: cannot be written ({error.strerror or error}). Choose another -o.") from error


def _write(figure: Figure, files: Sequence[Path], results: Results, caption: str) -> None:
    """Write the files, and print a caption that says what is drawn, with the signature."""
    from ...reports.escape import one_line
    from ...reports.figures.canvas import save

    caption = one_line(caption)
    for file in files:
        with _writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            save(figure, file, description=caption)
        typer.echo(str(file))
    typer.echo(f"\n{caption}\nSignature: {results.run['signature']}")
