"""What EAT's evaluation does to both videos before it measures: a per-frame crop, written out again twice.

The crop: a face is looked for in each frame, and the similarity that takes the template's points 27–44 onto the frame's
cuts out 163 × 163 px, of which rows and columns 1–128 are kept. As files: the video is first encoded at 25 fps (H.264,
CRF 23), each frame is cropped from that, frames without a face are left out, so that later ones move up, and the rest
is encoded as MPEG-4 part 2. Sources: yuangan/evaluation_eat, code/utils_crop.py and code/preprocess.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from ..metrics.contract import Frame
from .errors import MediaError
from .faces import FaceFinder, FaceModel, grey
from .video import read_frames
from .video_file import timed_pictures
from .vocabulary import AS_IS, Reading

T = TypeVar("T")
_RATE = Fraction(25)
_POINTS = slice(27, 45)
_CANVAS, _KEPT = 163, slice(1, 129)
_FACES = FaceModel(upsamples=(1,), face="first", points="integer", channels="bgr")
# The template's points 27–44, x and y on the canvas (code/base_68.npy).
_TEMPLATE = np.array(
    [
        *((65, 37), (65, 47), (65, 57), (66, 68), (54, 75), (60, 77), (66, 78), (71, 76), (77, 75)),
        *((28, 39), (35, 35), (43, 35), (50, 40), (43, 42), (34, 42), (79, 40), (86, 34), (94, 34)),
    ],
    dtype=np.float32,  # the script's own precision: more of it flips bytes
)


@dataclass(frozen=True)
class EatCrop:
    """The crop as a framing: (128, 128, 3), or None where no face is found."""

    def __call__(self, frame: Frame) -> Frame | None:
        """Return the crop around the frame's first face."""
        from skimage.transform import SimilarityTransform, warp

        face = _finder().find(grey(frame, channels=_FACES.channels))
        if face.count == 0:
            return None
        to_frame = SimilarityTransform.from_estimate(_TEMPLATE, face.landmarks[_POINTS])
        warped = warp(frame, to_frame, output_shape=(_CANVAS, _CANVAS))
        return np.ascontiguousarray((warped * 255).astype(np.uint8)[_KEPT, _KEPT])


@contextmanager
def eat_files(video: Path, *, reading: Reading = AS_IS) -> Iterator[Path]:
    """Give the path of a video's cropped and twice encoded copy, for as long as the block lasts."""
    with TemporaryDirectory(prefix="talkbench-") as folder:
        encoded, cropped = Path(folder) / "encoded.mp4", Path(folder) / "cropped.mp4"
        if video.is_dir():
            _write(read_frames(video, source_rate=_RATE, rate=None, reading=reading), encoded)
            reading = AS_IS
        else:
            _encode(video, encoded, reading)
        frames = read_frames(encoded, source_rate=_RATE, rate=None, reading=Reading(panel=reading.panel))
        crops = (cropped for cropped in map(EatCrop(), frames) if cropped is not None)
        if not _write(crops, cropped):
            raise MediaError(f"{video}: no face in any frame, so this protocol's crop leaves nothing. Leave it out.")
        yield cropped


def _encode(video: Path, target: Path, reading: Reading) -> None:
    """Encode as `ffmpeg -i video -r 25 target.mp4` does: libx264's defaults, the source's colour tags and format."""
    formats = {known.name for known in av.Codec("libx264", "w").video_formats or ()}
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "23"})
        context = stream.codec_context
        context.thread_type, context.thread_count = "FRAME", 1  # slices, and so pixels, would follow the cores
        for index, picture in enumerate(at_constant_rate(timed_pictures(video, fps=reading.fps), _RATE)):
            if index == 0:
                stream.width, stream.height = picture.width, picture.height
                stream.pix_fmt = picture.format.name if picture.format.name in formats else "yuv420p"
                context.color_range, context.colorspace = picture.color_range, picture.colorspace
                context.color_primaries, context.color_trc = picture.color_primaries, picture.color_trc
            if picture.format.name != stream.pix_fmt:
                picture = picture.reformat(format=stream.pix_fmt)
            picture.pts, picture.time_base = index, 1 / _RATE
            picture.pict_type = PictureType.NONE  # else the encoder keeps the source's frame types
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def at_constant_rate(timed: Iterable[tuple[Fraction, Fraction, T]], rate: Fraction) -> Iterator[T]:
    """Repeat and drop (time, duration, item) as ffmpeg's `-r` does, up to version 5.

    It is not nearest in time: an item that comes late stays until it is more than about 2.1 frames late.

    >>> items = [(Fraction(k, 30), Fraction(1, 30), k) for k in range(6)]
    >>> list(at_constant_rate(items, Fraction(25)))
    [0, 1, 2, 3, 4, 5]
    """
    written, last = 0, None
    repeats: deque[int] = deque([0, 0, 0], maxlen=3)
    for time, duration, item in timed:
        lead = float(time * rate) + (2.0**-17 if time > 0 else 0.0) - written
        reach = lead + (round(duration * rate) or float(duration * rate))
        lead = 0.0 if lead < 0 < reach else lead
        count = 0 if reach < -1.1 else round(reach) if reach > 1.1 else 1
        again = min(round(lead - 0.6), count) if count > 1 and lead > 1.1 else 0
        repeats.appendleft(again)
        for number in range(count):
            yield item if last is None or number >= again else last
        written, last = written + count, item
    if last is not None:
        yield from repeat(last, sorted(repeats)[1])


def _write(frames: Iterable[Frame], target: Path) -> int:
    """Write frames as MPEG-4 part 2 at 25 fps, as the scripts do; return how many there were."""
    writer, written = None, 0
    for frame in frames:
        writer = writer or cv2.VideoWriter(
            str(target), cv2.VideoWriter.fourcc(*"mp4v"), float(_RATE), (frame.shape[1], frame.shape[0])
        )
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        written += 1
    if writer is not None:
        writer.release()
    return written


@cache
def _finder() -> FaceFinder:
    """Load the crop's detector once per process."""
    return FaceFinder(_FACES)
