"""The frames of a finished run, as they were measured, for figures and videos to show.

What a take's frames are read as (its panel, its rate) is not in the result folder, so the run's folders are listed and
paired again as its configuration says. Every video's SHA-256 must be the one that was measured.
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
from .pairing import GROUND_TRUTH, Plan, plan_folders, plan_manifest
from .protocol import Protocol
from .results import Results
from .sound import Sound, read_sound
from .source import AnyFraming, Source, content_hash, framings, opened
from .vocabulary import Pair


def load_clip(folder: Path, clip: str) -> Results:
    """Read a result folder with the frames of one clip alone; none of them where the run has no such clip."""
    results = Results.load(folder, frames=False)
    if clip not in set(results.clips["clip"]):
        return results
    return replace(results, frames=pd.read_parquet(folder / "frames.parquet", filters=[("clip", "==", clip)]))


def sound(results: Results, clip: str) -> Sound | None:
    """Return the sound of a clip's ground truth; None where it has none."""
    row = results.clips[results.clips["clip"] == clip].iloc[0]
    video = Path(row["gt_video"])
    _refuse_missing(video)
    if content_hash(video) != row["gt_sha256"]:
        raise _changed(video)
    return read_sound(video)


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
    rows = results.clips[results.clips["clip"] == clip].set_index("method")
    rows = rows.loc[[method for method in results.run["methods"] if method in rows.index]]
    for row in rows.to_dict("records"):
        for path in (row["gt_video"], row["gen_video"]):
            if isinstance(path, str):
                _refuse_missing(Path(path))
    protocol = _protocol(results.run)
    pairs = {pair.take.method: pair for pair in _plan(results.run["config"]).pairs if pair.clip.id == clip}
    rate = Fraction(protocol.time.folder_fps)
    found: dict[str, Side] = {}
    with ExitStack() as stack:
        for method, row in rows.iterrows():
            pair = _same_files(pairs.get(str(method)), row)
            cache = default_folder()
            if GROUND_TRUTH not in found:
                gt = stack.enter_context(opened(pair.clip.video, rate, protocol=protocol, cache=cache))
                _same_bytes(gt, row["gt_sha256"])
                found[GROUND_TRUTH] = Side(gt, framings(gt, gt)[0])
            if pair.take.video is not None:
                gen = stack.enter_context(
                    opened(pair.take.video, rate, protocol=protocol, cache=cache, reading=pair.take.reading)
                )
                _same_bytes(gen, row["gen_sha256"])
                found[str(method)] = Side(gen, framings(found[GROUND_TRUTH].source, gen)[1])
        yield found


def _same_files(pair: Pair | None, row: Any) -> Pair:  # noqa: ANN401
    """Return the pair if its files are those of its row of clips.parquet."""
    if pair is not None:
        take = None if pair.take.video is None else str(pair.take.video)
        measured = row["gen_video"] if isinstance(row["gen_video"], str) else None
        if (str(pair.clip.video), take) == (row["gt_video"], measured):
            return pair
    raise TalkbenchError(
        f"{row['gt_video']} and {row['gen_video']}: were measured as a pair, but the run's folders pair other files "
        "now. Score into a new folder."
    )


def _same_bytes(source: Source, measured: str) -> None:
    if source.sha256 != measured:
        raise _changed(source.path)


def _changed(video: Path) -> TalkbenchError:
    return TalkbenchError(
        f"{video}: has changed since it was measured, so what it shows is not what the numbers say. "
        "Run the same `talkbench score` command again."
    )


def _refuse_missing(video: Path) -> None:
    if not video.exists():
        raise TalkbenchError(
            f"{video}: is not there any more, so it cannot be drawn. Put it back where it was measured, or score the "
            "videos where they are now."
        )


def _plan(config: dict[str, Any]) -> Plan:
    if config["manifest"] is not None:
        return plan_manifest(Path(config["manifest"]))
    gen = {name: Path(path) for name, path in config["gen"].items()}
    return plan_folders(Path(config["gt"]), gen, key=config["key"], adapters=config["adapters"])


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
