"""Simulated failures: takes of the demo corpus that fail in one known way each, under names that say how."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import tee
from pathlib import Path

import cv2
import numpy as np

from ...metrics.contract import Frame
from ..encode import VideoWriter
from ..errors import TalkbenchError
from .corpus import Animation, Progress, Utterance, animate, resized, run_jobs, save_landmarks
from .performance import perform, without_mouth
from .portrait import FACE_SIZE
from .pose import Pose

LATE_FRAMES = 3
BLUR_SIGMA = 2.0
"""Pixels at 256×256; grows with the size."""


@dataclass(frozen=True)
class Method:
    """One failure: `frames` makes a take's frames from the utterance's, one for one; `crf` encodes them."""

    name: str
    failure: str
    frames: Callable[[Animation, Iterator[Frame]], Iterator[Frame]]
    crf: int = 18


def frozen_mouth_poses(animation: Animation) -> list[Pose]:
    """Everything moves as in the utterance, but the mouth is held at rest, closed."""
    return without_mouth(animation.poses)


def neutralised_poses(animation: Animation) -> list[Pose]:
    """The utterance's words in the mouth of a neutral face."""
    u = animation.utterance
    return perform(animation.words, u.speaker, u.emotion, u.level, u.sentence, fps=u.fps, acted=False)


def _reposed(
    poses: Callable[[Animation], Sequence[Pose]], animation: Animation, frames: Iterator[Frame]
) -> Iterator[Frame]:
    for _, (frame, _) in zip(frames, animation.frames(poses(animation)), strict=True):
        yield frame


def _late(animation: Animation, frames: Iterator[Frame]) -> Iterator[Frame]:
    waiting: deque[Frame] = deque()
    for frame in frames:
        if not waiting:
            waiting.extend([frame] * LATE_FRAMES)
        waiting.append(frame)
        yield waiting.popleft()


def _blurred(animation: Animation, frames: Iterator[Frame]) -> Iterator[Frame]:
    sigma = BLUR_SIGMA * animation.utterance.size / FACE_SIZE
    for frame in frames:
        yield np.ascontiguousarray(cv2.GaussianBlur(frame, (0, 0), sigma), dtype=np.uint8)


def _same(animation: Animation, frames: Iterator[Frame]) -> Iterator[Frame]:
    return frames


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "frozen-mouth", "the mouth stays closed and at rest; all else moves", partial(_reposed, frozen_mouth_poses)
        ),
        Method("late-3-frames", "the picture is three frames late; the first frame is held", _late),
        Method("blurred", "Gaussian blur, sigma 2 px at 256x256", _blurred),
        Method("re-encoded", "the same frames at a much lower bitrate (H.264, crf 38)", _same, crf=38),
        Method(
            "neutralised",
            "the emotion is gone from the face; the words are right",
            partial(_reposed, neutralised_poses),
        ),
    )
}
"""The simulated failures by name."""


def methods_named(names: Iterable[str] | None) -> list[Method]:
    """Look methods up by name; None means all."""
    chosen = list(METHODS if names is None else names)
    for name in chosen:
        if name not in METHODS:
            raise TalkbenchError(f"unknown demo method {name!r}: expected one of {', '.join(METHODS)}")
    return [METHODS[name] for name in chosen]


def take_frames(utterance: Utterance, method: str) -> Iterator[Frame]:
    """The frames of one method's take of an utterance, before encoding."""
    animation = animate(utterance)
    return methods_named([method])[0].frames(animation, (frame for frame, _ in animation.frames()))


def take_path(root: Path, method: str, utterance: Utterance) -> Path:
    """Where a take is written, such as `<root>/blurred/M003_angry_level_3_001.mp4`."""
    return root / method / f"{utterance.name}.mp4"


def _write_one(utterance: Utterance, *, root: Path, names: tuple[str, ...], ground_truth: Path | None) -> list[Path]:
    """Write all takes of one utterance in one pass over its frames, and the utterance itself if asked."""
    animation, size, landmarks = animate(utterance), (utterance.size, utterance.size), []
    methods = methods_named(names)
    outputs = [(take_path(root, method.name, utterance), method.crf) for method in methods]
    if ground_truth is not None:
        outputs.append((ground_truth / utterance.path(), 18))

    def rendered() -> Iterator[Frame]:
        for frame, points in animation.frames():
            landmarks.append(points)
            yield frame

    copies = tee(rendered(), len(methods) + 1)
    takes = [method.frames(animation, copy) for method, copy in zip(methods, copies[1:], strict=True)]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(VideoWriter(path, size, fps=utterance.fps, audio=animation.sound, crf=crf))
            for path, crf in outputs
        ]
        for truth, *others in zip(copies[0], *takes, strict=True):
            for writer, frame in zip(writers, [*others, truth], strict=False):
                writer.add(frame)
    if ground_truth is not None:
        save_landmarks(ground_truth / utterance.path("landmarks", ".npy"), np.stack(landmarks))
    return [path for path, _ in outputs[: len(methods)]]


def write_methods(
    root: Path,
    utterances: Iterable[Utterance],
    *,
    methods: Iterable[str] | None = None,
    ground_truth: Path | None = None,
    size: int | None = None,
    fps: Fraction | int | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> dict[str, list[Path]]:
    """Write each method's take of each utterance to `<root>/<method>/<flat name>.mp4`; return the paths by method.

    With `ground_truth`, the utterances themselves are written there too, exactly as `write_corpus` would, from the same
    pass over the frames. Sound is the utterance's own, unchanged.
    """
    names = tuple(method.name for method in methods_named(methods))
    jobs = resized(utterances, size, fps)
    work = partial(_write_one, root=root, names=names, ground_truth=ground_truth)
    written = run_jobs(work, jobs, workers=workers, progress=progress)
    return {name: [paths[k] for paths in written] for k, name in enumerate(names)}
