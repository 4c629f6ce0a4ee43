"""What a metric is: a pure function on arrays, and a declaration of how to read its number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB, C-contiguous."""
Landmarks = npt.NDArray[np.floating]
"""(T, 68, 2) x and y in px, in the 68-point iBUG order; a frame without a face is all NaN."""
PerFrame = npt.NDArray[np.float64]
"""(T,) one value per frame; NaN where it could not be measured."""
Needs = Literal["frames", "steps", "faces", "landmarks", "facts"]
SOUND_RATE = 16_000
"""Hz of the sound that metrics are given."""


@dataclass(frozen=True)
class Facts:
    """One side of a clip over its T compared frames: what a metric of a whole clip is measured on.

    `landmarks` (T, 68, 2) px; `rate` frames per second; `size` (height, width) px of the measured frames. `sound` is
    what is heard meanwhile, mono float32 at 16 kHz from the first compared frame on, None where there is none: the real
    video's, and the take's own only where that has none. `emotion` is the clip's label, None where it bears none.
    `embeddings` (T, D) float32 are what the metric's `embed` made of each frame, a row of NaN where it made nothing.
    """

    landmarks: Landmarks
    rate: float
    size: tuple[int, int]
    sound: npt.NDArray[np.float32] | None = None
    emotion: str | None = None
    embeddings: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ClipValue:
    """A clip's value and the number of frames that it rests on; NaN with a `reason` where it cannot be measured.

    `parts` are numbers that explain it, under the names that the metric declares: a rate per side, a lag.
    """

    value: float
    frames: int
    reason: str | None = None
    parts: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def missing(cls, reason: str) -> ClipValue:
        """Say why there is no value."""
        return cls(math.nan, 0, reason)


class Embedder(Protocol):
    """Turns the frames of one side, in order, into vectors; may keep what it needs of earlier frames."""

    def add(self, frame: Frame, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Return the vector (D,) of a frame with landmarks (68, 2), all NaN where it has no face."""
        ...


@dataclass(frozen=True)
class Metric:
    """One metric: what is measured, on what, how frames become a clip, and how the number is read.

    `needs` says what its function is given. With `sides` "both" that is the real one, then the generated one:
        "frames"     `per_frame(gt, gen)`: two `Frame`s; returns a float
        "steps"      `per_frame(gt_before, gen_before, gt, gen)`: the frames compared before, too; a float
        "faces"      `per_frame(gt, gen, gt_points, gen_points)`: two frames and their landmarks (68, 2); a float
        "landmarks"  `per_frame(gt, gen)`: two `Landmarks` of equal shape; returns `PerFrame`
        "facts"      `per_clip(gt, gen)`: two `Facts`; returns a `ClipValue`
    With `sides` "one" it is given the same of one side alone, and the ground truth is measured as well: its value is
    shown in its row of the table, and `perfect` is None. NaN means that a frame could not be measured.

    `frame_value` names what `per_frame` returns, which need not be the metric itself; `clip` reduces the frames that
    were measured (at least one, no NaN) to the clip's value. A metric on "facts" may have an `embed`, called once per
    side to make its `Embedder`. `parts` names the numbers that its `ClipValue` explains itself with. `sound`: it needs
    the sound. `weights` names the kind of file that it needs ("" for none), whose path `first` takes as `weights`;
    `libraries` the distributions beside talkbench's own whose versions can change its number.
    `perfect` is the value of a take identical to its ground truth.
    Any change that can move a number bumps `version`.
    """

    name: str
    needs: Needs
    better: Literal["lower", "higher"]
    unit: str
    decimals: int
    version: str
    definition: str
    source: str
    perfect: float | None
    per_frame: Callable[..., object] | None = None
    frame_value: str = ""
    clip: Callable[[PerFrame], float] | None = None
    per_clip: Callable[..., ClipValue] | None = None
    embed: Callable[..., Embedder] | None = None
    sides: Literal["both", "one"] = "both"
    parts: tuple[str, ...] = ()
    sound: bool = False
    weights: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def first(self) -> Callable[..., object] | None:
        """The function that sees frames, whose keyword arguments a protocol's `frame` gives."""
        return self.per_frame or self.embed

    @property
    def last(self) -> Callable[..., object] | None:
        """The function that makes the clip's value, whose keyword arguments a protocol's `clip` gives."""
        return self.clip or self.per_clip


def mean_of_frames(values: PerFrame) -> float:
    """Return the mean, from an exactly rounded sum: the same bits in any order, on any machine."""
    return math.fsum(values) / len(values)
