"""Stage 2: CBAM's order and refusals, the U-net's shapes and cost, images to tensors and back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from talkbench.bench.errors import TalkbenchError  # noqa: E402
from talkbench.reference_model.cbam import Cbam  # noqa: E402
from talkbench.reference_model.profiles import PROFILES, FrameNet  # noqa: E402
from talkbench.reference_model.translator import Translator, to_images, to_tensor  # noqa: E402

SMALL = PROFILES["ci"].frames.net


def gates(net):
    """Return CBAM's two gates, written a second time from the paper's formulas."""
    first, second = net.channel[0], net.channel[2]

    def mlp(vector):
        return functional.linear(
            functional.linear(vector, first.weight, first.bias).clamp(min=0), second.weight, second.bias
        )

    def channel(x):
        flat = x.flatten(2)
        return torch.sigmoid(mlp(flat.mean(2)) + mlp(flat.max(2).values))[..., None, None]

    def space(x):
        pooled = torch.stack([x.max(1).values, x.mean(1)], dim=1)
        norm = net.space[1]
        y = functional.conv2d(pooled, net.space[0].weight, padding=3)
        return torch.sigmoid((y - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias)

    return channel, space


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), channels=st.integers(4, 20), height=st.integers(1, 9), width=st.integers(1, 9))
def test_channel_first_then_space(seed, channels, height, width):
    torch.manual_seed(seed)
    net = Cbam(channels, reduction=4).double().eval()
    net.space[0].weight.data *= 5
    x = torch.randn(2, channels, height, width).double()
    channel, space = gates(net)
    with torch.no_grad():
        after_channel = x * channel(x)
        expected = after_channel * space(after_channel)
        torch.testing.assert_close(net(x), expected)


def test_the_other_order_is_another_function():
    torch.manual_seed(0)
    net = Cbam(16).double().eval()
    x = torch.randn(2, 16, 8, 8).double()
    channel, space = gates(net)
    with torch.no_grad():
        swapped = x * space(x)
        swapped = swapped * channel(swapped)
        assert (net(x) - swapped).abs().max() > 1e-3


def test_cbam_refuses_too_few_channels():
    with pytest.raises(TalkbenchError, match=r"CBAM on 15 channels: expected at least as many as the reduction, 16"):
        Cbam(15)
    Cbam(16)
    with pytest.raises(TalkbenchError, match="CBAM on 8 channels"):
        Translator(FrameNet(ngf=8))


def attended(net):
    """Return the numbers of the encoder's and the decoder's levels that end in CBAM, from 1."""
    with torch.device("meta"):
        translator = Translator(net)
    sides = (translator.encoder, translator.decoder)
    return [[n for n, level in enumerate(side, 1) if isinstance(level[-1], Cbam)] for side in sides]


def test_where_cbam_is():
    assert attended(FrameNet()) == [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert attended(FrameNet(cbam_decoder="shallow")) == [[1, 2, 3, 4], [2, 3, 4, 5]]
    assert attended(FrameNet(cbam=False)) == [[], []]


def test_skips_carry_attended_features():
    """E1's output, after its CBAM, is what the last level of the decoder gets beside D5's."""
    torch.manual_seed(0)
    net = Translator(SMALL).eval()
    seen = {}
    net.encoder[0][-1].register_forward_hook(lambda module, given, made: seen.update(attended=made))
    net.out.register_forward_pre_hook(lambda module, given: seen.update(last=given[0]))
    with torch.inference_mode():
        net(torch.randn(1, 3, 64, 64), torch.randn(1, 3, 64, 64))
    assert torch.equal(seen["last"][:, SMALL.ngf :], seen["attended"])


def test_levels_of_the_full_size():
    with torch.device("meta"):
        net = Translator(FrameNet())
        shapes = []
        for level in [*net.encoder, *net.decoder]:
            level.register_forward_hook(lambda module, given, made: shapes.append(tuple(made.shape[1:])))
        out = net(torch.empty(2, 3, 256, 256), torch.empty(2, 3, 256, 256))
    encoder = [(64, 128, 128), (128, 64, 64), (256, 32, 32), (512, 16, 16), (512, 8, 8), (512, 4, 4)]
    decoder = [(512, 8, 8), (512, 16, 16), (256, 32, 32), (128, 64, 64), (64, 128, 128)]
    assert shapes == encoder + decoder
    assert out.shape == (2, 3, 256, 256)


@pytest.mark.parametrize(("ngf", "gflop"), [(64, 61.3), (32, 15.5), (16, 3.9)])
def test_cost_of_a_frame(ngf, gflop):
    """The design's estimate, made by hand from the layers: 2 operations for each product and sum."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        image = torch.empty(1, 3, 256, 256)
        Translator(FrameNet(ngf=ngf)).eval()(image, image)
    assert counter.get_total_flops() / 1e9 == pytest.approx(gflop, abs=0.1)


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("cbam", [True, False])
def test_frames_are_in_range_and_trainable(norm, cbam):
    torch.manual_seed(0)
    net = Translator(replace(SMALL, norm=norm, cbam=cbam))
    frames = net(torch.randn(2, 3, 64, 64), torch.randn(2, 3, 64, 64))
    assert frames.shape == (2, 3, 64, 64)
    assert frames.abs().max() <= 1
    frames.sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_group_norm_trains_on_a_single_frame():
    """CBAM's own batch normalisation sees at least 2 × 2 places even then."""
    net = Translator(replace(SMALL, norm="group"))
    net(torch.randn(1, 3, 64, 64), torch.randn(1, 3, 64, 64)).sum().backward()
    with pytest.raises(ValueError, match="more than 1 value"):
        Translator(SMALL)(torch.randn(1, 3, 64, 64), torch.randn(1, 3, 64, 64))


@pytest.mark.parametrize("size", [0, 32, 100, 250])
def test_a_size_that_cannot_be_halved_six_times_is_refused(size):
    with pytest.raises(TalkbenchError, match=rf"Frames of {size} px: expected a multiple of 64"):
        Translator(replace(SMALL, size=size))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 20))
def test_images_survive_the_way_there_and_back(seed, size):
    images = np.random.default_rng(seed).integers(0, 256, (2, size, size, 3), np.uint8)
    tensor = to_tensor(images)
    assert tensor.shape == (2, 3, size, size)
    assert tensor.abs().max() <= 1
    np.testing.assert_array_equal(to_images(tensor), images)


def test_white_is_one_and_black_minus_one():
    images = np.zeros((1, 1, 2, 3), np.uint8)
    images[0, 0, 1] = 255
    assert to_tensor(images)[0, :, 0].tolist() == [[-1, 1]] * 3
