"""Pixels in batches on a device: the numbers of the processor, and a clear word where there is no device."""

import clips
import command
import numpy as np
import pytest

from talkbench.bench.pixels import Pixels, Seen
from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.signature import ingredients, signature

NO_FACE = np.full((68, 2), np.nan, np.float32)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_batches_give_the_numbers_of_single_frames(name):
    torch = pytest.importorskip("torch")
    metrics = [metric for metric in PROTOCOLS[name].measured if metric.needs == "frames"]
    real = clips.moving(35, size=64)  # a full batch and a rest
    fake = clips.noisy(real, 9)
    # A torch.device is not the word "cpu", so this one goes the way of a GPU.
    one_by_one, batched = Pixels(metrics, 36), Pixels(metrics, 36, device=torch.device("cpu"))
    for index, pair in enumerate(zip(real, fake, strict=True)):
        for pixels in (one_by_one, batched):
            pixels.add(index, Seen(*pair, NO_FACE, NO_FACE))
    expected, found = one_by_one.finish().values, batched.finish().values
    assert found.keys() == expected.keys()
    for metric, values in expected.items():
        np.testing.assert_allclose(found[metric], values, rtol=1e-9)
        assert np.isnan(values).tolist() == [False] * 35 + [True]


def test_a_change_of_size_starts_a_new_batch():
    torch = pytest.importorskip("torch")
    metrics = [metric for metric in PROTOCOLS["talkbench-1"].measured if metric.needs == "frames"]
    pixels = Pixels(metrics, 2, device=torch.device("cpu"))
    for index, size in enumerate((32, 48)):
        (frame,) = clips.moving(1, size=size)
        pixels.add(index, Seen(frame, frame, NO_FACE, NO_FACE))
    assert pixels.finish().values["SSIM"].tolist() == [1, 1]


def test_the_signature_names_a_device_that_is_not_the_processor():
    pytest.importorskip("torch")
    protocol = PROTOCOLS["talkbench-1"]
    assert signature(protocol, device="cpu") == signature(protocol)
    assert "|device:cuda|" in signature(protocol, device="cuda")
    assert ingredients(protocol, device="cuda")["device"] == "cuda"
    assert "device" not in ingredients(protocol)


@pytest.mark.parametrize(("device", "word"), [("gpu", "expected cpu or cuda"), ("cuda", "leave --device out")])
def test_a_device_that_is_not_there_is_said_in_one_line(tmp_path, device, word):
    if device == "cuda" and _has_cuda():
        pytest.skip("this machine has a CUDA device")
    clips.write(tmp_path / "real.mp4", clips.moving(2))
    files = "--gt", tmp_path / "real.mp4", "--gen", f"m={tmp_path / 'real.mp4'}"
    outcome = command.talkbench("score", *files, "-o", tmp_path / "run", "--device", device)
    assert outcome.code == 2
    assert word in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def _has_cuda():
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()
