"""`talkbench pair`: show what would be compared with what, computing nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import TalkbenchError
from . import arguments
from .output import as_line, one_line, progress_bar

if TYPE_CHECKING:
    from fractions import Fraction

    from ..facts import VideoFacts
    from ..inspection import Inspected, Inspection
    from ..pairing import Plan

_PROBED = 10_000
"""Pairs whose videos are opened without being asked to."""
EXAMPLES = (
    "Examples:\n\n"
    "talkbench pair --gt real/ --gen Ours=ours/\n\n"
    "talkbench pair --manifest pairs.csv --align truncate --json\n\n"
    "Of more than 10,000 pairs no video is opened unless --probe asks for it: opening one takes milliseconds.\n\n"
    "Exit codes: 2 where `talkbench score` with the same options would refuse, 1 where it would lose single clips."
)


def pair(
    gt: arguments.Gt = None,
    gen: arguments.Gen = None,
    adapter: arguments.Adapters = None,
    manifest: arguments.Manifest = None,
    protocol: arguments.ProtocolName = "talkbench-1",
    align: arguments.Align = None,
    crop: arguments.Crop = None,
    key: arguments.KeyOption = "path",
    allow_missing: arguments.AllowMissing = False,
    frame_fps: arguments.FrameFps = None,
    probe: Annotated[
        bool | None,
        typer.Option(
            "--probe/--no-probe",
            help="Open every video, or pair by names alone.  [default: open those of up to 10,000 pairs]",
            show_default=False,
        ),
    ] = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Show how files would be paired, what is left over, and every mismatch."""
    from ..cache import default_folder
    from ..inspection import Inspected, Inspection, inspect
    from ..limits import Limits
    from ..pool import Workers

    options = arguments.options(
        gt=gt,
        gen=gen,
        adapter=adapter,
        manifest=manifest,
        protocol=protocol,
        align=align,
        crop=crop,
        key=key,
        allow_missing=allow_missing,
        frame_fps=frame_fps,
    )
    plan = options.plan()
    if probe or (probe is None and len(plan.pairs) <= _PROBED):
        limits = Limits.stated()
        with progress_bar() as progress, Workers(len(os.sched_getaffinity(0)), limits.memory) as pool:
            inspection = inspect(
                plan,
                options.protocol,
                frame_rate=options.frame_rate,
                pool=pool,
                limits=limits,
                cache=default_folder(),
                progress=lambda done, total: progress("inspect", done, total),
            )
    else:
        inspection = Inspection(tuple(Inspected(pair, None, None) for pair in plan.pairs))
        typer.echo(f"{len(plan.pairs)} pairs by their names alone: --probe opens the videos", err=True)
    rate = options.protocol.time.rate
    refusal = None if allow_missing else plan.refusal()
    refusal = refusal or inspection.nothing_readable() or inspection.refusal()
    typer.echo(as_line(_data(plan, inspection, rate, refusal)) if as_json else _text(plan, inspection, rate))
    if refusal:
        raise TalkbenchError(f"score would refuse this: {refusal}")
    if any(inspected.broken for inspected in inspection.pairs):
        raise typer.Exit(1)


def _text(plan: Plan, inspection: Inspection, rate: Fraction | None) -> str:
    lines = []
    for method in plan.methods:
        pairs = [inspected for inspected in inspection.pairs if inspected.pair.take.method == method]
        broken = sum(inspected.broken is not None for inspected in pairs)
        unusable = f", {broken} of them with a file that cannot be read" if broken else ""
        lines.append(f"{method}: {len(pairs)} of {len(plan.clips)} clips paired{unusable}")
        for inspected in pairs:
            unread = inspected.broken is not None
            lines.append(f"  {one_line(inspected.pair.clip.id)}")
            lines.append(f"    real       {_line(inspected.pair.clip.video, inspected.gt, rate, broken=unread)}")
            take = inspected.pair.take
            lines.append(f"    generated  {_line(take.video or take.landmarks, inspected.gen, rate, broken=unread)}")
            lines += [f"    {kind}: {text}" for kind, text in _problems(inspected)]
        lines += [f"  missing: no file for clip {one_line(clip_id)}" for clip_id in plan.missing[method]]
        lines += [f"  left over: {one_line(clip_id)} matches no clip" for clip_id in plan.extra[method]]
    return "\n".join(lines)


def _line(path: object, facts: VideoFacts | None, rate: Fraction | None, *, broken: bool) -> str:
    if facts is None:
        return one_line(str(path)) + ("  (cannot be read)" if broken else "")
    return (
        f"{one_line(str(path))}  {facts.width}×{facts.height}  {float(facts.rate):.4g} fps  {facts.frames} frames  "
        f"{float(facts.duration):.2f} s  → {facts.frames_at(rate)} compared  {facts.colour}"
        + ("" if facts.has_audio else "  silent")
    )


def _problems(inspected: Inspected) -> list[tuple[str, str]]:
    problems = [("cannot be read", inspected.broken), ("refused", inspected.refused)]
    told = [(kind, one_line(text)) for kind, text in problems if text]
    return told + [("note", note) for note in inspected.notes]


def _data(plan: Plan, inspection: Inspection, rate: Fraction | None, refusal: str | None) -> dict[str, Any]:
    return {
        "refused": refusal,
        "pairs": [
            {
                "clip": inspected.pair.clip.id,
                "method": inspected.pair.take.method,
                "gt": _facts(inspected.pair.clip.video, inspected.gt, rate),
                "gen": _facts(inspected.pair.take.video or inspected.pair.take.landmarks, inspected.gen, rate),
                "broken": inspected.broken,
                "refused": inspected.refused,
                "notes": list(inspected.notes),
            }
            for inspected in inspection.pairs
        ],
        "missing": {method: list(ids) for method, ids in plan.missing.items()},
        "left_over": {method: list(ids) for method, ids in plan.extra.items()},
    }


def _facts(path: object, facts: VideoFacts | None, rate: Fraction | None) -> dict[str, Any]:
    if facts is None:
        return {"file": str(path)}
    return {
        "file": str(path),
        "width": facts.width,
        "height": facts.height,
        "fps": float(facts.rate),
        "frames": facts.frames,
        "compared_frames": facts.frames_at(rate),
        "seconds": float(facts.duration),
        "codec": facts.codec,
        "colour": facts.colour,
        "audio": facts.has_audio,
    }
