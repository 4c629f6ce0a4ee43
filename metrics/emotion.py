"""Emotion accuracy: whether an expression classifier sees the clip's emotion. Higher is better; in % of the clips.

The ground truth is measured as well: what the classifier makes of the real videos is what a method can reach.
Every fifth frame with a face is cropped and classified; a clip's class is that with the highest mean probability, and
its value 100 where that is the emotion of its label, else 0. `p-angry` … are the mean probabilities of MEAD's eight
emotions, from which `talkbench plot confusion` draws which emotion is taken for which.

The classifier is an ONNX network that takes (N, 3, size, size), or (N, 1, size, size) of grey, and returns scores (N,
classes) or probabilities. Beside MODEL.onnx lies MODEL.onnx.json with what it takes and what its classes are called:
    {"labels": ["neutral", "happy", "sad", "surprised", "fear", "disgusted", "angry", "contempt"],
     "size": 224, "channels": "rgb", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
`mean` and `std` are of values from 0 to 1. Labels are MEAD's names; a class of another name can win, and is then wrong.
The crop is a square around the 68 points, 1.3 times as wide as the longer side of their box.

Source: the emotion accuracy of Gan et al. (EAT), ICCV 2023, whose classifier is Emotion-FAN's; labels are MEAD's (Wang
et al., ECCV 2020).
Missing: a clip without a label, with one that the classifier does not know, or without a face in every fifth frame.
Cannot see: how strong an expression is, or when it begins. What the classifier was trained on decides the number.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from .contract import ClipValue, Facts, Frame, Metric
from .onnx_network import Network, load_network

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
EVERY = 5
_Points = npt.NDArray[np.floating]
_Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Classifier:
    """A loaded network, and what its file of description says."""

    network: Network
    labels: tuple[str, ...]
    size: int
    grey: bool
    mean: _Vector
    std: _Vector


class EmotionEmbedder:
    """Turns every fifth frame into the classifier's probabilities (classes,), then those of MEAD's emotions (8,).

    The row holds the eight emotions first, NaN for one that the classifier does not know, and the highest of its other
    classes last (−∞ without any).
    """

    def __init__(self, *, weights: str, every: int = EVERY, margin: float = 1.3) -> None:
        self._classifier = load_classifier(weights)
        self._every, self._margin, self._count = every, margin, 0

    def add(self, frame: Frame, points: _Points) -> _Vector:
        """Return the probabilities (9,) of a frame (H, W, 3) with landmarks (68, 2)."""
        row = np.full(len(EMOTIONS) + 1, np.nan, np.float32)
        turn = self._count % self._every == 0
        self._count += 1
        if not turn or np.isnan(points).any():
            return row
        model = self._classifier
        found = dict(zip(model.labels, _probabilities(model, face_square(frame, points, self._margin)), strict=True))
        row[:-1] = [found.pop(emotion, math.nan) for emotion in EMOTIONS]
        row[-1] = max(found.values(), default=-math.inf)
        return row


def face_square(frame: Frame, points: _Points, margin: float) -> Frame:
    """Return a square of a frame (H, W, 3) around a face, black outside the frame."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(2, round(float((high - low).max()) * margin))
    left, top = (round(float(end)) for end in (low + high) / 2 - side / 2)
    square = np.zeros((side, side, 3), np.uint8)
    rows, columns = (
        slice(max(0, at), max(0, min(limit, at + side))) for at, limit in zip((top, left), frame.shape, strict=False)
    )
    part = frame[rows, columns]
    square[
        rows.start - top : rows.start - top + part.shape[0], columns.start - left : columns.start - left + part.shape[1]
    ] = part
    return square


@lru_cache(maxsize=2)
def load_classifier(weights: str) -> Classifier:
    """Load a classifier and its description. Raises ValueError in words where either cannot be used."""
    described = Path(f"{weights}.json")
    try:
        given = json.loads(described.read_text(encoding="utf-8"))
        labels, size = tuple(str(label) for label in given["labels"]), int(given["size"])
        grey = {"rgb": False, "grey": True}[given.get("channels", "rgb")]
        mean, std = (np.array(given.get(name, default), np.float32) for name, default in (("mean", 0), ("std", 1)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"needs {described} beside it with labels, size, channels (rgb or grey), mean and std "
            f"({type(error).__name__}: {error})"
        ) from error
    network = load_network(weights, (1 if grey else 3, size, size))
    if network.size != len(labels):
        raise ValueError(f"returns {network.size} classes, but {described} names {len(labels)}")
    return Classifier(network, labels, size, grey, mean, std)


def _probabilities(model: Classifier, face: Frame) -> list[float]:
    import cv2

    face = cast(Frame, cv2.resize(face, (model.size, model.size), interpolation=cv2.INTER_LINEAR))
    if model.grey:
        face = cast(Frame, cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))[..., None]
    scaled = (face.astype(np.float32) / np.float32(255) - model.mean) / model.std
    scores = model.network(np.ascontiguousarray(scaled.transpose(2, 0, 1))[None].astype(np.float32))[0].astype(
        np.float64
    )
    if (scores >= 0).all() and abs(scores.sum() - 1) < 1e-3:
        return [float(score) for score in scores]
    odds = np.exp(scores - scores.max())
    return [float(share) for share in odds / odds.sum()]


def emotion_accuracy(one: Facts, *, every: int = EVERY) -> ClipValue:
    """Return 100 where the clip's emotion has the highest mean probability, else 0, with the probabilities.

    >>> seen = np.array([[0.1, 0, 0, 0, 0.7, 0.2, 0, 0, -np.inf]], np.float32)
    >>> emotion_accuracy(Facts(np.zeros((1, 68, 2)), 25, (64, 64), emotion="happy", embeddings=seen)).value
    100.0
    >>> emotion_accuracy(Facts(np.zeros((1, 68, 2)), 25, (64, 64), emotion="angry", embeddings=seen)).value
    0.0
    """
    if one.emotion is None:
        return ClipValue.missing("the clip bears no emotion")
    if one.embeddings is None:
        return ClipValue.missing("no frames")
    seen = one.embeddings[~np.isnan(one.embeddings).all(axis=1)].astype(np.float64)
    if not len(seen):
        return ClipValue.missing(f"no {every}th frame has a face")
    mean = seen.mean(axis=0)
    if one.emotion not in EMOTIONS or math.isnan(mean[EMOTIONS.index(one.emotion)]):
        return ClipValue.missing(f"the classifier does not know {one.emotion!r}")
    right = mean[EMOTIONS.index(one.emotion)] >= np.nanmax(mean)
    parts = {f"p-{emotion}": float(share) for emotion, share in zip(EMOTIONS, mean[:-1], strict=True)}
    return ClipValue(100.0 if right else 0.0, min(len(one.landmarks), every * len(seen)), parts=parts)


METRIC = Metric(
    name="emotion-accuracy",
    needs="facts",
    sides="one",
    embed=EmotionEmbedder,
    per_clip=emotion_accuracy,
    parts=tuple(f"p-{emotion}" for emotion in EMOTIONS),
    better="higher",
    unit="%",
    decimals=1,
    version="1",
    definition="share of the clips in which the classifier's highest mean probability is that of the clip's emotion",
    source="emotion accuracy as in EAT (Gan et al., ICCV 2023), by the ONNX classifier given; labels: MEAD's",
    perfect=None,
    limits=(0.0, 100.0),
    weights="emotion",
    load=load_classifier,
    libraries=("onnxruntime",),
)
