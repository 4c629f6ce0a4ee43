"""LSE-D, LSE-C and AV offset: whether lips and sound go together, by SyncNet v2.

The ground truth is measured as well: real clips do not reach a perfect score, and theirs is the ceiling.
Per window of five frames at 25 per second, l is SyncNet's vector (1024) of the lips and a that of the sound (MFCC,
0.2 s) from the same moment. With D(k) the mean over windows t of ‖ lₜ − aₜ₊ₖ ‖ for a sound k frames later, |k| ≤ 15:
    LSE-D = min D(k)                        lower is better
    LSE-C = median D(k) − min D(k)          higher is better
    AV-offset = | k at the minimum |        in frames; lower is better. `signed` is −k, as SyncNet prints it: positive
                                            where the picture is late
Mel-frequency coefficients are those of python_speech_features with its defaults, of the sound in 16-bit steps.

The crop is the original's around another box: side and centre of a face are the medians over the 13 frames around it;
the crop runs 1.4 half-sides to the left and right of the centre, 1 above and 1.8 below, is filled with grey (110)
outside the frame, and scaled to 224 × 224. The original's box is its detector's, S3FD's; here it is the square that the
68 points' box becomes when it is lengthened upwards by 0.3 of its height, from the brows to the hairline.

Source: Chung and Zisserman, "Out of time: automated lip sync in the wild", ACCV Workshops 2016 (network and scores);
the names LSE-D and LSE-C: Prajwal et al. (Wav2Lip), ACM Multimedia 2020.
Weights: syncnet_v2.model of github.com/joonson/syncnet_python, by path; no package brings them.
Missing: without sound, at another rate than 25, or where no window has a face. Six frames at either end serve the
medians alone.
Not done: no second encoding to AVI and JPEG before measuring, no split at cuts; the original does both.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from .contract import ClipValue, Facts, Frame, Metric
from .mfcc import mfcc
from .torch_weights import fitted, read_state

if TYPE_CHECKING:
    import torch

_AHEAD = 6
"""Frames on either side that the medians of the box look at."""
_WINDOW = 5
_LAG = _AHEAD + _WINDOW - 1
"""Frames between the first of a window and the one at which its vector is known."""
_SIDE = 224
_Vector = npt.NDArray[np.float32]
_Points = npt.NDArray[np.floating]
_DISTANCES = npt.NDArray[np.float64]


def face_box(points: _Points) -> tuple[float, float, float]:
    """Return the centre x, y and half the side, in px, of the square around a face with landmarks (68, 2)."""
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    top = low[1] - 0.3 * (high[1] - low[1])
    return (low[0] + high[0]) / 2, (top + high[1]) / 2, max(high[0] - low[0], high[1] - top) / 2


def face_crop(frame: Frame, x: float, y: float, half: float) -> Frame:
    """Return the crop (224, 224, 3) that SyncNet sees, in BGR as it was trained."""
    import cv2

    pad = int(half * 1.8)
    padded = cv2.copyMakeBorder(frame, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(110, 110, 110))
    rows = slice(max(0, int(y + pad - half)), max(0, int(y + pad + half * 1.8)))
    columns = slice(max(0, int(x + pad - half * 1.4)), max(0, int(x + pad + half * 1.4)))
    part = padded[rows, columns]
    if not part.size:
        part = np.full((1, 1, 3), 110, np.uint8)
    return cast(Frame, cv2.cvtColor(cv2.resize(part, (_SIDE, _SIDE)), cv2.COLOR_RGB2BGR))


class LipEmbedder:
    """Turns frames into SyncNet's vectors of the lips (1024,): at frame t that of the window which began at t − 10."""

    def __init__(self, *, weights: str) -> None:
        self._network = load_syncnet(weights)
        self._frames: deque[Frame] = deque(maxlen=_AHEAD + 1)
        self._boxes: deque[tuple[float, float, float]] = deque(maxlen=2 * _AHEAD + 1)
        self._crops: deque[Frame | None] = deque(maxlen=_WINDOW)

    def add(self, frame: Frame, points: _Points) -> _Vector:
        """Return the vector of the latest window that is whole, NaN where there is none or a frame has no face."""
        self._frames.append(frame)
        found = not np.isnan(points).any()
        self._boxes.append(face_box(points) if found else (np.nan, np.nan, np.nan))
        if len(self._frames) > _AHEAD:
            self._crops.append(self._crop())
        window = [crop for crop in self._crops if crop is not None]
        if len(window) < _WINDOW:
            return np.full(1024, np.nan, np.float32)
        import torch

        stacked = torch.from_numpy(np.stack(window)).permute(3, 0, 1, 2)[None].float()
        return cast(_Vector, self._network.lips(stacked)[0].numpy())

    def _crop(self) -> Frame | None:
        boxes = np.array(self._boxes)
        known = boxes[~np.isnan(boxes[:, 0])]
        if not len(known):
            return None
        x, y, half = np.median(known, axis=0)
        return face_crop(self._frames[0], float(x), float(y), float(half))


class SyncNet:
    """SyncNet v2's two towers, on one thread."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network

    def lips(self, frames: torch.Tensor) -> torch.Tensor:
        """Return (N, 1024) for windows (N, 3, 5, 224, 224) of BGR values from 0 to 255."""
        return self._tower("lip", frames)

    def sound(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Return (N, 1024) for coefficients (N, 1, 13, 20)."""
        return self._tower("aud", coefficients)

    def _tower(self, name: str, given: torch.Tensor) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            features = self._network.get_submodule(f"netcnn{name}")(given).flatten(1)
            return cast("torch.Tensor", self._network.get_submodule(f"netfc{name}")(features))


def syncnet_modules() -> torch.nn.Module:
    """Build the towers under the names that the published state dict has."""
    from torch import nn

    def block(kind: str, given: int, made: int, kernel: tuple[int, ...], **more: Any) -> list[nn.Module]:  # noqa: ANN401
        convolution = getattr(nn, f"Conv{kind}")(given, made, kernel, **more)
        return [convolution, getattr(nn, f"BatchNorm{kind}")(made), nn.ReLU()]

    sound = [
        *block("2d", 1, 64, (3, 3), padding=1),
        nn.MaxPool2d((1, 1), stride=(1, 1)),
        *block("2d", 64, 192, (3, 3), padding=1),
        nn.MaxPool2d((3, 3), stride=(1, 2)),
        *block("2d", 192, 384, (3, 3), padding=1),
        *block("2d", 384, 256, (3, 3), padding=1),
        *block("2d", 256, 256, (3, 3), padding=1),
        nn.MaxPool2d((3, 3), stride=(2, 2)),
        *block("2d", 256, 512, (5, 4)),
    ]
    lips = [
        *block("3d", 3, 96, (5, 7, 7), stride=(1, 2, 2)),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
        *block("3d", 96, 256, (1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1)),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        *block("3d", 256, 256, (1, 3, 3), padding=(0, 1, 1)),
        *block("3d", 256, 256, (1, 3, 3), padding=(0, 1, 1)),
        *block("3d", 256, 256, (1, 3, 3), padding=(0, 1, 1)),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
        *block("3d", 256, 512, (1, 6, 6)),
    ]

    def head() -> nn.Sequential:
        return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))

    network = nn.Module()
    for name, layers in {"netcnnaud": sound, "netcnnlip": lips}.items():
        network.add_module(name, nn.Sequential(*layers))
    for name in ("netfcaud", "netfclip"):
        network.add_module(name, head())
    return network


@lru_cache(maxsize=1)
def load_syncnet(weights: str) -> SyncNet:
    """Load SyncNet v2's state dict. Raises ValueError in words where the file is another."""
    return SyncNet(fitted(syncnet_modules(), read_state(weights), "SyncNet v2 (syncnet_v2.model)"))


def offset_distances(lips: npt.NDArray[np.floating], sound: npt.NDArray[np.floating], *, vshift: int) -> _DISTANCES:
    """Return the mean distance D(k) of vectors (N, D) for k = −vshift … vshift; windows without lips (NaN) left out.

    As in the original, sound before the first and after the last window counts as zeros, and 1e-6 is added to every
    difference.
    """
    there = ~np.isnan(lips).any(axis=1)
    padded = np.pad(sound.astype(np.float64), ((vshift, vshift), (0, 0)))
    n = len(lips)
    means = [
        np.linalg.norm(lips[there] - padded[k : k + n][there] + 1e-6, axis=1).mean() for k in range(2 * vshift + 1)
    ]
    return np.array(means)


def _measured(one: Facts, weights: str, vshift: int) -> tuple[_DISTANCES, int] | str:
    """Return D(k) and the number of windows, or why there is none."""
    if one.sound is None:
        return "no sound"
    if one.rate != 25:
        return f"SyncNet takes 25 frames per second, these are compared at {one.rate:g}"
    if one.embeddings is None:
        return "no frames"
    lips = one.embeddings[_LAG:]
    count = min(len(lips), len(one.sound) // 640 - _WINDOW)
    if count < 1:
        return f"SyncNet needs {_LAG + 1} frames and their sound"
    if np.isnan(lips[:count]).any(axis=1).all():
        return "no window of five frames has a face"
    return offset_distances(lips[:count], _sound_vectors(weights, one.sound.tobytes(), count), vshift=vshift), int(
        (~np.isnan(lips[:count]).any(axis=1)).sum()
    )


@lru_cache(maxsize=2)
def _sound_vectors(weights: str, sound: bytes, count: int) -> _Vector:
    """Return the sound's vectors (count, 1024); kept, since three metrics ask for them on two sides."""
    import torch

    samples = np.rint(np.frombuffer(sound, np.float32).astype(np.float64) * 32768).clip(-32768, 32767)
    coefficients = mfcc(samples).T
    windows = [coefficients[:, 4 * t : 4 * t + 20] for t in range(count)]
    stacked = torch.from_numpy(np.stack(windows)[:, None].astype(np.float32))
    network = load_syncnet(weights)
    parts = [network.sound(stacked[at : at + 64]).numpy() for at in range(0, count, 64)]
    return np.concatenate(parts)


def sync_distance(one: Facts, *, weights: str, vshift: int = 15) -> ClipValue:
    """Return LSE-D of one side."""
    found = _measured(one, weights, vshift)
    return ClipValue.missing(found) if isinstance(found, str) else _value(one, float(found[0].min()), found[1])


def sync_confidence(one: Facts, *, weights: str, vshift: int = 15) -> ClipValue:
    """Return LSE-C of one side."""
    found = _measured(one, weights, vshift)
    if isinstance(found, str):
        return ClipValue.missing(found)
    return _value(one, float(np.median(found[0]) - found[0].min()), found[1])


def sync_offset(one: Facts, *, weights: str, vshift: int = 15) -> ClipValue:
    """Return the size of the AV offset of one side, in frames, and `signed` as SyncNet prints it."""
    found = _measured(one, weights, vshift)
    if isinstance(found, str):
        return ClipValue.missing(found)
    signed = vshift - int(found[0].argmin())
    return _value(one, float(abs(signed)), found[1], {"signed": float(signed)})


def _value(one: Facts, value: float, windows: int, parts: dict[str, float] | None = None) -> ClipValue:
    """Say on how many frames a value rests: those of its windows, and those that only the box's medians need."""
    whole = len(one.landmarks) - _LAG
    return ClipValue(value, round(len(one.landmarks) * windows / whole), parts=parts or {})


DISTANCE = Metric(
    name="LSE-D",
    needs="facts",
    sides="one",
    embed=LipEmbedder,
    per_clip=sync_distance,
    better="lower",
    unit="",
    decimals=3,
    version="1",
    definition="least mean distance of SyncNet v2's vectors of lips and sound, with the sound moved by up to 15 frames",
    source="Chung and Zisserman, ACCV Workshops 2016 (SyncNet v2); named by Prajwal et al., ACM Multimedia 2020",
    perfect=None,
    limits=(0.0, math.inf),
    sound=True,
    weights="syncnet",
    load=load_syncnet,
    libraries=("torch",),
)

CONFIDENCE = replace(
    DISTANCE,
    name="LSE-C",
    per_clip=sync_confidence,
    better="higher",
    definition="median minus least mean distance of SyncNet v2's vectors, with the sound moved by up to 15 frames",
)

OFFSET = replace(
    DISTANCE,
    name="AV-offset",
    per_clip=sync_offset,
    parts=("signed",),
    unit="frames",
    decimals=1,
    definition="by how many frames of 25 per second the sound must be moved for the least mean distance",
)
