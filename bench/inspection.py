"""Look at every pair before anything is measured: what cannot be read, what would be refused, what is worth knowing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .alignment import Alignment
from .errors import MediaError
from .facts import VideoFacts, grid_length
from .files import File, look
from .framing import refuse_other_aspect, refuse_other_size
from .limits import Limits
from .pairing import Plan
from .pool import Failed, Pool
from .protocol import Protocol
from .vocabulary import AS_IS, Pair, Reading

_SQUARE = (Fraction(3, 4), Fraction(3, 2))
"""Aspects at which a face that is squeezed to a square is still found as well as before."""


@dataclass(frozen=True)
class Inspected:
    """One pair: `broken` where a video cannot be read, `refused` where an option must accept it, `notes` else."""

    pair: Pair
    gt: VideoFacts | None
    gen: VideoFacts | None
    broken: str | None = None
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """All pairs of a plan, inspected."""

    pairs: tuple[Inspected, ...]

    def refusal(self) -> str | None:
        """Return the first refused pair's message with the number of others, or None."""
        refused = [inspected.refused for inspected in self.pairs if inspected.refused]
        if not refused:
            return None
        more = len(refused) - 1
        return refused[0] + (f" ({more} more pair{'s' if more > 1 else ''} like it.)" if more else "")

    def nothing_readable(self) -> str | None:
        """Return the first broken pair's message where every pair is broken, else None."""
        broken = [inspected.broken for inspected in self.pairs]
        return broken[0] if broken and all(broken) else None

    def notes(self) -> list[str]:
        """Return one line per kind of note, with its first clip and the number of clips."""
        by_note: dict[tuple[str, str], list[str]] = {}
        for inspected in self.pairs:
            for note in inspected.notes:
                by_note.setdefault((inspected.pair.take.method, note), []).append(inspected.pair.clip.id)
        return [
            f"{method}: {note} ({clips[0]}{f' and {len(clips) - 1} more' if len(clips) > 1 else ''})"
            for (method, note), clips in by_note.items()
        ]


def inspect(
    plan: Plan,
    protocol: Protocol,
    *,
    frame_rate: Fraction,
    pool: Pool,
    limits: Limits,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Probe every video of a plan once and compare the two sides of every pair; `cache` keeps what is fetched."""
    wanted = dict.fromkeys((pair.clip.video, AS_IS) for pair in plan.pairs)
    wanted |= dict.fromkeys((pair.take.video, pair.take.reading) for pair in plan.pairs if pair.take.video is not None)
    videos = (File(path, reading, cache) for path, reading in wanted)
    tasks = (((file, frame_rate), limits.to_probe(file.size)) for file in videos)
    facts: dict[tuple[Path, Reading], VideoFacts | MediaError] = {}
    for done, ((file, _), found) in enumerate(pool.map(look, tasks), start=1):
        facts[file.path, file.reading] = _unusable(file.path, found.reason) if isinstance(found, Failed) else found
        if progress is not None:
            progress(done, len(wanted))
    return Inspection(tuple(_inspect_pair(pair, facts, protocol) for pair in plan.pairs))


def _unusable(path: Path, reason: str) -> MediaError:
    return MediaError(reason if reason.startswith(str(path)) else f"{path}: {reason}")


def _inspect_pair(
    pair: Pair, facts: Mapping[tuple[Path, Reading], VideoFacts | MediaError], protocol: Protocol
) -> Inspected:
    gt = facts[pair.clip.video, AS_IS]
    if pair.take.video is None:
        broken = str(gt) if isinstance(gt, MediaError) else None
        return Inspected(pair, None if isinstance(gt, MediaError) else gt, None, broken, notes=("landmarks alone",))
    gen = facts[pair.take.video, pair.take.reading]
    if isinstance(gt, MediaError) or isinstance(gen, MediaError):
        broken = next(str(side) for side in (gt, gen) if isinstance(side, MediaError))
        return Inspected(
            pair,
            None if isinstance(gt, MediaError) else gt,
            None if isinstance(gen, MediaError) else gen,
            broken=broken,
        )
    return Inspected(
        pair, gt, gen, refused=_refusal(pair, gt, gen, protocol), notes=tuple(_notes(pair, gt, gen, protocol))
    )


def _refusal(pair: Pair, gt: VideoFacts, gen: VideoFacts, protocol: Protocol) -> str | None:
    try:
        match_frames(gt, gen, protocol, first_frame=pair.take.first_frame)
        refuse_mismatch(gt, gen, protocol)
    except MediaError as error:
        return str(error)
    return None


def refuse_mismatch(gt: VideoFacts, gen: VideoFacts, protocol: Protocol) -> None:
    """Raise MediaError where the two sides' shapes cannot be compared under the protocol."""
    if protocol.frame.size != "native":
        if protocol.frame.crop != "aligned":
            refuse_other_aspect(gt, gen, tolerance=protocol.frame.aspect_tolerance)
    elif protocol.compares_sizes:
        refuse_other_size(gt, gen)


def match_frames(gt: VideoFacts, gen: VideoFacts, protocol: Protocol, *, first_frame: int = 0) -> list[tuple[int, int]]:
    """Return the (clip frame, take frame) pairs under the protocol's alignment.

    `first_frame` is the clip's frame, at the take's rate, that the take's first frame renders.
    Raises MediaError with both counts and the options that would accept them where the alignment refuses.
    """
    rate = protocol.time.rate
    n_gt, n_gen = gt.frames_at(rate), gen.frames_at(rate)
    lead = first_frame if rate is None else grid_length(first_frame / gen.rate, rate)
    align = Alignment(protocol.time.align)
    matches = [(t, u - lead) for t, u in align.matches(n_gt, n_gen + lead) if u >= lead]
    if matches:
        return matches
    pace = "" if rate is None else f" at {rate} fps"
    counts = (
        f"{gen.path}: has {n_gen} frame{'' if n_gen == 1 else 's'}{pace} ({float(gen.duration):.2f} s) where {gt.path} "
        f"has {n_gt} ({float(gt.duration):.2f} s)."
    )
    if align.policy != "strict" or n_gt == n_gen + lead:
        raise MediaError(f"{counts} With --align {align.policy} they have no frame in common: pass another.")
    raise MediaError(
        f"{counts} Pass --align truncate to compare what both have, --align resample to stretch the take, or "
        "--align offset=K if it starts late."
    )


def _notes(pair: Pair, gt: VideoFacts, gen: VideoFacts, protocol: Protocol) -> Iterable[str]:
    rate = protocol.time.rate
    if pair.take.has_head_motion:
        yield "makes up its own head motion: its pixels cannot be expected to fit"
    if gt.colour != gen.colour and "rgb" not in (gt.colour, gen.colour):
        yield f"colour tags differ ({gt.colour} real, {gen.colour} generated): check that pixels agree"
    if gt.frames_at(rate) != gen.frames_at(rate):
        cut = gen.frames_at(rate) - gt.frames_at(rate)
        yield f"{abs(cut)} frame{'s' if abs(cut) > 1 else ''} {'longer' if cut > 0 else 'shorter'} than the real clip"
    if abs(gt.rate - gen.rate) > Fraction(1, 100):
        yield f"frame rates differ ({float(gt.rate):.4g} real, {float(gen.rate):.4g} generated): compared by time"
    if (gt.width, gt.height) != (gen.width, gen.height):
        yield f"sizes differ ({gt.width}×{gt.height} real, {gen.width}×{gen.height} generated): both are scaled"
    if gt.pixel_aspect != gen.pixel_aspect:
        yield f"pixel aspects differ ({gt.pixel_aspect} real, {gen.pixel_aspect} generated)"
    for name, side in (("real", gt), ("generated", gen)):
        if side.has_alpha:
            yield f"the {name} video has an alpha channel, which is dropped"
        if side.streams > 1:
            yield f"the {name} file holds {side.streams} video streams: the first is measured"
    size = protocol.frame.size
    squeezed = size != "native" and protocol.frame.crop == "none" and protocol.frame.prepare == "none"
    if squeezed and not _SQUARE[0] <= gt.aspect * gt.pixel_aspect <= _SQUARE[1]:
        yield (
            f"the whole frame ({gt.width}×{gt.height}) is squeezed to {size}×{size}, in which faces are found less "
            "often: --crop gt-box keeps their shape"
        )
