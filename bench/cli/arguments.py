"""Options that several verbs share, and how their text is read."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import TalkbenchError

if TYPE_CHECKING:
    from ..protocol import Protocol
    from ..run import Options

Gt = Annotated[Path | None, typer.Option("--gt", help="Folder of real videos, or one video.", show_default=False)]
Gen = Annotated[
    list[str] | None,
    typer.Option("--gen", metavar="NAME=DIR", help="A method and its folder (or video). Repeat per method."),
]
Adapters = Annotated[
    list[str] | None,
    typer.Option("--adapter", metavar="NAME=SYSTEM", help="A method's output layout.  [default: what its names show]"),
]
Manifest = Annotated[
    Path | None,
    typer.Option("--manifest", help="CSV with the columns clip, gt and one per method, instead of --gt and --gen."),
]
ProtocolName = Annotated[str, typer.Option("--protocol", help="See `talkbench protocols`.")]
Align = Annotated[
    str | None,
    typer.Option("--align", help="strict, truncate, resample or offset=K.  [default: the protocol's: strict]"),
]
Crop = Annotated[str | None, typer.Option("--crop", help="none, gt-box or aligned.  [default: the protocol's: none]")]
Faces = Annotated[
    str | None,
    typer.Option("--faces", help="exact, or track: much faster, see docs/track.md.  [default: the protocol's]"),
]
KeyOption = Annotated[
    Literal["path", "stem"], typer.Option("--key", help="Pair by path below the folder, or by file name alone.")
]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Score what is there; gaps are counted in every table.")
]
FrameFps = Annotated[
    str | None,
    typer.Option("--frame-fps", help="Rate of folders of frames, such as 30 or 30000/1001.  [default: the protocol's]"),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="LIST",
        help="What the table shows: names with commas between, among them paper and full.  [default: paper]",
    ),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="FILE.py:NAME", help="A metric of your own, see docs/metrics.md. Repeat."),
]
Weights = Annotated[
    list[str] | None,
    typer.Option("--weights", metavar="KIND=FILE", help="A file that some metrics need (`talkbench metrics`). Repeat."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]


def _named(option: str, texts: Sequence[str] | None, example: str) -> dict[str, str]:
    """Read NAME=VALUE arguments."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value:
            raise TalkbenchError(
                f"{option} {text}: expected {example}, for example {option} Ours={text.strip('=') or 'results/'}."
            )
        if name in found:
            raise TalkbenchError(f"{option} {text}: the name {name!r} is already taken by {found[name]}.")
        found[name] = value
    return found


def options(
    *,
    gt: Path | None,
    gen: Sequence[str] | None,
    adapter: Sequence[str] | None,
    manifest: Path | None,
    protocol: str,
    align: str | None,
    crop: str | None,
    faces: str | None = None,
    key: Literal["path", "stem"],
    allow_missing: bool,
    frame_fps: str | None,
    metrics: str | None = None,
    plugins: Sequence[str] | None = None,
    weights: Sequence[str] | None = None,
    workers: int = 1,
    cache: Path | None = None,
    device: str = "cpu",
) -> Options:
    """Check the options that name what to compare, and put them together."""
    from ..run import Options

    if manifest is not None and (gt is not None or gen or adapter):
        raise TalkbenchError("--manifest names the real and the generated videos: leave out --gt, --gen and --adapter.")
    return Options(
        gt=gt,
        gen={name: Path(folder) for name, folder in _named("--gen", gen, "NAME=DIR").items()},
        adapters=_named("--adapter", adapter, "NAME=SYSTEM"),
        manifest=manifest,
        protocol=_protocol(protocol).with_options(
            align=align,
            crop=crop,
            faces=faces,
            frame_fps=None if frame_fps is None else _rate(frame_fps),
            metrics=[name.strip() for name in (metrics or "").split(",") if name.strip()],
            plugins=plugins or (),
            weights={kind: Path(file) for kind, file in _named("--weights", weights, "KIND=FILE").items()},
        ),
        key=key,
        allow_missing=allow_missing,
        workers=workers,
        cache=cache,
        device=device,
    )


def _protocol(name: str) -> Protocol:
    from ..protocol import PROTOCOLS, read_protocol

    return read_protocol(Path(name)) if name.endswith(".toml") else PROTOCOLS[name]


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise TalkbenchError(f"--frame-fps {text}: expected a rate such as 25, 29.97 or 30000/1001.") from error
    if not 0 < rate <= 1000:
        raise TalkbenchError(f"--frame-fps {text}: expected a rate between 0 and 1000.")
    return rate
