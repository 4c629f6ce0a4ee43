"""Every setting of the reference model: what the networks are, how they are trained, and the rows of the ablation.

A profile is a size (`paper`, `gpu`, `cpu`, `ci`), a row is a line of Table 1. Networks are shared between rows: three
networks of stage 1 (audio to landmarks) and two of stage 2 (landmarks to frames) make all five.

[P] is stated in Wang et al. (Interspeech 2023), [I] is inferred from the works that it builds on, [D] is our decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from ..bench.errors import TalkbenchError

LandmarkNetName = Literal["pca-only", "joint", "full"]
FrameNetName = Literal["plain", "cbam"]
Trunk = Literal["conv", "lite"]


@dataclass(frozen=True, kw_only=True)
class LandmarkNet:
    """What the weights of stage 1 depend on."""

    components: int = 16
    """Principal components of the landmarks, K [I: EVP]."""
    audio_encoder: Literal["mlp", "conv"] = "mlp"
    """`mlp` is the paper's words [P]; `conv` is the encoder of ATVG and EVP."""
    msef: Trunk | None = "conv"
    """The emotion extractor: `conv` is EVP's trunk with external attention inside, `lite` a small one; None is none."""
    ea_scope: Literal["window", "clip"] = "window"
    """External attention sees the tokens of one window, or of the whole clip (an experiment) [D]."""
    emo_to_lstm: Literal["features", "logits"] = "features"
    """What of the emotion enters the LSTM: the 128 features, or the 8 logits [I]."""
    residual: bool = False
    """Predict the difference from the reference's coefficients (EVP) instead of the coefficients (ATVG)."""


@dataclass(frozen=True, kw_only=True)
class LandmarkLoss:
    """L_pca + landmark · L_landmark + lip · L_lip + ec · L_ec; the paper sets all three to 10 [P]."""

    landmark: float = 10.0
    lip: float = 10.0
    ec: float = 10.0
    emotion: Literal["bce", "ce"] = "bce"
    """L_ec: eight binary cross-entropies [P, Eq. 2], or softmax cross-entropy (EVP)."""
    target: Literal["raw", "projected"] = "raw"
    """The true landmarks as they are, or as their K components restore them (EVP)."""


@dataclass(frozen=True, kw_only=True)
class FrameNet:
    """What the weights of stage 2 depend on."""

    size: int = 256
    """Side of the frames in pixels; a multiple of 64, for six halvings."""
    ngf: int = 64
    """Channels of the first level [I: MakeItTalk]."""
    cbam: bool = True
    """With attention this is AATU, without it MakeItTalk's generator."""
    cbam_decoder: Literal["first4", "shallow"] = "first4"
    """"The initial four layers" of the decoder: the first four in forward order, or the four next to the last."""
    reduction: int = 16
    """Channels for each hidden unit of a channel gate [I: CBAM]."""
    norm: Literal["batch", "group"] = "batch"
    """Batch normalisation [I], or groups of channels, for batches of one or two frames [D]."""


@dataclass(frozen=True, kw_only=True)
class FrameLoss:
    """L1 + weight · L_per; the paper names no weight."""

    perceptual: Literal["vgg19", "random", "none"] = "vgg19"
    weight: float = 1.0
    reduce: Literal["mean", "sum"] = "mean"
    """Over VGG's five layers: their mean [P, Eq. 6], or their sum (MakeItTalk)."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Adam with exponential decay per epoch. Learning rate and decay are stated [P], γ and the epochs are not [D]."""

    epochs: int
    batch: int
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)
    gamma: float = 0.98


@dataclass(frozen=True, kw_only=True)
class LandmarkSettings:
    """Stage 1: audio to landmarks."""

    net: LandmarkNet
    loss: LandmarkLoss = LandmarkLoss()
    schedule: Schedule
    frames: int = 16
    """Frames of a training segment [I: ATVG, EVP]."""
    reference: Literal["same-emotion", "atvg"] = "same-emotion"
    """The reference: a frame of this clip or of another in that emotion [P], or one just before (ATVG)."""


@dataclass(frozen=True, kw_only=True)
class FrameSettings:
    """Stage 2: landmarks to frames. It trains on true landmarks, so that one network serves every stage 1."""

    net: FrameNet
    loss: FrameLoss
    schedule: Schedule
    stride: int = 1
    """Every so many frames of a clip one is trained on: neighbours are nearly alike [D]."""
    projected_rasters: float = 0.0
    """Share of training frames drawn from PCA-projected landmarks, which are what inference draws [D]."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One size of both stages, as the row `ours` has them."""

    landmarks: LandmarkSettings
    frames: FrameSettings


PROFILES: Final = {
    "paper": Profile(
        landmarks=LandmarkSettings(net=LandmarkNet(), schedule=Schedule(epochs=100, batch=16)),
        frames=FrameSettings(net=FrameNet(), loss=FrameLoss(), schedule=Schedule(epochs=150, batch=8)),
    ),
    "gpu": Profile(
        landmarks=LandmarkSettings(net=LandmarkNet(), schedule=Schedule(epochs=100, batch=16)),
        frames=FrameSettings(net=FrameNet(), loss=FrameLoss(), schedule=Schedule(epochs=15, batch=16)),
    ),
    "cpu": Profile(
        landmarks=LandmarkSettings(
            net=LandmarkNet(msef="lite"), schedule=Schedule(epochs=40, batch=16, learning_rate=1e-3, gamma=0.95)
        ),
        frames=FrameSettings(
            net=FrameNet(size=128, ngf=16),
            loss=FrameLoss(perceptual="none"),
            schedule=Schedule(epochs=3, batch=4, learning_rate=1e-3, gamma=0.3),
            stride=2,
        ),
    ),
    "ci": Profile(
        landmarks=LandmarkSettings(
            net=LandmarkNet(msef="lite"), schedule=Schedule(epochs=2, batch=4, learning_rate=1e-3)
        ),
        frames=FrameSettings(
            net=FrameNet(size=64, ngf=8, reduction=4),
            loss=FrameLoss(perceptual="none"),
            schedule=Schedule(epochs=1, batch=4, learning_rate=2e-3),
        ),
    ),
}


@dataclass(frozen=True)
class Row:
    """A row of Table 1: its two networks."""

    title: str
    landmarks: LandmarkNetName
    frames: FrameNetName


ROWS: Final = {
    "baseline": Row("Baseline", "pca-only", "plain"),
    "baseline+joint": Row("Baseline + joint loss", "joint", "plain"),
    "no-msef": Row("Ours w/o MSEF", "joint", "cbam"),
    "no-aatu": Row("Ours w/o AATU", "full", "plain"),
    "ours": Row("Ours", "full", "cbam"),
}
"""In the order of the paper's table; `baseline+joint` is ours, to tell the joint loss from MSEF."""


def find_profile(name: str) -> Profile:
    """Return a profile by its name, or raise TalkbenchError."""
    if name not in PROFILES:
        raise TalkbenchError(f"--profile {name}: expected one of {', '.join(PROFILES)}.")
    return PROFILES[name]


def find_row(name: str) -> Row:
    """Return a row by its name, or raise TalkbenchError."""
    if name not in ROWS:
        raise TalkbenchError(f"--row {name}: expected one of {', '.join(ROWS)}.")
    return ROWS[name]


def landmark_settings(profile: Profile, name: LandmarkNetName) -> LandmarkSettings:
    """Return stage 1 of a profile as one of its three networks: `full`, `joint` (no MSEF), `pca-only` (L_pca alone)."""
    full = profile.landmarks
    if name == "full":
        return full
    loss = replace(full.loss, ec=0.0) if name == "joint" else replace(full.loss, landmark=0.0, lip=0.0, ec=0.0)
    return replace(full, net=replace(full.net, msef=None), loss=loss)


def frame_settings(profile: Profile, name: FrameNetName) -> FrameSettings:
    """Return stage 2 of a profile as one of its two networks: `cbam` (AATU) or `plain`."""
    return replace(profile.frames, net=replace(profile.frames.net, cbam=name == "cbam"))
