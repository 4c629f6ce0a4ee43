"""Takes as files: a video with sound, the landmarks it was drawn from, and what emotion was heard.

Beside `NAME.mp4` lie `NAME.landmarks.npy` (T, 68, 2), px of the video's frames, where `talkbench score` finds them, and
`NAME.emotions.json`. A folder of takes lies like the ground truth of its preparation, so that every take pairs with its
clip by name, and its videos are lossless (FFV1): what is scored is what was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..baselines.mead import EMOTIONS
from ..bench.encode import CONTAINERS, write_video
from ..bench.errors import TalkbenchError
from ..bench.faces import FaceFinder, FaceModel, grey
from ..bench.frame_folder import read_image
from ..bench.results import replacing, write_json
from .audio import read_audio
from .canonical import moved, to_canvas, warp
from .mfcc import SAMPLE_RATE, SAMPLES_PER_FRAME, mfcc
from .prepared import TRUTH_SUFFIX, Prepared, PreparedClip
from .split import Side
from .talker import Frame, Reference, Spoken, Talker

FPS = 25


def say(talker: Talker, audio: Path, image: Path, out: Path, *, frames: Path | None = None) -> Spoken:
    """Make the face in an image say a sound file, and write the video `out`; into `frames` also its frames, lossless.

    Raises TalkbenchError where the image does not show exactly one face.
    """
    if out.suffix.lower() not in CONTAINERS:
        raise TalkbenchError(f"{out}: expected a video, such as {out.stem or 'take'}.mp4.")
    reference = face_in(image)
    samples = read_audio(audio)
    count = -(-len(samples) // SAMPLES_PER_FRAME)
    samples = np.pad(samples, (0, count * SAMPLES_PER_FRAME - len(samples)))
    spoken = talker.speak(mfcc(samples, count), reference)
    drawn = talker.frames(spoken.landmarks, reference)
    write_take(out, drawn if frames is None else _kept(drawn, frames), samples, spoken)
    return spoken


def face_in(image: Path) -> Reference:
    """Return the one face of an image on the canvas. Raises TalkbenchError where there is none, or more than one."""
    picture = read_image(image)
    found = FaceFinder(FaceModel()).find(grey(picture))
    if found.count != 1:
        raise TalkbenchError(
            f"{image}: expected exactly one face, found {found.count or 'none'}. Crop it around one frontal face."
        )
    matrix = to_canvas(found.landmarks[None].astype(np.float64), "frame")
    return Reference(warp(matrix[0])(picture), moved(found.landmarks[None], matrix)[0])


def reference_for(clip: PreparedClip, training: Sequence[PreparedClip]) -> Reference:
    """Return the middle frame of a training clip of the same speaker and emotion, of the same level where there is one.

    So the reference shows the emotion [P], and nothing of the clip that is to be generated.
    """
    alike = [one for one in training if (one.speaker, one.emotion) == (clip.speaker, clip.emotion)]
    if not alike:
        raise TalkbenchError(f"{clip.id}: {clip.speaker} has no training clip that is {clip.emotion_name}. Record one.")
    chosen = min(alike, key=lambda one: (one.level != clip.level, one.id))
    middle = len(chosen.landmarks) // 2
    return Reference(np.array(chosen.frames()[middle]), chosen.landmarks[middle])


def take_file(folder: Path, clip: PreparedClip) -> Path:
    """Return where the take of a clip lies below a folder: where the clip lies in the ground truth."""
    return folder / f"{clip.path}{TRUTH_SUFFIX}"


def make_takes(talker: Talker, prepared: Prepared, split: Side, folder: Path) -> Iterator[Path]:
    """Make the takes of one side's clips below `folder`, each of exactly as many frames as its clip; yield each one.

    Those that are there are not made again. Raises TalkbenchError where they are of other networks.
    """
    talker.refuse_other(prepared)
    known = folder / f"{talker.speaker}.nets.json"
    if known.exists() and json.loads(known.read_text(encoding="utf-8")) != talker.sha256:
        raise TalkbenchError(f"{folder}: holds takes of other networks. Choose another -o, or remove that folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(known, talker.sha256)
    training = prepared.clips("train", talker.speaker)
    for clip in prepared.clips(split, talker.speaker):
        out = take_file(folder, clip)
        if not out.exists():
            reference = reference_for(clip, training)
            spoken = talker.speak(clip.mfcc, reference)
            write_take(out, talker.frames(spoken.landmarks, reference), read_audio(clip.wav), spoken)
        yield out


def write_take(out: Path, frames: Iterable[Frame], samples: npt.NDArray[np.float32], spoken: Spoken) -> None:
    """Write a take; the video comes last, so that where it is, everything is."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out.with_suffix(".landmarks.npy")) as temporary, temporary.open("wb") as handle:
        np.save(handle, spoken.landmarks)
    if spoken.emotions is not None:
        heard = {"emotions": list(EMOTIONS), "fps": FPS, "probabilities": np.round(spoken.emotions, 6).tolist()}
        write_json(out.with_suffix(".emotions.json"), heard)
    codec, pix_fmt = ("ffv1", "bgr0") if out.suffix == TRUTH_SUFFIX else (None, "yuv420p")
    write_video(out, frames, fps=FPS, audio=(samples, SAMPLE_RATE), codec=codec, pix_fmt=pix_fmt)


def _kept(frames: Iterable[Frame], folder: Path) -> Iterator[Frame]:
    """Yield frames, and write each as a PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=1):
        file = folder / f"{number:05}.png"
        if not cv2.imwrite(str(file), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)):
            raise TalkbenchError(f"{file}: cannot be written. Free some space, or choose another folder.")
        yield frame
