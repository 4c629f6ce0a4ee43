"""FID and FVD: how far apart all real and all generated frames, or pieces of video, lie. Lower is better, 0 at best.

These are values of a method and not of a clip: the mean over clips means nothing, and there is no interval. With μ and
Σ the mean and the covariance of a side's feature vectors, over all its clips together:
    d = ‖ μ_gt − μ_gen ‖² + tr(Σ_gt + Σ_gen − 2 (Σ_gt Σ_gen)^½).
    FID   every frame; the 2048 numbers after the last pooling of the Inception network of 2015, as in pytorch-fid: the
          frame scaled to 299 px (bilinear), values from −1 to 1
    FVD   every 16 frames in a row, without overlap; the 400 numbers of I3D trained on Kinetics, as in StyleGAN-V

Source: Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS
2017 (FID); Unterthiner et al., "Towards accurate generative models of video", 2018 (FVD).
Weights: pt_inception-2015-12-05-6726825d.pth of github.com/mseitzer/pytorch-fid; i3d_torchscript.pt of StyleGAN-V.
Missing: with fewer vectors than two per side.
Bias: with few vectors both are too high, the more the fewer there are, and frames of one clip are nearly one frame.
Below some 2048 vectors (FID) the covariance has not even full rank. Compare methods only on the same clips.
Cannot see: which frame belongs to which. A take that shows the right frames at the wrong time scores well.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from .contract import ClipValue, Frame, Metric
from .torch_weights import fitted, read_state

if TYPE_CHECKING:
    import torch

_Reals = npt.NDArray[np.float64]
_Vector = npt.NDArray[np.float32]
_Points = npt.NDArray[np.floating]
PIECE = 16
"""Frames of a piece of video that I3D sees."""


class _Moments:
    """Mean and covariance of vectors that come in parts; it keeps D + D² numbers however many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: _Reals = np.zeros(0)
        self._scatter: _Reals = np.zeros((0, 0))

    def add(self, vectors: npt.NDArray[np.floating]) -> None:
        """Take in vectors (n, D)."""
        part = vectors.astype(np.float64)
        if not len(part):
            return
        mean = part.mean(axis=0)
        centred = part - mean
        if not self.count:
            self._mean, self._scatter = np.zeros_like(mean), np.zeros((len(mean), len(mean)))
        total, step = self.count + len(part), mean - self._mean
        self._scatter += centred.T @ centred + np.outer(step, step) * (self.count * len(part) / total)
        self._mean += step * (len(part) / total)
        self.count = total

    @property
    def mean(self) -> _Reals:
        return self._mean

    @property
    def covariance(self) -> _Reals:
        return self._scatter / (self.count - 1)


def frechet_distance(pairs: Iterable[tuple[_Vector, _Vector]]) -> ClipValue:
    """Return the Fréchet distance of two sets of vectors that come in parts (n, D), real and generated, clip by clip.

    Rows of NaN are left out. `frames` is the number of generated vectors.

    >>> gt = np.array([[0.0], [2.0]], np.float32)
    >>> frechet_distance([(gt, gt + np.float32(3))]).value  # the same spread, 3 apart
    9.0
    """
    real, fake = _Moments(), _Moments()
    for parts in pairs:
        for moments, part in zip((real, fake), parts, strict=True):
            moments.add(part[~np.isnan(part).any(axis=1)])
    if min(real.count, fake.count) < 2:
        return ClipValue.missing(f"{real.count} real and {fake.count} generated vectors; at least 2 each are needed")
    step = real.mean - fake.mean
    spread = np.trace(real.covariance) + np.trace(fake.covariance) - 2 * _root_trace(real.covariance, fake.covariance)
    return ClipValue(max(0.0, float(step @ step + spread)), fake.count)


def _root_trace(one: _Reals, other: _Reals) -> float:
    """Return tr((Σ₁ Σ₂)^½) by the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, which are real also where Σ₁ or Σ₂ is singular."""
    from scipy.linalg import eigh, eigvalsh

    values, vectors = eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = root @ other @ root
    return float(np.sqrt(np.maximum(eigvalsh((product + product.T) / 2), 0)).sum())


class InceptionEmbedder:
    """Turns each frame into Inception's 2048 numbers."""

    def __init__(self, *, weights: str) -> None:
        self._network = load_inception(weights)

    def add(self, frame: Frame, points: _Points) -> _Vector:
        """Return the vector (2048,) of a frame (H, W, 3), whether or not it has a face."""
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255
            return cast(_Vector, self._network(given)[0].flatten().numpy())


class I3dEmbedder:
    """Turns every 16 frames into I3D's 400 numbers, at the last of them; the rows of the others are NaN."""

    def __init__(self, *, weights: str) -> None:
        self._network = load_i3d(weights)
        self._frames: list[Frame] = []

    def add(self, frame: Frame, points: _Points) -> _Vector:
        """Return the vector (400,) of the piece that a frame (H, W, 3) completes."""
        import torch

        if self._frames and self._frames[0].shape != frame.shape:
            self._frames.clear()
        self._frames.append(frame)
        if len(self._frames) < PIECE:
            return np.full(400, np.nan, np.float32)
        piece = torch.from_numpy(np.stack(self._frames)).permute(3, 0, 1, 2)[None].float()
        self._frames.clear()
        with torch.inference_mode():
            return cast(_Vector, self._network(piece, rescale=True, resize=True, return_features=True)[0].numpy())


@lru_cache(maxsize=1)
def load_inception(weights: str) -> Callable[[torch.Tensor], Any]:
    """Load pytorch-fid's weights into piq's Inception. Raises ValueError in words where the file is another."""
    from piq.feature_extractors import fid_inception as blocks
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    network.Mixed_5b = blocks.FIDInceptionA(192, pool_features=32)
    network.Mixed_5c = blocks.FIDInceptionA(256, pool_features=64)
    network.Mixed_5d = blocks.FIDInceptionA(288, pool_features=64)
    network.Mixed_6b = blocks.FIDInceptionC(768, channels_7x7=128)
    network.Mixed_6c = blocks.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6d = blocks.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6e = blocks.FIDInceptionC(768, channels_7x7=192)
    network.Mixed_7b = blocks.FIDInceptionE1(1280)
    network.Mixed_7c = blocks.FIDInceptionE2(2048)
    fitted(network, read_state(weights), "the Inception network of pytorch-fid")

    class Local(blocks.InceptionV3):  # type: ignore[misc]  # piq has no types
        """piq's features; its own loader would download the file."""

        @staticmethod
        def fid_inception_v3() -> torch.nn.Module:
            return cast("torch.nn.Module", network)

    return cast("Callable[[torch.Tensor], Any]", Local().eval())


def _scripted(weights: str) -> Callable[..., torch.Tensor]:
    import torch

    load = cast("Callable[..., torch.nn.Module]", torch.jit.load)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch prefers another form, in which nobody has I3D
        network: Callable[..., torch.Tensor] = load(weights, map_location="cpu").eval()
    return network


@lru_cache(maxsize=1)
def load_i3d(weights: str) -> Callable[..., torch.Tensor]:
    """Load I3D as TorchScript. Raises ValueError in words where the file is another."""
    import torch

    torch.set_num_threads(1)
    try:
        return _scripted(weights)
    except Exception as error:  # torch raises many kinds
        reason = str(error).splitlines()[0][:120]
        raise ValueError(f"cannot be read as TorchScript, as i3d_torchscript.pt is ({reason})") from error


FID = Metric(
    name="FID",
    needs="set",
    embed=InceptionEmbedder,
    per_set=frechet_distance,
    better="lower",
    unit="",
    decimals=1,
    version="1",
    definition="Fréchet distance of all real and all generated frames' Inception features (2048)",
    source="Heusel et al., NeurIPS 2017; network and weights of pytorch-fid",
    perfect=0.0,
    weights="inception",
    load=load_inception,
    libraries=("torch", "torchvision", "piq"),
)

FVD = replace(
    FID,
    name="FVD",
    embed=I3dEmbedder,
    definition="Fréchet distance of all real and all generated pieces of 16 frames in I3D's features (400)",
    source="Unterthiner et al., 2018; network of StyleGAN-V",
    weights="i3d",
    load=load_i3d,
    libraries=("torch",),
)
