"""Stage 1: shapes, every option, and a clip in pieces."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from talkbench.reference_model.audio2landmarks import Audio2Landmarks, audio_convolutions  # noqa: E402
from talkbench.reference_model.msef import Msef  # noqa: E402
from talkbench.reference_model.profiles import LandmarkNet  # noqa: E402

LITE = LandmarkNet(msef="lite")


def made(net, seed=0):
    torch.manual_seed(seed)
    return Audio2Landmarks(net).eval()


def speech(clips, frames, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(clips, frames, 28, 12, generator=generator), torch.randn(clips, 16, generator=generator)


@pytest.mark.parametrize(
    "net",
    [
        LITE,
        LandmarkNet(),
        LandmarkNet(msef=None),
        LandmarkNet(msef="conv", ea_scope="clip"),
        replace(LITE, ea_scope="clip"),
        replace(LITE, emo_to_lstm="logits"),
        replace(LITE, audio_encoder="conv"),
        replace(LITE, components=6),
        replace(LITE, residual=True),
    ],
    ids=str,
)
def test_shapes(net):
    with torch.device("meta"):
        z, logits, (h, c) = Audio2Landmarks(net)(torch.empty(2, 5, 28, 12), torch.empty(2, net.components))
    assert z.shape == (2, 5, net.components)
    assert (logits is None) == (net.msef is None)
    assert logits is None or logits.shape == (2, 5, 8)
    assert h.shape == c.shape == (3, 2, 256)


NETS = {
    "lite": LITE,
    "logits": replace(LITE, emo_to_lstm="logits"),
    "residual": replace(LITE, residual=True),
    "none": LandmarkNet(msef=None),
}


@pytest.mark.parametrize("name", NETS)
@settings(deadline=None, max_examples=15)
@given(data=st.data(), frames=st.integers(1, 40))
def test_pieces_give_the_whole(name, data, frames):
    net = made(NETS[name])
    cuts = sorted(data.draw(st.sets(st.integers(1, frames), max_size=5)) | {0, frames})
    windows, reference = speech(2, frames)
    with torch.inference_mode():
        whole, logits, end = net(windows, reference)
        state, pieces = None, []
        for start, stop in pairwise(cuts):
            z, emotion, state = net(windows[:, start:stop], reference, state)
            pieces.append((z, emotion))
    torch.testing.assert_close(torch.cat([z for z, _ in pieces], dim=1), whole, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(state, end, atol=1e-6, rtol=1e-5)
    if logits is not None:
        torch.testing.assert_close(torch.cat([e for _, e in pieces], dim=1), logits, atol=1e-6, rtol=1e-5)


def test_frames_know_nothing_of_what_follows():
    net, (windows, reference) = made(LITE), speech(1, 9)
    changed = windows.clone()
    changed[:, 5:] += 1
    with torch.inference_mode():
        different = (net(changed, reference)[0] - net(windows, reference)[0]).abs().amax(dim=2)[0] > 1e-6
    assert different.tolist() == [False] * 5 + [True] * 4


@pytest.mark.parametrize("trunk", ["lite", "conv"])
def test_attention_over_the_clip_sees_it_whole_and_over_windows_each_alone(trunk):
    windows, _ = speech(2, 4)
    changed = windows.clone()
    changed[0, 3] += 1
    differences = {}
    for scope in ("window", "clip"):
        torch.manual_seed(0)
        net = Msef(trunk, scope).eval()
        with torch.inference_mode():
            differences[scope] = (net(changed)[0] - net(windows)[0]).abs().amax(dim=2) > 1e-7
    assert differences["window"].tolist() == [[False, False, False, True], [False] * 4]
    assert differences["clip"].tolist() == [[True] * 4, [False] * 4]


def test_one_window_is_a_clip_of_one():
    windows, _ = speech(3, 1)
    torch.manual_seed(0)
    window = Msef("lite", "window").eval()
    clip = Msef("lite", "clip").eval()
    clip.load_state_dict(window.state_dict())
    torch.testing.assert_close(clip(windows), window(windows))


def test_what_of_the_emotion_enters_the_lstm():
    widths = {
        name: made(net).lstm.input_size
        for name, net in {"features": LITE, "logits": NETS["logits"], "none": NETS["none"]}.items()
    }
    assert widths == {"features": 768, "logits": 648, "none": 640}


def test_landmarks_train_the_emotion_extractor_too():
    net, (windows, reference) = made(LITE), speech(1, 3)
    net(windows, reference)[0].sum().backward()
    assert net.msef.trunk.attention.keys.grad.abs().sum() > 0
    assert net.msef.classifier.weight.grad is None  # the logits have a loss of their own


def test_residual_adds_the_reference():
    plain, added = made(LITE), made(NETS["residual"])
    added.load_state_dict(plain.state_dict())
    windows, reference = speech(2, 3)
    torch.testing.assert_close(
        added(windows, reference)[0], plain(windows, reference)[0] + reference[:, None], atol=1e-6, rtol=0
    )


def test_audio_encoder():
    assert isinstance(made(LITE).audio_encoder[1], torch.nn.Linear)
    with torch.device("meta"):
        net = Audio2Landmarks(replace(LITE, audio_encoder="conv"))
        assert audio_convolutions()(torch.empty(3, 1, 28, 12)).shape == (3, 128)
    assert isinstance(net.audio_encoder[0], torch.nn.Conv2d)
