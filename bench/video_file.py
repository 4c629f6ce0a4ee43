"""Reading video files with PyAV: what they say of themselves, and their pictures in presentation order, with times.

Colour: the matrix and range that the file states are honoured. An untagged file is taken for BT.601, limited range,
which is what FFmpeg's converter, and so nearly every tool, assumes. Alpha is dropped, as image readers do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from ..metrics.contract import Frame
from .errors import MediaError
from .facts import MAX_FRAMES, MAX_PIXELS, VideoFacts, too_large, too_long
from .regular import opened_regular

UNTAGGED = "untagged=bt601.tv"
"""What a file without colour tags is taken for; part of every signature."""

_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_COLORSPACES = {
    "bt709": Colorspace.ITU709,
    "fcc": Colorspace.FCC,
    "bt601": Colorspace.ITU601,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020": Colorspace.BT2020,
}
_DECODING = {"err_detect": "crccheck+bitstream+buffer+explode", "max_pixels": str(MAX_PIXELS)}
"""A decoder hides damage by default, and a guess would be scored as if the method had made it."""
_CONTAINERS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,live_flv,m4v,h264,hevc,ogg,asf,nut,mxf,ivf,obu"
"""What a video file may be: nothing that names other files, such as a playlist."""
_ALPHA = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")


def probe_file(path: Path) -> VideoFacts:
    """Read what a video file is, decoding its first frame. Raises MediaError where it cannot be read to its end."""
    with _opened(path) as (container, stream):
        first, times = _first_frame_and_times(container, stream)
        if first is None:
            raise MediaError(f"{path}: no frame of it can be decoded. Make it again or leave it out.")
        if times is None:  # this container keeps no presentation times: only decoding tells
            with _opened(path) as (again, same):
                times = [_time(frame, index, same) for index, frame in enumerate(again.decode(same))]
        last_step = _last_step(Counter(b - a for a, b in pairwise(times)), stream)
        duration = times[-1] - times[0] + last_step
        _refuse_cut_short(path, stream, times[-1] + last_step)
        turned = first.rotation % 180 != 0
        return VideoFacts(
            path=path,
            kind="video",
            width=first.height if turned else first.width,
            height=first.width if turned else first.height,
            frames=len(times),
            rate=Fraction(len(times)) / duration,
            duration=duration,
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            colour=_colour_name(first),
            rotation=first.rotation,
            pixel_aspect=Fraction(stream.sample_aspect_ratio or 1),
            has_audio=bool(container.streams.audio),
            has_alpha=first.format.name.startswith(_ALPHA),
            streams=len(_pictures(container)),
        )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file, and turn every decoding error inside the block into a MediaError that names it."""
    _refuse_unreadable(path)
    try:
        # file: keeps a name such as "a:b.mp4" or "concat.mp4" from being read as a protocol
        with av.open(f"file:{path}", metadata_errors="ignore", options={"format_whitelist": _CONTAINERS}) as container:
            streams = _pictures(container)
            if not streams:
                raise MediaError(
                    f"{path}: has no video stream that is known. Expected a video; found {container.format.name}."
                )
            context = streams[0].codec_context
            if context.width * context.height > MAX_PIXELS:
                raise too_large(path, context.width, context.height)
            context.thread_count = 1
            context.options = _DECODING
            yield container, streams[0]
    except av.error.FFmpegError as error:
        raise MediaError(
            f"{path}: cannot be decoded as a video ({error.strerror}). "
            "It is damaged, cut short, or not a video; make it again or leave it out."
        ) from error
    except IndexError as error:  # PyAV's own
        raise MediaError(
            f"{path}: holds a stream that its header does not announce. It is damaged; make it again or leave it out."
        ) from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error


def _refuse_unreadable(path: Path) -> None:
    with opened_regular(path) as file:
        empty = not file.read(1)
    if empty:
        raise MediaError(f"{path}: is empty (0 bytes). Expected a video; make it again or leave it out.")


def _pictures(container: InputContainer) -> list[VideoStream]:
    """Return the video streams; the cover of a sound file is none, nor is what no decoder is known for."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context and not stream.disposition & Disposition.attached_pic
    ]


def _first_frame_and_times(
    container: InputContainer, stream: VideoStream
) -> tuple[VideoFrame | None, list[Fraction] | None]:
    """Return the first frame, and the presentation times of all, sorted; no times where some packet states none.

    In one pass, since opening a file takes as long as decoding several frames.
    """
    first: VideoFrame | None = None
    times: list[Fraction] | None = []
    for packet in container.demux(stream):
        if first is None:
            first = next(iter(packet.decode()), None)
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None or packet.time_base is None:
            times = None
        elif times is not None:
            times.append(packet.pts * packet.time_base)
            if len(times) > MAX_FRAMES:
                raise too_long(Path(container.name.removeprefix("file:")))
    return first, None if times is None else sorted(times)


def _time(frame: VideoFrame, index: int, stream: VideoStream) -> Fraction:
    """Return a frame's presentation time; a container without times counts frames at its stated rate."""
    if frame.pts is None or frame.time_base is None:
        return Fraction(index) / (stream.average_rate or Fraction(25))
    return frame.pts * frame.time_base


def _last_step(steps: Counter[Fraction], stream: VideoStream) -> Fraction:
    """Return how long the last frame stays: the median step, which no rounding of one timestamp can move much."""
    left = sum(count for step, count in steps.items() if step > 0) // 2
    for step, count in sorted(steps.items()):
        if step > 0:
            if left < count:
                return step
            left -= count
    return 1 / (stream.average_rate or Fraction(25))


def _refuse_cut_short(path: Path, stream: VideoStream, end: Fraction) -> None:
    """Raise where the header promises clearly more video than the file holds."""
    if stream.duration is None or stream.time_base is None:
        return
    promised = ((stream.start_time or 0) + stream.duration) * stream.time_base
    if end < promised - max(Fraction(1, 5), promised / 50):
        raise MediaError(
            f"{path}: is cut short: its header promises {float(promised):.2f} s, it holds {float(end):.2f} s. "
            "Copy or make it again, or leave it out."
        )


def timed_pictures(path: Path, *, fps: Fraction | None) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """Yield (time from the first frame, duration, picture as it is stored) of every frame, in presentation order.

    `fps` holds instead of the file's own times.
    """
    timed = _as_stated(path)
    return timed if fps is None else ((index / fps, 1 / fps, picture) for index, (_, _, picture) in enumerate(timed))


def _as_stated(path: Path) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    steps: Counter[Fraction] = Counter()
    start = time = Fraction(0)
    held: VideoFrame | None = None
    with _opened(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            if frame.is_corrupt:
                raise MediaError(f"{path}: frame {index} is damaged. Make the file again or leave it out.")
            before, time = time, _time(frame, index, stream)
            if held is None:
                start = time
            else:
                if time < before:
                    raise MediaError(f"{path}: its times run backwards at frame {index}. Re-encode it.")
                steps[time - before] += 1
                yield before - start, time - before, held
            held = frame
        if held is None:
            raise MediaError(f"{path}: no frame of it can be decoded. Make it again or leave it out.")
        last_step = _last_step(steps, stream)
        yield time - start, last_step, held
        _refuse_cut_short(path, stream, time + last_step)


def to_rgb(frame: VideoFrame) -> Frame:
    """Convert a decoded frame to (H, W, 3) uint8 RGB, upright and C-contiguous."""
    matrix, colour_range = _colour(frame)
    rgb = frame.to_ndarray(
        format="rgb24",
        src_colorspace=_COLORSPACES[matrix],
        src_color_range=ColorRange.JPEG if colour_range == "pc" else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    )
    if frame.rotation % 360:
        rgb = np.rot90(rgb, k=frame.rotation // 90)
    return np.ascontiguousarray(rgb)


def _colour(frame: VideoFrame) -> tuple[str, str]:
    name = frame.format.name
    full = frame.color_range == ColorRange.JPEG or name.startswith("yuvj") or frame.format.is_rgb
    return _MATRICES.get(int(frame.colorspace), "bt601"), "pc" if full else "tv"


def _colour_name(frame: VideoFrame) -> str:
    if frame.format.is_rgb:
        return "rgb"
    matrix, colour_range = _colour(frame)
    tagged = int(frame.colorspace) in _MATRICES
    return f"{matrix}.{colour_range}" + ("" if tagged else " (untagged)")
