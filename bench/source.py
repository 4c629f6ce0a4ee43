"""One side of a pair: its file, prepared and framed as the protocol says, its faces found on the way through it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..metrics.contract import Frame
from . import signature
from .cache import Track, TrackCache, key
from .errors import MediaError
from .faces import FaceFinder, FaceModel, grey, weights_hash
from .facts import VideoFacts
from .frame_folder import frame_files
from .framing import Fit, Framing, Native, Whole, box_around, warp_to_template
from .preparation import EatCrop, eat_files
from .protocol import Protocol
from .tracking import Tracker
from .video import decoder_version, probe, read_frames
from .vocabulary import AS_IS, Reading

_SEARCH_SIZE = 512
"""Longer side, in px, of the frames on which a crop's landmarks are searched."""
AnyFraming = Framing | EatCrop


def content_hash(path: Path, prefix: str | None = None) -> str:
    """Return the SHA-256 of a file, or of the files and names of a folder of frames or of landmark texts, in order."""
    if not path.is_dir():
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    digest = hashlib.sha256()
    texts = sorted(path.glob("*.txt")) if prefix is None else []
    for file in texts or frame_files(path, prefix):
        digest.update(f"{file.name}\0{content_hash(file)}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Source:
    """One side: its file, what is read in its place, and how many frames it has at the protocol's rate."""

    path: Path
    sha256: str
    facts: VideoFacts
    reading: Reading
    expected: int
    protocol: Protocol
    cache: Path | None

    @property
    def length(self) -> int:
        """Return the number of frames that will be read."""
        return self.facts.frames_at(self.protocol.time.rate)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames at the protocol's rate."""
        return read_frames(
            self.facts.path, source_rate=self.facts.rate, rate=self.protocol.time.rate, reading=self.reading
        )

    @cached_property
    def searched(self) -> Track:
        """The faces of the whole source frames, searched at a sensible size: what a crop is placed by."""
        return Side(self, Fit(_SEARCH_SIZE)).finish()

    def source_landmarks(self) -> npt.NDArray[np.float32]:
        """Return the landmarks (T, 68, 2) in px of the source frame."""
        track = self.searched
        if np.isnan(track.landmarks).all():
            raise MediaError(
                f"{self.path}: no face in any frame, so there is nothing to crop around. "
                "Leave it out, or pass --crop none."
            )
        shown = np.array([self.facts.width, self.facts.height], np.float32)
        fitted = np.minimum(1, _SEARCH_SIZE / shown.max()) * shown
        scaled: npt.NDArray[np.float32] = (track.landmarks + 0.5) * (shown / np.round(fitted)) - 0.5
        return scaled


@contextmanager
def opened(
    path: Path, rate: Fraction, *, protocol: Protocol, cache: Path | None, reading: Reading = AS_IS
) -> Iterator[Source]:
    """Give a source, prepared as the protocol says. `rate` is that of a folder of frames that states none."""
    facts = probe(path, rate=rate, reading=reading)
    expected = facts.frames_at(protocol.time.rate)
    source = Source(path, content_hash(path, reading.prefix), facts, reading, expected, protocol, cache)
    if protocol.frame.prepare == "eat-files":
        with eat_files(path, reading=reading) as prepared:
            yield replace(source, facts=probe(prepared, rate=rate), reading=AS_IS)
    else:
        yield source


def framings(gt: Source, gen: Source) -> tuple[AnyFraming, AnyFraming]:
    """Return how each side's frames become what is measured."""
    frame = gt.protocol.frame
    if frame.prepare == "eat-crop":
        return EatCrop(), EatCrop()
    if frame.size == "native":
        return Native(), Native()
    if frame.crop == "aligned":
        return (
            warp_to_template(gt.source_landmarks(), size=frame.size),
            warp_to_template(gen.source_landmarks(), size=frame.size),
        )
    if frame.crop == "gt-box":
        box = box_around(gt.source_landmarks(), gt.facts.width, gt.facts.height, size=frame.size)
        return box, box
    return Whole(frame.size), Whole(frame.size)


class Side:
    """Reads one side's frames in step, finding faces on the way unless the cache knows them."""

    def __init__(self, source: Source, framing: AnyFraming) -> None:
        self._source = source
        self._framing = framing
        self._frames = enumerate(source.frames())
        self._at = -1
        self._frame: Frame | None = None
        self._cache = TrackCache(source.cache)
        self._key = _key(source, framing)
        known = self._cache.get(self._key)
        self._known = known if known is not None and len(known.faces) == source.length else None
        # Filled in place: an array per frame, kept between packets that come and go, would scatter over the heap.
        self._track = Track(np.full((source.length, 68, 2), np.nan, np.float32), np.zeros(source.length, np.uint8))
        self._search: FaceFinder | Tracker | None = None

    def advance(self, index: int) -> Frame | None:
        """Return the framed frame with this index, None where it has none; indices never fall."""
        while self._at < index:
            if not self._step():
                raise MediaError(self._other_length())
        return self._frame

    @property
    def points(self) -> npt.NDArray[np.float32]:
        """The landmarks (68, 2) of the frame that `advance` gave last, all NaN where it has no face."""
        points: npt.NDArray[np.float32] = (self._known or self._track).landmarks[self._at]
        return points

    def finish(self) -> Track:
        """Read what is left, and return the whole track."""
        while self._step():
            pass
        if self._at + 1 != self._source.length:
            raise MediaError(self._other_length())
        if self._known is not None:
            return self._known
        self._cache.put(self._key, self._track)
        return self._track

    def _other_length(self) -> str:
        more = "or more " if self._at == self._source.length else ""
        return (
            f"{self._source.path}: {self._at + 1} frames {more}were decoded where its header promises "
            f"{self._source.length}. It is damaged or cut short; make it again or leave it out."
        )

    def _step(self) -> bool:
        found = next(self._frames, None)
        if found is None:
            return False
        self._at, frame = found
        if self._at == self._source.length:
            raise MediaError(self._other_length())
        self._frame = self._framing(frame)
        if self._known is None:
            model = self._source.protocol.faces
            seen = np.zeros((1, 1), np.uint8) if self._frame is None else grey(self._frame, channels=model.channels)
            self._search = self._search or _search(model)
            face = self._search.find(seen)
            self._track.landmarks[self._at] = face.landmarks
            self._track.faces[self._at] = min(face.count, 255)
        return True


def _key(source: Source, framing: AnyFraming) -> str:
    """Hash all that a track depends on."""
    folder_rate = str(source.facts.rate) if source.facts.kind == "frames" else None
    return key(
        {
            "video": source.sha256,
            "reading": [folder_rate or str(source.reading.fps), source.reading.panel, source.reading.prefix],
            "fps": str(source.protocol.time.rate),
            "prepare": source.protocol.frame.prepare,
            "framing": {"kind": type(framing).__name__, **asdict(framing)},
            "faces": source.protocol.faces.ingredients(),
            "weights": weights_hash(),
            "dlib": version("dlib-bin"),
            "decoder": decoder_version(),
            "engine": signature.ENGINE,
        }
    )


def _search(model: FaceModel) -> FaceFinder | Tracker:
    """Return what finds the faces of one video, frame after frame."""
    return Tracker(_finder(model)) if model.search == "track" else _finder(model)


@lru_cache(maxsize=2)
def _finder(model: FaceModel) -> FaceFinder:
    """Load the detector once per process."""
    return FaceFinder(model)
