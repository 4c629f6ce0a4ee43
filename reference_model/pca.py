"""The linear face model of one speaker: a mean face and K directions, found on the training split.

Landmarks in px of the 256 px canvas become l = (p − 128) / 128, flattened as x₀, y₀, x₁, y₁, …. The mean is that of all
training frames, the basis U the first K right singular vectors of l − mean; z = (l − mean) U and l̂ = z Uᵀ + mean. The
columns of U are orthonormal and z is not whitened. What K directions cannot say is lost to every model that predicts
z: `oracle_lmd` measures it, and no F-LMD or M-LMD of such a model's landmarks can be expected below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

MOUTH = slice(48, 68)
_HALF = 128.0


def normalised(landmarks: Floats) -> npt.NDArray[np.float64]:
    """Return landmarks (…, 68, 2) in px of the canvas as (…, 136) between −1 and 1."""
    return (landmarks.astype(np.float64).reshape(*landmarks.shape[:-2], 136) - _HALF) / _HALF


def in_pixels(flat: Floats) -> npt.NDArray[np.float64]:
    """Return normalised landmarks (…, 136) as (…, 68, 2) px of the canvas."""
    return flat.astype(np.float64).reshape(*flat.shape[:-1], 68, 2) * _HALF + _HALF


@dataclass(frozen=True)
class LandmarkPca:
    """A mean face `mean` (136,) and orthonormal directions `basis` (136, K), normalised, both float32.

    `explained` (K,) is each direction's share of the training frames' variance.
    """

    mean: npt.NDArray[np.float32]
    basis: npt.NDArray[np.float32]
    explained: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, landmarks: Floats, components: int) -> LandmarkPca:
        """Find the model of landmarks (N, 68, 2) px. Raises ValueError for fewer frames than components + 1."""
        if landmarks.ndim != 3 or landmarks.shape[1:] != (68, 2) or len(landmarks) <= components:
            raise ValueError(f"landmarks: expected (N, 68, 2) with N > {components}, got {landmarks.shape}")
        flat = normalised(landmarks)
        mean = flat.mean(axis=0)
        _, singular, directions = np.linalg.svd(flat - mean, full_matrices=False)
        basis = directions[:components].T
        largest = np.abs(basis).argmax(axis=0)  # a direction's sign is anybody's choice, and must always be the same
        basis = basis * np.sign(basis[largest, np.arange(components)])
        variance = singular**2
        explained = variance[:components] / max(variance.sum(), np.finfo(np.float64).tiny)
        return cls(mean.astype(np.float32), basis.astype(np.float32), explained)

    @property
    def components(self) -> int:
        """Return K."""
        return int(self.basis.shape[1])

    def project(self, landmarks: Floats) -> npt.NDArray[np.float32]:
        """Return the coefficients (…, K) of landmarks (…, 68, 2) px."""
        return ((normalised(landmarks) - self.mean) @ self.basis).astype(np.float32)

    def restore(self, coefficients: Floats) -> npt.NDArray[np.float32]:
        """Return landmarks (…, 68, 2) px from coefficients (…, K)."""
        return in_pixels(coefficients @ self.basis.T.astype(np.float64) + self.mean).astype(np.float32)

    def oracle_lmd(self, landmarks: Floats) -> dict[str, float]:
        """Return the F-LMD and M-LMD, px, of landmarks (T, 68, 2) against their own projection: the floor."""
        restored = self.restore(self.project(landmarks))
        return {
            "F-LMD": float(_distance(landmarks, restored).mean()),
            "M-LMD": float(_distance(landmarks[:, MOUTH], restored[:, MOUTH]).mean()),
        }

    def save(self, file: Path, **beside: Floats) -> None:
        """Write the model as a .npz file, and other arrays with it."""
        arrays: dict[str, Any] = {name: array.astype(np.float32) for name, array in beside.items()}
        with file.open("wb") as handle:
            np.savez(handle, mean=self.mean, basis=self.basis, explained=self.explained, **arrays)

    @classmethod
    def load(cls, file: Path) -> LandmarkPca:
        """Read a model that `save` wrote."""
        with np.load(file, allow_pickle=False) as kept:
            return cls(kept["mean"], kept["basis"], kept["explained"])


def _distance(one: Floats, other: Floats) -> npt.NDArray[np.float64]:
    """Return the mean Euclidean distance per frame, each side centred on its own mean, as talkbench-1 measures it."""
    apart = (one - one.mean(axis=1, keepdims=True)).astype(np.float64) - (other - other.mean(axis=1, keepdims=True))
    return np.asarray(np.hypot(apart[..., 0], apart[..., 1]).mean(axis=1), dtype=np.float64)
