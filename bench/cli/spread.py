"""`talkbench spread`: the same videos under every protocol."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import TalkbenchError
from . import arguments
from .output import one_line, progress_bar

if TYPE_CHECKING:
    from ...reports.table import Table
    from ..protocol import Protocol
    from ..run import Options

EXAMPLES = "Examples:\n\ntalkbench spread run/\n\ntalkbench spread run/ --json"


def spread(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A result folder.", show_default=False)],
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes.  [default: one per core]")] = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Measure a run's videos under every protocol, and print all of it in one table."""
    from ...reports import spread as report
    from ..protocol import PROTOCOLS
    from ..results import read_run

    config = read_run(folder)["config"]
    count = workers or len(os.sched_getaffinity(0))
    tables: dict[str, Table | str] = {}
    for name in sorted(PROTOCOLS, key=lambda name: (not name.startswith("talkbench"), name)):
        typer.echo(f"{name}", err=True)
        tables[name] = _under(_options(config, PROTOCOLS[name], count), folder / "spread" / name)
    typer.echo(report.to_json(tables) if as_json else report.to_markdown(tables), nl=False)


def _options(config: dict[str, Any], protocol: Protocol, workers: int) -> Options:
    """Return what the run compared, under another protocol; a strict one takes over the alignment that was chosen."""
    from ..cache import default_folder
    from ..run import Options

    chosen = config["ingredients"]["protocol"]
    align = chosen["time"]["align"]
    crop = chosen["frame"]["crop"]
    faces = chosen["faces"].get("search")
    protocol = protocol.with_options(
        frame_fps=Fraction(chosen["time"]["folder_fps"]),
        align=align if protocol.time.align == "strict" else None,
        crop=crop if protocol.name == chosen["name"] else None,
        faces=faces if protocol.name == chosen["name"] else None,
    )
    return Options(
        gt=None if config["gt"] is None else Path(str(config["gt"])),
        gen={name: Path(path) for name, path in dict(config["gen"]).items()},
        manifest=None if config["manifest"] is None else Path(str(config["manifest"])),
        protocol=protocol,
        adapters=dict(config["adapters"]),
        key="stem" if config["key"] == "stem" else "path",
        allow_missing=bool(config["allow_missing"]),
        workers=workers,
        cache=default_folder(),
    )


def _under(options: Options, out: Path) -> Table | str:
    from ...reports.table import table
    from ..results import Results
    from ..run import run

    try:
        with progress_bar() as progress:
            run(options, out, progress=progress)
    except TalkbenchError as error:
        return str(error)
    results = Results.load(out, frames=False)
    for failure in results.failures:
        text = f"{failure['method']}, clip {failure['clip']}: {failure['reason']}"
        typer.echo(f"failed: {one_line(text)}", err=True)
    return table(results)
