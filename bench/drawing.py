"""The frames of a finished run, as they were measured, for figures and videos to show.

Every video's SHA-256 must be the one that was measured: see `originals.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

from ..metrics.contract import Frame
from .cache import default_folder
from .errors import TalkbenchError
from .originals import Original, originals
from .pairing import GROUND_TRUTH
from .protocol import Protocol
from .results import Results
from .sound import Sound, read_sound
from .source import AnyFraming, Source, framings, opened


def load_clip(folder: Path, clip: str) -> Results:
    """Read a result folder with the frames of one clip alone; none of them where the run has no such clip."""
    results = Results.load(folder, frames=False)
    if clip not in set(results.clips["clip"]):
        return results
    return replace(results, frames=pd.read_parquet(folder / "frames.parquet", filters=[("clip", "==", clip)]))


def sound(results: Results, clip: str) -> Sound | None:
    """Return the sound of a clip's ground truth; None where it has none."""
    row = results.clips[results.clips["clip"] == clip].iloc[0]
    original = Original(Path(row["gt_video"]), row["gt_sha256"])
    original.check()
    return read_sound(original.path)


@dataclass(frozen=True)
class Side:
    """One video of a clip, as it was measured."""

    source: Source
    framing: AnyFraming

    @property
    def rate(self) -> Fraction:
        """Return the frames per second of `frames`."""
        return self.source.protocol.time.rate or self.source.facts.rate

    def frames(self) -> Iterator[Frame | None]:
        """Yield every frame as it was measured; None where the protocol's crop found no face."""
        return map(self.framing, self.source.frames())

    def at(self, wanted: Collection[int]) -> dict[int, Frame | None]:
        """Return the frames with these numbers. Raises TalkbenchError where the video has not got one."""
        found: dict[int, Frame | None] = {}
        last = max(wanted, default=-1)
        for number, frame in enumerate(self.source.frames() if wanted else ()):
            if number in wanted:
                found[number] = self.framing(frame)
            if number == last:
                break
        if len(found) < len(set(wanted)):
            raise TalkbenchError(f"{self.source.path}: has no frame {last}. It is damaged; make it again.")
        return found


@contextmanager
def sides(results: Results, clip: str) -> Iterator[dict[str, Side]]:
    """Give the ground truth's video of a clip, as "Ground Truth", and every method's that has one.

    Raises TalkbenchError where a video is not where it was, or is not what was measured.
    """
    rows = results.clips[results.clips["clip"] == clip]
    known = originals(results.run, rows.to_dict("records"))
    for original in known.values():
        original.check()
    protocol, cache = _protocol(results.run), default_folder()
    rate = Fraction(protocol.time.folder_fps)
    real = known[clip, GROUND_TRUTH]
    with ExitStack() as stack:
        gt = stack.enter_context(opened(real.path, rate, protocol=protocol, cache=cache))
        found = {GROUND_TRUTH: Side(gt, framings(gt, gt)[0])}
        for method in results.run["methods"]:
            if (clip, method) in known:
                take = known[clip, method]
                gen = stack.enter_context(opened(take.path, rate, protocol=protocol, cache=cache, reading=take.reading))
                found[method] = Side(gen, framings(gt, gen)[1])
        yield found


def _protocol(run: dict[str, Any]) -> Protocol:
    """Return what a run's protocol says of time, frames and faces: run.json leaves out its prose and metrics."""
    said = run["config"]["ingredients"]["protocol"]
    table = said["table"] | {"coverage": run["coverage_threshold"]}
    prose = {"title": "", "summary": "", "source": ""}
    return Protocol.model_validate(said | prose | {"metrics": {}, "table": table})


def pictures(results: Results, clip: str, frames: Collection[int]) -> dict[str, dict[int, Frame | None]]:
    """Return, per video of a clip, its frames by the number of the clip's frame that they were compared with."""
    with sides(results, clip) as found:
        shown = {GROUND_TRUTH: found[GROUND_TRUTH].at(set(frames))}
        for method, matches in _matches(results, clip).items():
            if method in found:
                there = found[method].at({matches[frame] for frame in frames if frame in matches})
                shown[method] = {frame: there[matches[frame]] for frame in frames if frame in matches}
    return shown


def moments(found: dict[str, Side], results: Results, clip: str) -> Iterator[tuple[int, dict[str, Frame | None]]]:
    """Yield every frame of a clip up to the last that was compared, with each method's frame, streaming.

    Where a policy skips frames of the clip, a method's last frame stays; before its first and after its last compared
    frame it has none.
    """
    matches = {method: of_clip for method, of_clip in _matches(results, clip).items() if method in found}
    streams = {method: enumerate(found[method].frames()) for method in matches}
    now: dict[str, tuple[int, Frame | None]] = dict.fromkeys(matches, (-1, None))
    last = max((frame for of_clip in matches.values() for frame in of_clip), default=-1)
    for number, truth in enumerate(found[GROUND_TRUTH].frames()):
        shown: dict[str, Frame | None] = {GROUND_TRUTH: truth}
        for method, of_clip in matches.items():
            while number in of_clip and now[method][0] < of_clip[number]:
                now[method] = next(streams[method])
            shown[method] = now[method][1] if min(of_clip) <= number <= max(of_clip) else None
        yield number, shown
        if number == last:
            break


def _matches(results: Results, clip: str) -> dict[str, dict[int, int]]:
    """Return, per method, which frame of its take each frame of the clip was compared with."""
    mine = results.frames[results.frames["clip"] == clip]
    return {
        str(method): dict(zip(rows["frame"].tolist(), rows["gen_frame"].tolist(), strict=True))
        for method, rows in mine.groupby("method", sort=False)
    }
