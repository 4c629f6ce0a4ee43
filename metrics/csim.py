"""CSIM: whether the generated face is the same person's. Higher is better, 1 for the ground truth itself; −1 at worst.

Per frame in which both sides have a face, with e the embedding of a side's face: cos(e_gt, e_gen). A clip's value is
the mean over every 25th frame: within a second nobody changes, and dlib's network is slow.
    CSIM          dlib's ResNet of 29 layers: 128 numbers of the face's 150 px chip, placed by its 68 points
    CSIM-ArcFace  an ArcFace network in ONNX: its vector of the face warped to ArcFace's 112 px by five points

Source: cosine similarity of identity embeddings as in Zakharov et al., ICCV 2019, who took ArcFace (Deng et al.,
CVPR 2019). dlib's network is King's, "High quality face recognition with deep metric learning", 2017.
Missing: where no 25th frame has a face on both sides.
Cannot see: expression, lips and timing, which the networks were trained to overlook. Values of different networks
cannot be compared: dlib's are all positive, and two strangers may have 0.8 (its own rule is a distance of 0.6).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .contract import ClipValue, Embedder, Facts, Frame, Metric, mean_of_frames
from .onnx_network import Network, load_network

EVERY = 25
_DLIB = "dlib_face_recognition_resnet_model_v1.dat"
_FIVE = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))
_ARCFACE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""Eyes, nose tip and corners of the mouth in ArcFace's crop of 112 × 112 px."""
_Points = npt.NDArray[np.floating]
_Vector = npt.NDArray[np.float32]


class _Every:
    """Embeds the frames 0, n, 2n, … that have a face; the others are NaN."""

    def __init__(self, embed: Callable[[Frame, _Points], _Vector], size: int, every: int) -> None:
        self._embed, self._nothing, self._every, self._count = embed, np.full(size, np.nan, np.float32), every, 0

    def add(self, frame: Frame, points: _Points) -> _Vector:
        turn = self._count % self._every == 0
        self._count += 1
        return self._embed(frame, points) if turn and not np.isnan(points).any() else self._nothing


def dlib_embedder(*, every: int = EVERY) -> Embedder:
    """Return the embedder of dlib's network, whose weights come with the package face_recognition_models."""
    return _Every(_dlib_embedding, 128, every)


def arcface_embedder(*, weights: str, every: int = EVERY, mean: float = 127.5, scale: float = 127.5) -> Embedder:
    """Return the embedder of an ArcFace network in the ONNX file `weights`, given (RGB − mean) / scale.

    insightface's exports take the default; that of the ONNX model zoo takes bytes as they are: mean 0, scale 1.
    """
    network = load_arcface(weights)

    def embed(frame: Frame, points: _Points) -> _Vector:
        chip = arcface_chip(frame, points).transpose(2, 0, 1)[None].astype(np.float32)
        vector: _Vector = network((chip - np.float32(mean)) / np.float32(scale))[0]
        return vector

    return _Every(embed, network.size, every)


def load_arcface(weights: str) -> Network:
    """Load an ArcFace network. Raises ValueError where the file is another."""
    return load_network(weights, (3, 112, 112))


def arcface_chip(frame: Frame, points: _Points) -> Frame:
    """Return the face (112, 112, 3) of a frame (H, W, 3), warped by the similarity that fits five points best."""
    import cv2

    five = np.stack([points[part].mean(axis=0) for part in _FIVE]).astype(np.float64)
    # As complex numbers a similarity is z → az + b, and least squares are a division.
    z, target = (side[:, 0] + 1j * side[:, 1] for side in (five, _ARCFACE))
    centred = z - z.mean()
    a = np.vdot(centred, target) / np.vdot(centred, centred).real
    b = target.mean() - a * z.mean()
    matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    return cast(Frame, cv2.warpAffine(frame, matrix, (112, 112)))


def identity_similarity(gt: Facts, gen: Facts, *, every: int = EVERY) -> ClipValue:
    """Return the mean cosine of two sides' embeddings; each stands for the `every` frames up to the next.

    >>> points = np.zeros((2, 68, 2))
    >>> gt = Facts(points, 25, (64, 64), embeddings=np.array([[3, 4], [np.nan, np.nan]], np.float32))
    >>> gen = Facts(points, 25, (64, 64), embeddings=np.array([[4, 3], [np.nan, np.nan]], np.float32))
    >>> identity_similarity(gt, gen).value
    0.96
    """
    if gt.embeddings is None or gen.embeddings is None:
        return ClipValue.missing("no frames")
    a, b = (one.embeddings.astype(np.float64) for one in (gt, gen) if one.embeddings is not None)
    there = np.asarray(~np.isnan(a + b).any(axis=1))
    if not there.any():
        return ClipValue.missing(f"no {every}th frame has a face on both sides")
    a, b = a[there], b[there]
    cosines = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return ClipValue(mean_of_frames(cosines), min(len(there), every * int(there.sum())))


def _dlib_embedding(frame: Frame, points: _Points) -> _Vector:
    import dlib

    low, high = (math.floor(float(end)) for end in (points.min(), points.max()))
    shape = dlib.full_object_detection(
        dlib.rectangle(low, low, high, high), [dlib.point(*pair) for pair in np.rint(points).astype(int).tolist()]
    )
    return np.array(_dlib_network().compute_face_descriptor(np.ascontiguousarray(frame), shape), np.float32)


@cache
def _dlib_network() -> Any:  # noqa: ANN401 - dlib ships no types
    """Load dlib's network. The package that holds its weights is found, and not imported: it cannot be."""
    import dlib

    package = find_spec("face_recognition_models")
    folders = (package.submodule_search_locations or ()) if package else ()
    file = next((path for path in (Path(folder, "models", _DLIB) for folder in folders) if path.is_file()), None)
    if file is None:
        raise FileNotFoundError(f"{_DLIB}: not found; it comes with face_recognition_models: install that package")
    return dlib.face_recognition_model_v1(str(file))


METRIC = Metric(
    name="CSIM",
    needs="facts",
    embed=dlib_embedder,
    per_clip=identity_similarity,
    better="higher",
    unit="",
    decimals=3,
    version="1",
    definition="mean cosine of the two faces' embeddings by dlib's ResNet (128 numbers), over every 25th frame",
    source="Zakharov et al., ICCV 2019 (cosine similarity of identity embeddings); network: dlib's, King 2017",
    perfect=1.0,
    libraries=("dlib-bin", "face_recognition_models"),
)

ARCFACE = Metric(
    name="CSIM-ArcFace",
    needs="facts",
    embed=arcface_embedder,
    per_clip=identity_similarity,
    better="higher",
    unit="",
    decimals=3,
    version="1",
    definition="mean cosine of the two faces' ArcFace embeddings, over every 25th frame, by the ONNX network given",
    source="Zakharov et al., ICCV 2019 (cosine similarity of identity embeddings); Deng et al., CVPR 2019 (ArcFace)",
    perfect=1.0,
    weights="arcface",
    load=load_arcface,
    libraries=("onnxruntime",),
)
