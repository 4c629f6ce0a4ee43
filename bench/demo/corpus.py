"""The demo corpus: utterances, their frames, true landmarks and sound, and the same as files in MEAD's layout.

Everything follows from (speaker, emotion, level, sentence): the same in every process and for any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from ...baselines.mead import EMOTIONS
from ...metrics.contract import Frame
from ..encode import Sound, VideoWriter
from .emotions import STRENGTH
from .face import render
from .performance import perform
from .portrait import FACE_SIZE, Points
from .pose import Pose
from .speakers import SPEAKERS
from .speech import SAMPLE_RATE, Articulation, Audio, speak

Progress = Callable[[int, int], None]
"""Called with how many utterances are done, and of how many."""

Job = TypeVar("Job")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Utterance:
    """One sentence said by one speaker in one emotion. `syllables` sets its length (default: by its number)."""

    speaker: str
    emotion: str
    level: int
    sentence: int
    size: int = FACE_SIZE
    fps: Fraction | int = 25
    syllables: int | None = None

    @property
    def name(self) -> str:
        """The flat name, such as `M003_angry_level_3_001`."""
        return f"{self.speaker}_{self.emotion}_level_{self.level}_{self.sentence:03d}"

    def path(self, kind: str = "video", suffix: str = ".mp4") -> Path:
        """The path in MEAD's layout, such as `M003/video/front/angry/level_3/001.mp4`."""
        folder = Path(self.speaker) / kind / "front" / self.emotion / f"level_{self.level}"
        return folder / f"{self.sentence:03d}{suffix}"


@dataclass(frozen=True)
class Animation:
    """An utterance performed: `audio` float32 (N,) at 16 kHz, the mouth's movements, and a pose for each frame."""

    utterance: Utterance
    audio: Audio
    words: Articulation
    poses: Sequence[Pose]

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def sound(self) -> Sound:
        """The audio with its rate, as `write_video` takes it."""
        return self.audio, SAMPLE_RATE

    def frames(self, poses: Iterable[Pose] | None = None) -> Iterator[tuple[Frame, Points]]:
        """Render frame by frame: (size, size, 3) uint8 RGB, and the true landmarks (68, 2) px.

        Other `poses` give another take by the same speaker.
        """
        for pose in self.poses if poses is None else poses:
            yield render(self.utterance.speaker, pose, size=self.utterance.size)


def animate(utterance: Utterance) -> Animation:
    """Perform an utterance; frames are rendered only as they are asked for."""
    who, emotion, level, sentence, fps = (
        utterance.speaker, utterance.emotion, utterance.level, utterance.sentence, utterance.fps,
    )  # fmt: skip
    audio, words = speak(who, emotion, level, sentence, fps=fps, syllables=utterance.syllables)
    return Animation(utterance, audio, words, perform(words, who, emotion, level, sentence, fps=fps))


def true_landmarks(utterance: Utterance) -> Points:
    """The true landmarks of every frame, (T, 68, 2) float64 px."""
    return np.stack([landmarks for _, landmarks in animate(utterance).frames()])


def corpus(
    count: int,
    *,
    speakers: Sequence[str] = tuple(SPEAKERS),
    emotions: Sequence[str] = EMOTIONS,
    first: int = 1,
    **settings: int,
) -> list[Utterance]:
    """Pick `count` utterances that go round speakers, emotions and levels, each with a new sentence.

    `first` numbers the first sentence; `settings` (size, fps, syllables) are given to every utterance.
    """
    chosen = []
    for k in range(count):
        emotion = emotions[k % len(emotions)]
        level = 1 if emotion == "neutral" else 3 - (k // len(emotions)) % len(STRENGTH)
        chosen.append(Utterance(speakers[k % len(speakers)], emotion, level, first + k, **settings))
    return chosen


def resized(utterances: Iterable[Utterance], size: int | None, fps: Fraction | int | None) -> list[Utterance]:
    """The same utterances at another size (px) and rate, where given."""
    return [replace(u, size=u.size if size is None else size, fps=u.fps if fps is None else fps) for u in utterances]


def run_jobs(
    work: Callable[[Job], Done], jobs: Sequence[Job], *, workers: int = 1, progress: Progress | None = None
) -> list[Done]:
    """Do jobs in order, in this process or in several; `work` must be importable by name."""
    done = []
    if workers <= 1 or len(jobs) <= 1:
        results: Iterator[Done] = map(work, jobs)
        for number, result in enumerate(results, start=1):
            done.append(result)
            if progress:
                progress(number, len(jobs))
        return done
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        for number, result in enumerate(pool.map(work, jobs), start=1):
            done.append(result)
            if progress:
                progress(number, len(jobs))
    return done


def write_utterance(utterance: Utterance, *, root: Path) -> Path:
    """Write one utterance's video and true landmarks below `root`; return the path of the video."""
    animation, size = animate(utterance), (utterance.size, utterance.size)
    landmarks = []
    with VideoWriter(root / utterance.path(), size, fps=utterance.fps, audio=animation.sound) as writer:
        for frame, points in animation.frames():
            writer.add(frame)
            landmarks.append(points)
    save_landmarks(root / utterance.path("landmarks", ".npy"), np.stack(landmarks))
    return root / utterance.path()


def save_landmarks(path: Path, landmarks: Points) -> None:
    """Save landmarks (T, 68, 2) px as float32; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.part")
    with hidden.open("wb") as file:
        np.save(file, landmarks.astype(np.float32))
    hidden.replace(path)


def write_corpus(
    root: Path,
    utterances: Iterable[Utterance],
    *,
    size: int | None = None,
    fps: Fraction | int | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> list[Path]:
    """Write utterances in MEAD's layout; return the paths of the videos.

    Videos go to `<actor>/video/front/<emotion>/level_<n>/<NNN>.mp4` (H.264, yuv420p, tagged smpte170m and tv range,
    with AAC sound), true landmarks to `<actor>/landmarks/front/…/<NNN>.npy` (float32 (T, 68, 2) px). `size` and `fps`
    override those of the utterances (256 px and 25 unless they say otherwise). With `workers` > 1 processes are
    spawned, so a script must guard its main part with `if __name__ == "__main__"`.
    """
    return run_jobs(
        partial(write_utterance, root=root), resized(utterances, size, fps), workers=workers, progress=progress
    )
