"""Both stages' losses against numpy and against what algebra says of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

torch = pytest.importorskip("torch")
from talkbench.reference_model.losses import frame_loss, joint_loss  # noqa: E402
from talkbench.reference_model.perceptual import load_perceptual  # noqa: E402
from talkbench.reference_model.profiles import FrameLoss, LandmarkLoss  # noqa: E402

SEEDS = st.integers(0, 2**32)
COMPONENTS = st.sampled_from([6, 16, 20, 32])


def example(seed, components, clips=2, frames=3):
    rng = np.random.default_rng(seed)
    return {
        "z": rng.normal(size=(clips, frames, components)),
        "logits": rng.normal(size=(clips, frames, 8)) * 3,
        "landmarks": rng.normal(size=(clips, frames, 136)),
        "emotion": rng.integers(0, 8, clips),
        "mean": rng.normal(size=136),
        "basis": np.linalg.qr(rng.normal(size=(136, components)))[0],
    }


def terms(values, loss, *, msef=True):
    tensors = {name: torch.from_numpy(value) for name, value in values.items()}
    if not msef:
        tensors["logits"] = None
    return {name: term.item() for name, term in joint_loss(**tensors, loss=loss).items()}


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, components=COMPONENTS)
def test_landmark_loss_of_projected_truth_is_a_share_of_the_pca_loss(seed, components):
    """The basis is orthonormal, so lengths in it are lengths: L_landmark = K / 136 · L_pca."""
    found = terms(example(seed, components), LandmarkLoss(target="projected"))
    assert found["landmark"] == pytest.approx(components / 136 * found["pca"], rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, components=COMPONENTS)
def test_landmark_loss_of_raw_truth_adds_what_the_basis_cannot_say(seed, components):
    values = example(seed, components)
    found = terms(values, LandmarkLoss())
    basis, centred = values["basis"], values["landmarks"] - values["mean"]
    beyond = ((centred - centred @ basis @ basis.T) ** 2).mean()
    assert found["landmark"] == pytest.approx(components / 136 * found["pca"] + beyond, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, components=COMPONENTS, target=st.sampled_from(["raw", "projected"]))
def test_terms_against_numpy(seed, components, target):
    values = example(seed, components)
    found = terms(values, LandmarkLoss(landmark=3, lip=5, ec=7, target=target))
    basis, mean = values["basis"], values["mean"]
    truth = (values["landmarks"] - mean) @ basis
    restored = (values["z"] @ basis.T + mean).reshape(2, 3, 68, 2)
    real = values["landmarks"] if target == "raw" else truth @ basis.T + mean
    real = real.reshape(2, 3, 68, 2)
    y, p = np.eye(8)[values["emotion"]][:, None], expit(values["logits"])
    expected = {
        "pca": ((values["z"] - truth) ** 2).mean(),
        "landmark": ((restored - real) ** 2).mean(),
        "lip": ((restored - real)[:, :, 48:68] ** 2).mean(),
        "ec": -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
    }
    weighted = expected["pca"] + 3 * expected["landmark"] + 5 * expected["lip"] + 7 * expected["ec"]
    assert found == pytest.approx(expected | {"total": weighted}, rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_softmax_cross_entropy(seed):
    values = example(seed, 16)
    chosen = [log_softmax(values["logits"], axis=2)[clip, :, emotion] for clip, emotion in enumerate(values["emotion"])]
    found = terms(values, LandmarkLoss(emotion="ce"))
    assert found["ec"] == pytest.approx(-np.mean(chosen), rel=1e-9)


def test_emotion_loss_starts_at_the_logarithm_of_two():
    values = example(0, 16)
    values["logits"] = np.zeros((2, 3, 8))
    assert terms(values, LandmarkLoss())["ec"] == pytest.approx(np.log(2))


def test_a_perfect_prediction_costs_nothing():
    values = example(0, 16)
    values["landmarks"] = values["z"] @ values["basis"].T + values["mean"]
    found = terms(values, LandmarkLoss(), msef=False)
    assert found.keys() == {"pca", "landmark", "lip", "total"}
    assert max(found.values()) < 1e-25


def test_a_weight_of_zero_measures_a_term_and_leaves_it_out():
    values = example(0, 16)
    full, pca_only = terms(values, LandmarkLoss()), terms(values, LandmarkLoss(landmark=0, lip=0, ec=0))
    assert pca_only["total"] == pca_only["pca"]
    assert {name: pca_only[name] for name in ("pca", "landmark", "lip", "ec")} == {
        name: full[name] for name in ("pca", "landmark", "lip", "ec")
    }


def test_the_joint_loss_only_moves_the_optimum_by_the_lips():
    """Landmark and PCA losses share their minimum; where the lips' share differs, they pull elsewhere."""
    tensors = {name: torch.from_numpy(value) for name, value in example(0, 16).items()}
    tensors["z"] = ((tensors["landmarks"] - tensors["mean"]) @ tensors["basis"]).requires_grad_()  # least L_pca
    gradient = {}
    for lip in (0.0, 10.0):
        tensors["z"].grad = None
        joint_loss(**tensors, loss=LandmarkLoss(lip=lip))["total"].backward()
        gradient[lip] = tensors["z"].grad.abs().max().item()
    assert gradient[0.0] < 1e-12
    assert gradient[10.0] > 1e-3


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_frame_loss(reduce):
    torch.manual_seed(0)
    net = load_perceptual("random")
    generated, real = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    loss = FrameLoss(perceptual="random", weight=0.5, reduce=reduce)
    found = frame_loss(generated, real, net, loss=loss)
    layers = net(generated, real)
    assert found["l1"].item() == pytest.approx((generated - real).abs().mean().item())
    assert found["perceptual"].item() == pytest.approx(getattr(layers, reduce)().item())
    assert found["total"].item() == pytest.approx(found["l1"].item() + 0.5 * found["perceptual"].item())
    alone = frame_loss(generated, real, None, loss=replace(loss, perceptual="none"))
    assert alone.keys() == {"l1", "total"}
    assert alone["total"] == alone["l1"] == found["l1"]
