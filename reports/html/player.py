"""What the player shows: per clip one video of all sides, where each side lies in it, and the values under it.

A video's name is a hash of what is in it: one that is there already is not made again, and no clip's name can leave
the folder.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bench.errors import MediaError
from ...bench.facts import VideoFacts
from ...bench.originals import Original, clock, originals
from ...bench.pairing import GROUND_TRUTH
from ...bench.side_by_side import RECIPE, Picture, Place, fitted, lay_out, write_side_by_side
from ...bench.video import probe
from ..columns import Column
from .clips import Curve, curves

if TYPE_CHECKING:
    from ...bench.results import Results

MEDIA = "media"
Progress = Callable[[int, int], None]


@dataclass
class Scene:
    """One clip for the player; `video` is None where there is none, and `notes` say why or what is left out."""

    clip: str
    length: int
    rate: Fraction | None
    curves: list[Curve]
    video: str | None = None
    places: dict[str, Place] = field(default_factory=dict)
    heard: str | None = None
    notes: list[str] = field(default_factory=list)


def scenes(
    results: Results,
    columns: Sequence[Column],
    chosen: Sequence[str],
    out: Path,
    *,
    videos: bool,
    progress: Progress,
) -> list[Scene]:
    """Make the scenes of the chosen clips, and with `videos` what is lacking of their videos, in out/media."""
    rate, folder_rate = clock(results.run)
    rows = results.clips.to_dict("records")
    found = originals(results.run, rows)
    lengths = {row["clip"]: int(row["n_frames"]) for row in rows}
    by_clip = dict(iter(results.frames.groupby("clip"))) if len(results.frames) else {}
    made = []
    progress(0, len(chosen))
    for done, clip in enumerate(chosen, start=1):
        length = lengths.get(clip, 0)
        mine = list(curves(by_clip[clip], results.run, columns, length)) if clip in by_clip else []
        scene = Scene(clip, length, rate, mine)
        if videos and mine:
            _film(scene, results.run["methods"], found, out, folder_rate)
        elif not mine:
            scene.notes.append("Nothing of this clip was measured.")
        made.append(scene)
        progress(done, len(chosen))
    return made


def scene_data(scene: Scene, methods: Sequence[str], columns: Sequence[Column]) -> dict[str, Any]:
    """Return a scene for the page's script: strict JSON, sides as indices of methods, −1 for the ground truth."""
    index = {GROUND_TRUTH: -1} | {method: at for at, method in enumerate(methods)}
    digits = [column.decimals + 2 for column in columns]
    return {
        "clip": scene.clip,
        "frames": scene.length,
        "rate": None if scene.rate is None else float(scene.rate),
        "video": scene.video,
        "heard": scene.heard,
        "notes": scene.notes,
        "pictures": [{"side": index[side], **asdict(place)} for side, place in scene.places.items()],
        "state": [curve.state for curve in scene.curves],
        "values": [
            [[_json(value, at) for value in series] for series, at in zip(curve.values, digits, strict=True)]
            for curve in scene.curves
        ],
    }


def _json(value: float | None, digits: int) -> float | str | None:
    if value is None:
        return None
    return round(value, digits) if math.isfinite(value) else "inf" if value > 0 else "-inf"


@dataclass(frozen=True)
class _Side:
    """One side that can be shown."""

    picture: Picture
    facts: VideoFacts

    @property
    def audible(self) -> bool:
        """Whether its sound fits the pictures: its frames stand at their own time."""
        shown = self.picture.shown
        return self.facts.has_audio and self.picture.original.reading.fps is None and shown == tuple(range(len(shown)))


def _film(
    scene: Scene,
    methods: Sequence[str],
    found: Mapping[tuple[str, str], Original],
    out: Path,
    folder_rate: Fraction,
) -> None:
    """Make the scene's video of what is still there as it was measured; say what is not."""
    shown: dict[str, tuple[int, ...]] = {GROUND_TRUTH: tuple(range(scene.length))}
    shown.update((method, curve.shown) for method, curve in zip(methods, scene.curves, strict=True))
    sides: dict[str, _Side] = {}
    for name, indices in shown.items():
        original = found.get((scene.clip, name))
        if original is None:
            continue
        try:
            original.check()
            facts = probe(original.path, rate=folder_rate, reading=original.reading)
            sides[name] = _Side(Picture(original, indices), facts)
        except MediaError as error:
            scene.notes.append(f"{name} is not shown. {error}")
    if not sides:
        return
    compared_at = scene.rate
    scene.rate = compared_at or next(iter(sides.values())).facts.rate
    places = lay_out([fitted(side.facts.width, side.facts.height) for side in sides.values()])
    scene.heard = next((name for name, side in sides.items() if side.audible), None)
    sound = next((side.facts.path for side in sides.values() if side.audible), None)
    pictures = [side.picture for side in sides.values()]
    file = f"{MEDIA}/{_hash(pictures, sound, compared_at, scene.rate, folder_rate)}.mp4"
    try:
        if not (out / file).exists():
            write_side_by_side(
                out / file,
                pictures,
                places,
                rate=compared_at,
                fps=scene.rate,
                folder_rate=folder_rate,
                sound=sound,
            )
    except MediaError as error:
        scene.notes.append(f"No video. {error}")
        return
    scene.video, scene.places = file, dict(zip(sides, places, strict=True))


def _hash(pictures: Sequence[Picture], sound: Path | None, *rates: Fraction | None) -> str:
    """Name a video by all that it is made of."""
    made_of = [
        RECIPE,
        [[one.original.sha256, repr(one.original.reading), one.shown] for one in pictures],
        [one.original.path == sound for one in pictures],
        [str(rate) for rate in rates],
    ]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:24]
