"""Making the videos that raters see: one recipe for all of them, so that nothing but the picture can tell them apart.

H.264, yuv420p, constant rate factor 12, at a constant frame rate; AAC, mono; index first; no metadata. Research code
writes MPEG-4 part 2, HEVC or 4:4:4, which some browsers play as sound alone without reporting an error.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...metrics.contract import Frame
from ..encode import VideoWriter
from ..errors import MediaError
from ..sound import Sound, read_sound
from ..source import content_hash
from ..video import probe, read_frames
from ..vocabulary import Reading
from .config import Stimuli

RECIPE = "1"
"""Any change to what this module writes bumps it."""
_CRF = 12
_RATES = tuple(Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"))
_LEVEL_DIFFERENCE = 1.5
"""dB that can be heard between two videos of one clip."""
_DURATION_DIFFERENCE = 0.1
"""Seconds."""


@dataclass(frozen=True)
class Source:
    """One video as a method made it, and how it is read; `sound` is the video whose sound is heard."""

    clip: str
    method: str
    video: Path
    reading: Reading
    sound: Path


@dataclass(frozen=True)
class Facts:
    """What a finished stimulus is: its size in px, its rate, its length in s, and its level in dB below full scale."""

    width: int
    height: int
    fps: float
    duration: float
    level_db: float | None

    def as_json(self) -> dict[str, object]:
        """Return the facts for the database."""
        return asdict(self)


@dataclass(frozen=True)
class Made:
    """A stimulus on disk."""

    file: str
    sha256: str
    source_sha256: str
    facts: Facts


def make(source: Source, recipe: Stimuli, folder: Path, *, notice: tuple[str, str] | None = None) -> Made:
    """Write a source's stimulus into `folder` unless it is there.

    `notice` is the name of an attention item and the text that is drawn over its picture.

    Raises MediaError where the video cannot be decoded or has no sound.
    """
    content = content_hash(source.video, source.reading.prefix)
    heard = content if source.sound == source.video else content_hash(source.sound)
    read_as = (recipe.model_dump_json(), repr(source.reading), *(notice or ()))
    key = "|".join((RECIPE, source.clip, source.method, content, heard, *read_as))
    file = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.mp4"
    if not file.is_file():
        _transcode(source, recipe, file, notice and notice[1])
    facts = check_playable(file)
    return Made(file.name, hashlib.sha256(file.read_bytes()).hexdigest(), content, facts)


def _transcode(source: Source, recipe: Stimuli, file: Path, notice: str | None) -> None:
    original = probe(source.video, rate=recipe.folder_rate, reading=source.reading)
    rate = Fraction(recipe.fps) if recipe.fps != "native" else _usual(original.rate)
    sound = read_sound(source.sound)
    if sound is None:
        raise MediaError(
            f"{source.sound}: has no sound, and raters judge whether lips and speech go together. "
            'Add it, or set stimuli.sound = "reference" to use the real video\'s.'
        )
    frames = read_frames(source.video, source_rate=recipe.folder_rate, rate=rate, reading=source.reading)
    fit = _fitting(original.width, original.height, recipe.size)
    shown: Iterator[Frame] = map(fit, frames)
    if notice is not None:
        shown = _noticed(shown, notice, after=original.frames_at(rate) // 3)
    write(file, shown, rate, sound)


def write(file: Path, frames: Iterable[Frame], rate: Fraction, sound: Sound) -> None:
    """Write a stimulus from (H, W, 3) RGB frames of even sizes and its sound."""
    stream = iter(frames)
    first = next(stream)
    with VideoWriter(file, (first.shape[1], first.shape[0]), fps=rate, audio=sound, crf=_CRF) as writer:
        for frame in itertools.chain([first], stream):
            writer.add(frame)


def _usual(rate: Fraction) -> Fraction:
    """Return the usual rate that a measured one is within 0.1 % of, or the measured one with a short denominator."""
    near = min(_RATES, key=lambda usual: abs(usual - rate))
    return near if abs(near - rate) <= near / 1000 else rate.limit_denominator(1001)


def _fitting(width: int, height: int, size: int | str) -> Callable[[Frame], Frame]:
    """Return what scales a frame to the wanted longer side; an odd side gains a line, since 4:2:0 needs even ones."""
    if isinstance(size, int):
        scale = size / max(width, height)
        to = (max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return lambda frame: np.asarray(cv2.resize(frame, to, interpolation=how), dtype=np.uint8)
    return lambda frame: np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _noticed(frames: Iterable[Frame], text: str, *, after: int) -> Iterator[Frame]:
    """Lay a panel with an instruction over the lower part of the picture from frame `after` on."""
    panel: Frame | None = None
    for index, frame in enumerate(frames):
        if index < after:
            yield frame
            continue
        if panel is None:
            panel = _panel(frame.shape[1], text)
        drawn = frame.copy()
        height = min(len(panel), len(drawn))
        drawn[-height:] = panel[:height]
        yield drawn


def _panel(width: int, text: str) -> Frame:
    """Draw white text on black, as wide as the picture."""
    size = max(11, width // 16)
    font = ImageFont.load_default(size)
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > width * 0.92 and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    step = round(size * 1.35)
    image = Image.new("RGB", (width, step * len(lines) + size), "black")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((width / 2, size / 2 + step * number), line, font=font, fill="white", anchor="ma")
    return np.asarray(image, dtype=np.uint8)


def write_check(file: Path, tones: int, digit: int) -> None:
    """Write the clip of the device check: a digit to read and tones to count, 2.4 s."""
    rate, fps, seconds = 48_000, 25, 2.4
    time = np.arange(round(rate * seconds)) / rate
    within = (time - 0.2) % 0.4
    heard = (time >= 0.2) & (time < 0.2 + 0.4 * tones) & (within < 0.18)
    fade = np.clip(np.minimum(within, 0.18 - within) / 0.01, 0, 1)  # a tone that starts at once clicks
    samples = np.where(heard, 0.4 * fade * np.sin(2 * math.pi * 660 * time), 0.0).astype(np.float32)
    font = ImageFont.load_default(150)

    def frame(index: int) -> Frame:
        image = Image.new("RGB", (320, 240), "#33475b")
        draw = ImageDraw.Draw(image)
        draw.text((160, 120), str(digit), font=font, fill="white", anchor="mm")
        draw.rectangle((0, 232, 320 * index / (fps * seconds), 240), fill="#8fb3d9")
        return np.asarray(image, dtype=np.uint8)

    write(file, (frame(index) for index in range(round(fps * seconds))), Fraction(fps), (samples, rate))


def check_playable(file: Path) -> Facts:
    """Return the facts of a stimulus. Raises MediaError unless every browser can play it: a wrong codec shows nothing.

    Expected: H.264 in yuv420p and AAC in an MP4 file whose index comes first.
    """
    video = probe(file, rate=Fraction(25))
    with av.open(str(file)) as container:
        sound = [stream.codec_context.name for stream in container.streams.audio]
    found = (video.codec, video.pixel_format, *sound)
    if found != ("h264", "yuv420p", "aac") or not _index_first(file):
        raise MediaError(
            f"{file}: expected H.264 in yuv420p with AAC and the index first, found {', '.join(found)}. "
            "Delete it, and run `talkbench study build` again."
        )
    return Facts(video.width, video.height, float(video.rate), float(video.duration), _level(file))


def _index_first(file: Path) -> bool:
    head = file.read_bytes()
    return 0 < head.find(b"moov") < head.find(b"mdat")


def _level(file: Path) -> float | None:
    """Return the root mean square of the sound in dB below full scale; None where it is silent."""
    sound = read_sound(file)
    power = 0.0 if sound is None else float(np.mean(np.square(sound[0], dtype=np.float64)))
    return round(10 * math.log10(power), 2) if power > 0 else None


def unblinding(made: Mapping[tuple[str, str], Facts]) -> list[str]:
    """Say what tells methods apart without a look at the picture; `made` is by (clip, method)."""
    by_clip: dict[str, dict[str, Facts]] = {}
    for (clip, method), facts in made.items():
        by_clip.setdefault(clip, {})[method] = facts
    checks: Sequence[tuple[str, Callable[[Facts], float | tuple[int, int] | None], float, Callable[[Facts], str], str]]
    checks = (
        ("size", lambda f: (f.width, f.height), 0, lambda f: f"{f.width}×{f.height}", "Set stimuli.size."),
        ("frame rate", lambda f: f.fps, 0.01, lambda f: f"{f.fps:g} fps", "Set stimuli.fps."),
        ("loudness", lambda f: f.level_db, _LEVEL_DIFFERENCE, _as_level, 'Consider stimuli.sound = "reference".'),
        ("duration", lambda f: f.duration, _DURATION_DIFFERENCE, lambda f: f"{f.duration:.2f} s", "Cut them alike."),
    )
    warnings = []
    for name, value, tolerance, show, advice in checks:
        differing = [clip for clip, facts in by_clip.items() if _differ([value(f) for f in facts.values()], tolerance)]
        if differing:
            example = ", ".join(f"{method} {show(facts)}" for method, facts in by_clip[differing[0]].items())
            warnings.append(
                f"{name} differs between the methods on {len(differing)} of {len(by_clip)} clips, which can unblind "
                f"raters ({differing[0]}: {example}). {advice}"
            )
    return warnings


def _as_level(facts: Facts) -> str:
    return "silent" if facts.level_db is None else f"{facts.level_db:.1f} dB"


def _differ(values: Sequence[float | tuple[int, int] | None], tolerance: float) -> bool:
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) != len(values):
        return len(set(values)) > 1
    return max(numbers) - min(numbers) > tolerance
