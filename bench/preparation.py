"""What EAT's evaluation does to both videos before it measures: a per-frame crop, written out again twice.

The crop: a face is looked for in each frame, and the similarity that takes the template's points 27–44 onto the frame's
cuts out 163 × 163 px, of which rows and columns 1–128 are kept. As files: the video is first encoded at 25 fps (H.264,
CRF 23), each frame is cropped from that, frames without a face are left out, so that later ones move up, and the rest
is encoded as MPEG-4 part 2. Sources: yuangan/evaluation_eat, code/utils_crop.py and code/preprocess.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from ..metrics.contract import Frame
from .errors import MediaError
from .faces import FaceFinder, FaceModel, grey
from .video import read_frames, read_pictures
from .vocabulary import AS_IS, Reading

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
    dtype=np.float64,
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
        to_frame = SimilarityTransform.from_estimate(_TEMPLATE, face.landmarks[_POINTS].astype(np.float64))
        warped = warp(frame, to_frame, output_shape=(_CANVAS, _CANVAS))
        return np.ascontiguousarray((warped * 255).astype(np.uint8)[_KEPT, _KEPT])


@contextmanager
def eat_files(video: Path, *, rate: Fraction, reading: Reading = AS_IS) -> Iterator[Path]:
    """Give the path of a video's cropped and twice encoded copy, for as long as the block lasts."""
    with TemporaryDirectory(prefix="talkbench-") as folder:
        encoded, cropped = Path(folder) / "encoded.mp4", Path(folder) / "cropped.mp4"
        if video.is_dir():
            frames = read_frames(video, source_rate=rate, rate=_RATE, reading=reading)
        else:
            _encode(video, encoded, reading)
            frames = read_frames(encoded, source_rate=_RATE, rate=_RATE, reading=Reading(panel=reading.panel))
        _write_crops(frames, cropped, video)
        yield cropped


def _encode(video: Path, target: Path, reading: Reading) -> None:
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "23"})
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(read_pictures(video, rate=_RATE, fps=reading.fps)):
            picture = picture.reformat(format="yuv420p") if picture.format.name != "yuv420p" else picture
            if index == 0:
                stream.width, stream.height = picture.width, picture.height
            picture.pts, picture.time_base = index, 1 / _RATE
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _write_crops(frames: Iterator[Frame], target: Path, video: Path) -> None:
    crop = EatCrop()
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), float(_RATE), (128, 128))
    written = 0
    for frame in frames:
        cropped = crop(frame)
        if cropped is not None:
            writer.write(cv2.cvtColor(cropped, cv2.COLOR_RGB2BGR))
            written += 1
    writer.release()
    if not written:
        raise MediaError(f"{video}: no face in any frame, so this protocol's crop leaves nothing. Leave it out.")


@cache
def _finder() -> FaceFinder:
    """Load the crop's detector once per process."""
    return FaceFinder(_FACES)
