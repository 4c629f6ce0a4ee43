"""The losses of both stages, every term by its name and their weighted sum as `total`.

All landmark terms are mean squared errors in units of 128 px. The basis is orthonormal, so for projected truth
L_landmark = K / 136 · L_pca: it only rescales L_pca. What changes the optimum is L_lip. L_ec starts about a thousand
times larger than L_pca but reaches MSEF alone; a gradient norm clipped over all parameters would freeze the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .perceptual import Perceptual
from .profiles import FrameLoss, LandmarkLoss

LIPS = slice(2 * 48, 2 * 68)
"""The 20 mouth points in flattened landmarks x0, y0, x1, y1, …"""


def joint_loss(
    z: Tensor,
    logits: Tensor | None,
    landmarks: Tensor,
    emotion: Tensor,
    *,
    mean: Tensor,
    basis: Tensor,
    loss: LandmarkLoss,
) -> dict[str, Tensor]:
    """Return `pca`, `landmark`, `lip`, `ec` (not without MSEF) and `total`, as scalars.

    Coefficients z (B, T, K), emotion logits (B, T, 8), true landmarks (B, T, 136) = (px − 128) / 128, emotions (B,)
    int64; mean (136,) and basis (136, K) of the PCA. A term whose weight is 0 is measured and left out of the total.
    """
    true_z = (landmarks - mean) @ basis  # (B, T, K)
    predicted = z @ basis.T + mean  # (B, T, 136)
    real = landmarks if loss.target == "raw" else true_z @ basis.T + mean
    terms = {
        "pca": functional.mse_loss(z, true_z),
        "landmark": functional.mse_loss(predicted, real),
        "lip": functional.mse_loss(predicted[..., LIPS], real[..., LIPS]),
    }
    weights = {"pca": 1.0, "landmark": loss.landmark, "lip": loss.lip, "ec": loss.ec}
    if logits is not None:
        terms["ec"] = _emotion_loss(logits, emotion, loss)
    used = [weights[name] * term for name, term in terms.items() if weights[name]]
    return terms | {"total": torch.stack(used).sum()}


def _emotion_loss(logits: Tensor, emotion: Tensor, loss: LandmarkLoss) -> Tensor:
    truth = emotion[:, None].expand(logits.shape[:2])  # (B, T)
    if loss.emotion == "ce":
        return functional.cross_entropy(logits.flatten(0, 1), truth.flatten())
    one_hot = functional.one_hot(truth, logits.shape[2]).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, one_hot)


def frame_loss(generated: Tensor, real: Tensor, perceptual: Perceptual | None, *, loss: FrameLoss) -> dict[str, Tensor]:
    """Return `l1`, `perceptual` (not where there is none) and `total`, for frames (B, 3, S, S) in [-1, 1]."""
    l1 = functional.l1_loss(generated, real)
    if perceptual is None:
        return {"l1": l1, "total": l1}
    layers = perceptual(generated, real)  # (5,)
    distance = layers.mean() if loss.reduce == "mean" else layers.sum()
    return {"l1": l1, "perceptual": distance, "total": l1 + loss.weight * distance}
