"""External attention: its normalisation, what it shares between tokens, and what it costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from talkbench.reference_model.external_attention import ExternalAttention  # noqa: E402

WIDTH, SLOTS = 16, 8


def made(seed=0):
    torch.manual_seed(seed)
    return ExternalAttention(WIDTH, SLOTS).double()


def tokens(seed, batch, count):
    return torch.randn(batch, count, WIDTH, generator=torch.Generator().manual_seed(seed)).double()


SIZES = {"seed": st.integers(0, 2**32), "batch": st.integers(1, 3), "count": st.integers(1, 40)}


@settings(deadline=None, max_examples=50)
@given(**SIZES)
def test_every_token_spreads_one_over_the_slots(seed, batch, count):
    weights = made().attention(tokens(seed, batch, count))
    assert weights.shape == (batch, count, SLOTS)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(dim=2).detach(), 1, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(**SIZES)
def test_against_the_formula_in_numpy(seed, batch, count):
    net = made()
    given_tokens = tokens(seed, batch, count)
    w = {name: value.detach().numpy() for name, value in net.named_parameters()}
    for found, f in zip(net(given_tokens).detach().numpy(), given_tokens.numpy(), strict=True):
        scores = (f @ w["query.weight"].T + w["query.bias"]) @ w["keys"].T
        over_tokens = np.exp(scores) / np.exp(scores).sum(axis=0)  # a column of 1 over the tokens, for each slot
        np.testing.assert_allclose(over_tokens.sum(axis=0), 1)
        y = (over_tokens / over_tokens.sum(axis=1, keepdims=True)) @ w["values"] @ w["out.weight"].T
        centred = y - y.mean(axis=1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * w["norm.weight"] + w["norm.bias"]
        np.testing.assert_allclose(found, np.maximum(f + normed, 0), atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(data=st.data(), **SIZES)
def test_permuted_tokens_give_permuted_outputs(data, seed, batch, count):
    net, given_tokens = made(), tokens(seed, batch, count)
    order = data.draw(st.permutations(range(count)))
    np.testing.assert_allclose(net(given_tokens[:, order]).detach(), net(given_tokens)[:, order].detach(), atol=1e-9)


def test_tokens_of_a_sample_depend_on_each_other_and_samples_do_not():
    net, before = made(), tokens(0, 2, 5)
    after = before.clone()
    after[0, 0] += 1
    changed = (net(after) - net(before)).abs().amax(dim=2) > 1e-6
    assert changed.tolist() == [[True] * 5, [False] * 5]


def operations(count, width=128):
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        ExternalAttention(width)(torch.empty(1, count, width))
    return counter.get_total_flops()


def test_cost_is_linear_in_tokens():
    # Two projections (d × d) and two memories (d × S), two operations for each product and sum.
    assert operations(1) == 2 * (2 * 128 * 128 + 2 * 64 * 128)
    for count in (2, 28, 1000):
        assert operations(count) == count * operations(1)


def test_memories_are_two():
    net = made()
    assert net.keys.untyped_storage().data_ptr() != net.values.untyped_storage().data_ptr()
    before = net.values.clone()
    with torch.no_grad():
        net.keys.zero_()
    assert torch.equal(net.values, before)
    net(tokens(0, 1, 4)).sum().backward()
    assert net.values.grad.abs().sum() > 0
