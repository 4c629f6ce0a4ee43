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
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream

from .errors import TalkbenchError

Sound = tuple[npt.NDArray[np.floating], int]
"""Mono samples (N,), -1 to 1, and their rate in Hz."""

CONTAINERS: dict[str, tuple[str, str, str]] = {
    ".mp4": ("mp4", "libx264", "aac"),
    ".m4v": ("mp4", "libx264", "aac"),
    ".mov": ("mov", "libx264", "aac"),
    ".mkv": ("matroska", "libx264", "aac"),
    ".flv": ("flv", "libx264", "aac"),
    ".avi": ("avi", "mpeg4", "pcm_s16le"),
    ".webm": ("webm", "libvpx-vp9", "libopus"),
    ".mpg": ("mpeg", "mpeg2video", "mp2"),
}
"""Container format, and the codecs used for picture and sound unless others are asked for, by suffix."""

_CONVERSION = int(
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.BITEXACT
)
_SMPTE170M = 6  # the number of this matrix, of these primaries and of this transfer curve in ITU-T H.273


def _quality(codec: str, crf: int, width: int) -> dict[str, str]:
    if codec.startswith("libx264"):
        # x264's AVX-512 code for its MB-tree reads past the end of short rows, and the bytes depend on what lies there.
        whole = width % 128 == 0
        return {"crf": str(crf), "preset": "veryfast"} | ({} if whole else {"x264-params": "mbtree=0"})
    if codec.startswith("libvpx"):
        return {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": "4"}
    if codec in ("mpeg4", "mpeg2video", "flv"):
        return {"flags": "+qscale", "global_quality": str(118 * max(2, crf // 6))}  # 118 is FFmpeg's FF_QP2LAMBDA
    return {}


def _container(path: Path, size: tuple[int, int], pix_fmt: str) -> tuple[str, str, str]:
    if path.suffix.lower() not in CONTAINERS:
        raise TalkbenchError(f"{path}: expected a video suffix ({', '.join(CONTAINERS)}), got {path.suffix!r}")
    if "420" in pix_fmt and (size[0] % 2 or size[1] % 2):
        raise TalkbenchError(
            f"{path}: {pix_fmt} needs an even width and height, got {size[0]}x{size[1]}; pass pix_fmt='yuv444p'"
        )
    return CONTAINERS[path.suffix.lower()]


class VideoWriter:
    """Write one video frame by frame, with its sound alongside; a context manager.

    `size` is (width, height); `fps` may be any rational. Codecs default to the container's (see `CONTAINERS`). The file
    is written under a hidden name beside `path` and renamed when whole; left by an exception, nothing remains.
    `keyframes`: at most so many frames from one to the next, for a player that steps; the codec's own where it is None.
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
        keyframes: int | None = None,
    ) -> None:
        container, usual_codec, usual_audio_codec = _container(path, size, pix_fmt)
        self.path, self.fps, self.frames = path, Fraction(fps), 0
        self._hidden = path.with_name(f".{path.name}.part")
        self._sound, self._sent = audio, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"fflags": "+bitexact"}
        if container in ("mp4", "mov"):
            options["movflags"] = "+faststart"  # the index comes first, so that a browser can play while it loads
        self._file: OutputContainer = av.open(str(self._hidden), "w", format=container, options=options)
        try:
            self._video = self._video_stream(codec or usual_codec, size, pix_fmt, crf)
            if keyframes is not None:
                self._video.codec_context.gop_size = keyframes
            self._audio = self._audio_stream(audio_codec or usual_audio_codec, audio[1]) if audio else None
        except BaseException:
            self._discard()
            raise

    def _video_stream(self, codec: str, size: tuple[int, int], pix_fmt: str, crf: int) -> VideoStream:
        stream = self._file.add_stream(codec, rate=self.fps, options=_quality(codec, crf, size[0]))
        if not isinstance(stream, VideoStream):
            raise TalkbenchError(f"{self.path}: {codec} does not encode pictures")
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pix_fmt
        context.thread_count, context.time_base = 1, 1 / self.fps
        if self.path.suffix.lower() in (".avi", ".flv", ".mpg"):
            context.max_b_frames = 0  # these have no edit list: reordered frames would start late, or be misplaced
        context.color_range = int(ColorRange.MPEG)
        context.colorspace = context.color_primaries = context.color_trc = _SMPTE170M
        return stream

    def _audio_stream(self, codec: str, rate: int) -> AudioStream:
        offered = av.Codec(codec, "w").audio_rates
        used = rate if not offered or rate in offered else 48000
        options = {"aac_coder": "fast"} if codec == "aac" else {}
        stream = self._file.add_stream(codec, rate=used, layout="mono", options=options)
        if not isinstance(stream, AudioStream):
            raise TalkbenchError(f"{self.path}: {codec} does not encode sound")
        stream.codec_context.thread_count = 1
        stream.codec_context.bit_rate = 64000
        return stream

    def add(self, frame: npt.NDArray[np.uint8]) -> None:
        """Append a frame, (H, W, 3) RGB or (H, W, 4) RGBA, uint8, and the sound up to its end."""
        shown = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgba" if frame.shape[2] == 4 else "rgb24")
        shown = shown.reformat(
            format=self._video.codec_context.pix_fmt,
            dst_colorspace=int(Colorspace.ITU601),
            dst_color_range=int(ColorRange.MPEG),
            interpolation=_CONVERSION,
            threads=1,
        )
        shown.pts, shown.time_base = self.frames, 1 / self.fps
        shown.colorspace = shown.color_primaries = shown.color_trc = _SMPTE170M
        self._file.mux(self._video.encode(shown))
        self.frames += 1
        self._add_sound(until=self.frames / self.fps)

    def _add_sound(self, until: Fraction) -> None:
        if self._audio is None or self._sound is None:
            return
        samples, rate = self._sound
        chunk = np.ascontiguousarray(samples[self._sent : round(until * rate)], dtype=np.float32)
        if not len(chunk):
            return
        heard = AudioFrame.from_ndarray(chunk[None], format="fltp", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = rate, self._sent, Fraction(1, rate)
        self._sent += len(chunk)
        self._file.mux(self._audio.encode(heard))

    def _discard(self) -> None:
        self._file.close()
        self._hidden.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._file.mux(self._video.encode(None))
            if self._audio is not None:
                self._file.mux(self._audio.encode(None))
        except BaseException:
            self._discard()
            raise
        self._file.close()
        self._hidden.replace(self.path)


def write_video(
    path: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    *,
    fps: Fraction | int,
    audio: Sound | None = None,
    crf: int = 18,
    codec: str | None = None,
    pix_fmt: str = "yuv420p",
    audio_codec: str | None = None,
) -> int:
    """Write frames, (H, W, 3) RGB or (H, W, 4) RGBA uint8, and sound to a video; return the number of frames.

    `path`'s suffix picks the container (see `CONTAINERS`) and, unless given, the codecs. Sound stops with the frames.
    """
    stream = iter(frames)
    first = next(stream, None)
    if first is None:
        raise TalkbenchError(f"{path}: no frames to write")
    size = (first.shape[1], first.shape[0])
    with VideoWriter(
        path, size, fps=fps, audio=audio, crf=crf, codec=codec, pix_fmt=pix_fmt, audio_codec=audio_codec
    ) as writer:
        writer.add(first)
        for frame in stream:
            writer.add(frame)
    return writer.frames
