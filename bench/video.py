"""Reading videos and folders of numbered frames: probe, count, and stream RGB frames at a stated rate, by time.

A video file is decoded by PyAV in presentation order. Time starts at the first frame shown. The frames at a rate `r`
are those nearest in time to 0, 1/r, 2/r, … (a tie takes the earlier), and there are round(duration · r) of them, where
the duration ends when the last frame does. A folder of frames has no clock: its rate is stated.

Colour: the matrix and range that the file states are honoured. An untagged file is taken for BT.601, limited range,
which is what FFmpeg's converter, and so nearly every tool, assumes. Alpha is dropped, as image readers do.
"""

from __future__ import annotations

import io
import re
import stat
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image

from ..metrics.contract import Frame
from .errors import MediaError
from .vocabulary import AS_IS, IMAGE_SUFFIXES, Reading

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
MAX_PIXELS = 2**25
"""Pixels of the largest frame that is decoded, 8K's: what is larger is no talking head, and could fill the memory."""
_DECODING = {"err_detect": "crccheck+bitstream+buffer+explode", "max_pixels": str(MAX_PIXELS)}
"""A decoder hides damage by default, and a guess would be scored as if the method had made it."""
_CONTAINERS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,live_flv,m4v,h264,hevc,ogg,asf,nut,mxf,ivf,obu"
"""What a video file may be: nothing that names other files, such as a playlist."""
_ALPHA = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")
_NUMBERED = re.compile(r"^(?P<prefix>.*?)(?P<number>\d+)$")
T = TypeVar("T")


@dataclass(frozen=True)
class VideoFacts:
    """What a video says of itself. Sizes are as shown (after rotation); `frames` counts the source's own frames."""

    path: Path
    kind: Literal["video", "frames"]
    width: int
    height: int
    frames: int
    rate: Fraction
    duration: Fraction
    codec: str
    pixel_format: str
    colour: str
    rotation: int = 0
    pixel_aspect: Fraction = Fraction(1)
    has_audio: bool = False
    has_alpha: bool = False
    streams: int = 1

    def frames_at(self, rate: Fraction | None) -> int:
        """Count the frames that `read_frames` yields at this rate; the source frames where it is None."""
        return self.frames if rate is None else grid_length(self.duration, rate)

    @property
    def aspect(self) -> Fraction:
        """Width over height of the stored pixels."""
        return Fraction(self.width, self.height)


def grid_length(duration: Fraction, rate: Fraction) -> int:
    """Round duration × rate to a number of frames, halves up.

    >>> grid_length(Fraction(112, 30), Fraction(25))
    93
    """
    return int(duration * rate + Fraction(1, 2))


def probe(path: Path, *, rate: Fraction, reading: Reading = AS_IS) -> VideoFacts:
    """Read what a video or a folder of frames is, without decoding more than its first frame.

    `rate` is the rate of a folder of frames whose reading states none. Raises MediaError for a file that cannot be read
    to its end, and where the reading's panel does not fit into the frame.
    """
    if path.is_dir():
        facts = _probe_folder(path, reading.fps or rate, reading.prefix)
    else:
        facts = _probe_file(path)
        if reading.fps is not None:
            facts = replace(facts, rate=reading.fps, duration=facts.frames / reading.fps)
    if reading.panel is None:
        return facts
    left, top, right, bottom = reading.panel
    if right > facts.width or bottom > facts.height:
        raise MediaError(
            f"{path}: is {facts.width}×{facts.height}, but the part that counts reaches to {right}×{bottom}: expected "
            "the system's panels side by side. If it is cropped already, pass --adapter NAME=folder."
        )
    return replace(facts, width=right - left, height=bottom - top)


def read_frames(
    path: Path, *, source_rate: Fraction, rate: Fraction | None, reading: Reading = AS_IS
) -> Iterator[Frame]:
    """Yield (H, W, 3) uint8 RGB frames, C-contiguous, at `rate` by time, or every source frame where `rate` is None.

    `source_rate` is the rate of a folder of frames; a video file states its own times. Raises MediaError for a file
    that cannot be decoded to its end.
    """
    if path.is_dir():
        frames = _folder_frames(path, reading.fps or source_rate, rate, reading.prefix)
    else:
        timed = timed_pictures(path, fps=reading.fps)
        frames = map(to_rgb, (picture for _, _, picture in timed) if rate is None else resample(timed, rate))
    if reading.panel is None:
        yield from frames
        return
    left, top, right, bottom = reading.panel
    for frame in frames:
        yield np.ascontiguousarray(frame[top:bottom, left:right])


def _folder_frames(path: Path, source_rate: Fraction, rate: Fraction | None, prefix: str | None) -> Iterator[Frame]:
    files = frame_files(path, prefix)
    timed = ((index / source_rate, 1 / source_rate, file) for index, file in enumerate(files))
    first: Frame | None = None
    for file in files if rate is None else resample(timed, rate):
        image = _read_image(file)
        first = image if first is None else first
        if image.shape != first.shape:
            raise MediaError(
                f"{file}: is {image.shape[1]}×{image.shape[0]} where the frames before it are "
                f"{first.shape[1]}×{first.shape[0]}. Write all frames of a clip in one size."
            )
        yield image


def resample(timed: Iterable[tuple[Fraction, Fraction, T]], rate: Fraction) -> Iterator[T]:
    """Take the items nearest in time to k / rate from (time, duration, item) in rising time, streaming.

    >>> items = [(Fraction(k, 30), Fraction(1, 30), k) for k in range(6)]
    >>> list(resample(items, Fraction(25)))
    [0, 1, 2, 4, 5]
    """
    half, k = Fraction(1, 2), 0
    near: deque[tuple[Fraction, T]] = deque()
    end = Fraction(0)
    for time, duration, item in timed:
        near.append((time, item))
        end = time + duration
        while time >= (k + half) / rate:
            yield _nearest(near, k / rate)
            k += 1
    while near and end >= (k + half) / rate:
        yield _nearest(near, k / rate)
        k += 1


def _nearest(near: deque[tuple[Fraction, T]], time: Fraction) -> T:
    """Return the item nearest to `time`, and forget those that no later time can want."""
    while len(near) > 1 and near[1][0] - time < time - near[0][0]:
        near.popleft()
    return near[0][1]


# Video files


def _probe_file(path: Path) -> VideoFacts:
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
                raise MediaError(f"{path}: has no video stream. Expected a video; found {container.format.name}.")
            context = streams[0].codec_context
            if context.width * context.height > MAX_PIXELS:
                raise _too_large(path, context.width, context.height)
            context.thread_count = 1
            context.options = _DECODING
            yield container, streams[0]
    except av.error.FFmpegError as error:
        raise MediaError(
            f"{path}: cannot be decoded as a video ({error.strerror}). "
            "It is damaged, cut short, or not a video; make it again or leave it out."
        ) from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error


def _refuse_unreadable(path: Path) -> None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise MediaError(f"{path}: is not a regular file. Expected a video; make it again or leave it out.")
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions.") from error
    if empty:
        raise MediaError(f"{path}: is empty (0 bytes). Expected a video; make it again or leave it out.")


def _pictures(container: InputContainer) -> list[VideoStream]:
    """Return the video streams; the cover of a sound file is none."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _too_large(path: Path, width: int, height: int) -> MediaError:
    return MediaError(
        f"{path}: its frames are {width}×{height}, which is more than {MAX_PIXELS:,} pixels. Scale it down, or leave "
        "it out if its header is damaged."
    )


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


# Folders of numbered frames


def frame_files(folder: Path, prefix: str | None = None) -> list[Path]:
    """Return a folder's numbered frames in the order of their numbers; with `prefix` only those that bear it.

    Raises MediaError where the numbering has a gap, repeats, or mixes several series: each shifts frames in time.
    """
    numbered: dict[int, Path] = {}
    prefixes: set[str] = set()
    for file in sorted(folder.iterdir()):
        match = _NUMBERED.match(file.stem)
        if file.suffix.lower() not in IMAGE_SUFFIXES or match is None or file.name.startswith("."):
            continue
        if prefix is not None and match["prefix"] != prefix:
            continue
        number = int(match["number"])
        prefixes.add(match["prefix"])
        if len(prefixes) > 1:
            raise MediaError(
                f"{folder}: holds several series of frames ({', '.join(repr(p) for p in sorted(prefixes))}). "
                "Expected one; keep one series per folder."
            )
        if number in numbered:
            raise MediaError(f"{folder}: frame {number} is there twice: {numbered[number].name} and {file.name}.")
        numbered[number] = file
    if not numbered:
        raise MediaError(f"{folder}: holds no numbered frames (png, jpg). Expected names such as 00001.png.")
    order = sorted(numbered)
    steps = {b - a for a, b in pairwise(order)}
    if len(steps) > 1:
        gap = next(a for a, b in pairwise(order) if b - a > min(steps))
        raise MediaError(
            f"{folder}: a frame is missing after {numbered[gap].name}, which would shift all later ones in time. "
            "Write the missing frames, or renumber the folder if none is missing."
        )
    return [numbered[number] for number in order]


def _probe_folder(folder: Path, rate: Fraction, prefix: str | None) -> VideoFacts:
    files = frame_files(folder, prefix)
    first = _read_image(files[0])
    return VideoFacts(
        path=folder,
        kind="frames",
        width=first.shape[1],
        height=first.shape[0],
        frames=len(files),
        rate=rate,
        duration=Fraction(len(files)) / rate,
        codec=files[0].suffix.lower().lstrip("."),
        pixel_format="rgb24",
        colour="rgb",
    )


def _read_image(file: Path) -> Frame:
    """Read an image as RGB; 16-bit, grey and alpha images become 8-bit RGB."""
    try:
        data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise MediaError(f"{file}: cannot be read ({error.strerror}). Check its permissions.") from error
    _refuse_huge_image(file, data)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise MediaError(f"{file}: is not a readable image ({data.size} bytes). Write it again.")
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False))


def _refuse_huge_image(file: Path, data: npt.NDArray[np.uint8]) -> None:
    """Raise for an image that would fill the memory, before it is decoded; what Pillow cannot open, OpenCV judges."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data.tobytes())) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise MediaError(f"{file}: has more than {MAX_PIXELS:,} pixels. Scale the frames down.") from error
    except (OSError, SyntaxError, ValueError):
        return
    if width * height > MAX_PIXELS:
        raise _too_large(file, width, height)


@cache
def decoder_version() -> str:
    """Name the versions of the libraries that turn files into pixels."""
    versions = av.library_versions
    return f"avcodec{versions['libavcodec'][0]}.swscale{versions['libswscale'][0]}.cv{cv2.__version__}"
