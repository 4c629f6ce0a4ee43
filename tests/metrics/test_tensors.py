"""The metrics on torch tensors against the same metrics on arrays, and SSIM against piq as an independent third."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from talkbench.bench.protocol import PROTOCOLS
from talkbench.metrics import f_lmd, lvd, m_lmd, psnr, ssim

torch = pytest.importorskip("torch")
from talkbench.metrics import tensors  # noqa: E402 - after the skip

TOLERANCE = 1e-9


def batch(frames):
    return torch.from_numpy(np.stack(frames))


def photograph(side, noise, seed=0):
    gt = np.ascontiguousarray(astronaut()[:side, :side])
    return gt, np.clip(gt + np.random.default_rng(seed).normal(0, noise, gt.shape), 0, 255).astype(np.uint8)


KINDS = {
    "noise": lambda rng, shape: rng.integers(0, 256, shape, np.uint8),
    "extremes": lambda rng, shape: (255 * rng.integers(0, 2, shape)).astype(np.uint8),
    "flat": lambda rng, shape: np.full(shape, rng.integers(0, 256), np.uint8),
    "bright": lambda rng, shape: rng.integers(253, 256, shape, np.uint8),
    "dark": lambda rng, shape: rng.integers(0, 3, shape, np.uint8),
}


@st.composite
def frame_pairs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (draw(st.integers(11, 40)), draw(st.integers(11, 40)), *draw(st.sampled_from([(), (3,)])))
    gt = KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, shape)
    if draw(st.booleans()):
        return gt, KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, shape)
    return gt, np.clip(gt + rng.normal(0, draw(st.floats(0.1, 60)), shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("window", ["gaussian-11", "uniform-7"])
@settings(deadline=None, max_examples=50)
@given(pair=frame_pairs())
def test_pixel_metrics_equal_those_on_arrays(window, pair):
    gt, gen = (batch([side]) for side in pair)
    assert tensors.ssim(gt, gen, window=window).item() == pytest.approx(ssim.ssim(*pair, window=window), abs=TOLERANCE)
    assert tensors.ssim(gt, gt, window=window).item() == 1.0
    for arithmetic in ("exact", "uint8-wrap"):
        assert tensors.mse(gt, gen, arithmetic=arithmetic).item() == psnr.mse(*pair, arithmetic=arithmetic)


@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("options", [{}, {"window": "uniform-7"}, {"downsample": True}])
def test_ssim_of_photographs(side, options):
    pairs = [photograph(side, noise, seed) for seed, noise in enumerate((0.5, 4, 12, 40))]
    values = tensors.ssim(*(batch(frames) for frames in zip(*pairs, strict=True)), **options)
    assert values.tolist() == pytest.approx([ssim.ssim(*pair, **options) for pair in pairs], abs=TOLERANCE)


@pytest.mark.parametrize("downsample", [False, True])
def test_ssim_equals_piq(downsample):
    piq = pytest.importorskip("piq")
    pair = photograph(512, 15)
    doubles = [batch([side]).permute(0, 3, 1, 2).double() / 255 for side in pair]
    theirs = piq.ssim(*doubles, kernel_size=11, kernel_sigma=1.5, data_range=1.0, downsample=downsample).item()
    assert tensors.ssim(*(batch([side]) for side in pair), downsample=downsample).item() == pytest.approx(
        theirs, abs=TOLERANCE
    )


def tracks(seed, frames=40):
    """Return two tracks around the middle of a frame, some frames of each without a face."""
    rng = np.random.default_rng(seed)
    gt = (rng.uniform(40, 215, (1, 68, 2)) + rng.normal(0, 2, (frames, 68, 2))).astype(np.float32)
    gen = (gt + rng.normal(0, 3, gt.shape)).astype(np.float32)
    gt[rng.integers(0, frames, 3)] = np.nan
    gen[rng.integers(0, frames, 3)] = np.nan
    return gt, gen


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("centre", ["none", "centroid"])
@pytest.mark.parametrize("reduce", ["mean", "sum-over-68", "mean-abs"])
@pytest.mark.parametrize("scale", ["px", "iod-percent"])
@pytest.mark.parametrize("name", ["face_landmark_distance", "mouth_landmark_distance"])
def test_landmark_distances_equal_those_on_arrays(seed, centre, reduce, scale, name):
    gt, gen = tracks(seed)
    gt[5, 45] = gt[5, 36]  # no distance between the eyes, no scale
    options = {"centre": centre, "reduce": reduce, "scale": scale}
    expected = getattr(f_lmd if name.startswith("face") else m_lmd, name)(gt, gen, **options)
    values = getattr(tensors, name)(torch.from_numpy(gt), torch.from_numpy(gen), **options).numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-9)


@pytest.mark.parametrize("points", ["mouth", "face", "mouth-over-68"])
def test_velocity_differences_equal_those_on_arrays(points):
    gt, gen = tracks(7)
    expected = lvd.landmark_velocity_difference(gt, gen, points=points)
    values = tensors.landmark_velocity_difference(torch.from_numpy(gt), torch.from_numpy(gen), points=points).numpy()
    np.testing.assert_allclose(values, expected, atol=TOLERANCE)


def test_no_face_no_motion():
    gt = np.full((3, 68, 2), np.nan, np.float32)
    assert torch.isnan(tensors.landmark_velocity_difference(torch.from_numpy(gt), torch.from_numpy(gt))).all()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_metric_of_every_protocol_is_there(name):
    for metric in PROTOCOLS[name].measured:
        assert metric.per_frame.func in tensors.ON_TENSORS, metric.name
