"""The metrics on torch tensors against the same metrics on arrays, and SSIM against piq as an independent third."""

import made_frames
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from talkbench.bench.protocol import PROTOCOLS
from talkbench.metrics import ssim

torch = pytest.importorskip("torch")
from talkbench.metrics import tensors  # noqa: E402 - after the skip

TOLERANCE = 1e-9


def batch(frames):
    return torch.from_numpy(np.stack(frames))


def photograph(side, noise, seed=0):
    gt = np.ascontiguousarray(astronaut()[:side, :side])
    return gt, np.clip(gt + np.random.default_rng(seed).normal(0, noise, gt.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("window", ["gaussian-11", "uniform-7"])
@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_same_is_exactly_one(window, seed):
    frame, _ = made_frames.pair(np.random.default_rng(seed))
    assert tensors.ssim(batch([frame]), batch([frame]), window=window).item() == 1.0


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


def test_no_face_no_motion():
    gt = np.full((3, 68, 2), np.nan, np.float32)
    assert torch.isnan(tensors.landmark_velocity_difference(torch.from_numpy(gt), torch.from_numpy(gt))).all()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_metric_of_every_protocol_is_there(name):
    for metric in PROTOCOLS[name].measured:
        assert metric.per_frame.func in tensors.ON_TENSORS, metric.name
