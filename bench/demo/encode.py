"""Writing videos: RGB frames and sound in, one file out, the same bytes every time.

Encoders run on one thread, nothing in the file depends on the clock, and the file appears under its name only when it
is whole. Colour: frames are converted to BT.601, limited range, and tagged so (`smpte170m`, `tv`) where the codec can.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from ..errors import TalkbenchError

Sound = tuple[npt.NDArray[np.floating], int]
"""Mono samples (N,), -1 to 1, and their rate in Hz."""

CONTAINERS: dict[str, tuple[str, str, str]] = {
    ".mp4": ("mp4", "libx264", "aac"),
    ".m4v": ("mp4", "libx264", "aac"),
    ".mov": ("mov", "libx264", "aac"),
    ".mkv": ("matroska", "libx264", "aac"),
    ".flv": ("flv", "libx264", "aac"),
    ".avi": ("avi", "mpeg4", "libmp3lame"),
    ".webm": ("webm", "libvpx-vp9", "libopus"),
    ".mpg": ("mpeg", "mpeg2video", "mp2"),
}
"""Container format, and the codecs used for picture and sound unless others are asked for, by suffix."""

_SMPTE170M = 6  # the number of this matrix, of these primaries and of this transfer curve in ITU-T H.273


def _quality(codec: str, crf: int) -> dict[str, str]:
    if codec.startswith("libx264"):
        return {"crf": str(crf), "preset": "medium"}
    if codec.startswith("libvpx"):
        return {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": "4"}
    return {"q": str(max(2, crf // 4)), "qmin": "2"} if codec in ("mpeg4", "mpeg2video", "flv") else {}


class VideoWriter:
    """Write one video frame by frame, with its sound alongside; a context manager.

    `fps` may be any rational. `size` is (width, height). Codecs default to the container's (see `CONTAINERS`). Left by
    an exception, it leaves no file behind.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        fps: Fraction | int,
        audio: Sound | None = None,
        crf: int = 18,
        codec: str | None = None,
        pix_fmt: str = "yuv420p",
        audio_codec: str | None = None,
    ) -> None:
        if path.suffix.lower() not in CONTAINERS:
            raise TalkbenchError(f"{path}: cannot write this kind of video; expected one of {', '.join(CONTAINERS)}")
        if "420" in pix_fmt and (size[0] % 2 or size[1] % 2):
            raise TalkbenchError(
                f"{path}: {pix_fmt} needs an even width and height, got {size[0]}x{size[1]}; pass pix_fmt='yuv444p'"
            )
        container, usual_video, usual_audio = CONTAINERS[path.suffix.lower()]
        self.path, self.fps, self.frames, self._samples = path, Fraction(fps), 0, 0
        self._hidden = path.with_name(f".{path.name}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: OutputContainer = av.open(str(self._hidden), "w", format=container, options={"fflags": "+bitexact"})
        try:
            self._video = self._video_stream(codec or usual_video, size, pix_fmt, crf)
            self._audio, self._sound, self._resampler = None, np.zeros(0, np.float32), None
            if audio is not None:
                self._audio_stream(audio_codec or usual_audio, audio)
        except BaseException:
            self._discard()
            raise

    def _video_stream(self, codec: str, size: tuple[int, int], pix_fmt: str, crf: int) -> VideoStream:
        stream = self._file.add_stream(codec, rate=self.fps, options=_quality(codec, crf))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.time_base = 1 / self.fps
        context = stream.codec_context
        context.thread_count, context.time_base = 1, 1 / self.fps
        context.color_range = int(ColorRange.MPEG)
        context.colorspace = context.color_primaries = context.color_trc = _SMPTE170M
        return stream
