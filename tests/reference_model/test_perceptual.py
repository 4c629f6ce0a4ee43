"""The perceptual loss: torchvision's own VGG-19 as the second opinion, weights by path, and refusals in one line."""

import hashlib

import pytest

torch = pytest.importorskip("torch")
from torchvision.models import vgg19  # noqa: E402

from talkbench.bench.errors import TalkbenchError  # noqa: E402
from talkbench.reference_model.perceptual import load_perceptual  # noqa: E402

IMAGES = {"generated": 1, "real": 2}


def images():
    return [torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1 for seed in IMAGES.values()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Save the state dict of a whole VGG-19 whose classifier is small: (network, file)."""
    torch.manual_seed(3)
    with torch.device("meta"):
        net = vgg19(weights=None)
    net.classifier = torch.nn.Linear(1, 1)
    net.features.to_empty(device="cpu")
    for layer in net.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
            torch.nn.init.uniform_(layer.bias, -0.1, 0.1)
    file = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(net.state_dict(), file)
    return net, file


def test_distances_are_those_of_torchvision_s_network(trained):
    net, file = trained
    ours = load_perceptual("vgg19", file)
    assert ours.source == f"vgg19 sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    # ImageNet's normalisation of images in [0, 1].
    x, y = (((side + 1) / 2 - mean[:, None, None]) / std[:, None, None] for side in images())
    expected = []
    for stop in (2, 7, 12, 21, 30):
        assert isinstance(net.features[stop - 1], torch.nn.ReLU)
        expected.append((net.features[:stop](x) - net.features[:stop](y)).abs().mean())
    torch.testing.assert_close(ours(*images()), torch.stack(expected), rtol=1e-4, atol=1e-6)


def test_in_mixed_precision_the_distances_stay_in_float32():
    net = load_perceptual("random")
    exact = net(*images())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = net(*images())
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, exact, rtol=0.02, atol=0)
    assert not torch.equal(mixed, exact)


@pytest.mark.parametrize("mode", ["vgg19", "random"])
def test_identical_images_are_at_no_distance_and_only_the_generated_learns(mode, trained):
    net = load_perceptual(mode, trained[1] if mode == "vgg19" else None)
    generated, real = (side.requires_grad_() for side in images())
    assert net(generated, generated).tolist() == [0.0] * 5
    net(generated, real).sum().backward()
    assert generated.grad.abs().sum() > 0
    assert real.grad is None
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_random_is_the_same_every_time_and_says_so():
    torch.manual_seed(0)
    first = load_perceptual("random")
    before = torch.random.get_rng_state()
    second = load_perceptual("random")
    assert torch.equal(torch.random.get_rng_state(), before)  # the training's own numbers stay as they were
    assert first.source == second.source == "random"
    assert torch.equal(first(*images()), second(*images()))


def test_none():
    assert load_perceptual("none") is None


def test_nothing_stands_in_for_missing_weights(tmp_path):
    with pytest.raises(TalkbenchError, match=r"expected the path .* got none\. Give it with --vgg-weights"):
        load_perceptual("vgg19")
    with pytest.raises(TalkbenchError, match=r"absent\.pth: cannot read VGG-19 weights: No such file"):
        load_perceptual("vgg19", tmp_path / "absent.pth")


@pytest.mark.parametrize("mode", ["random", "none"])
def test_weights_that_would_not_be_used_are_refused(mode, trained):
    with pytest.raises(TalkbenchError, match=f"only for perceptual = vgg19; it is {mode}"):
        load_perceptual(mode, trained[1])


def wrong(tmp_path, trained, name):
    state = dict(trained[0].state_dict())
    contents = {
        "another network": {"layer1.weight": torch.zeros(3)},
        "a layer less": {key: value for key, value in state.items() if key != "features.28.weight"},
        "another shape": state | {"features.0.weight": torch.zeros(64, 1, 3, 3)},
        "a number": 3,
        "a list": [torch.zeros(1)],
        "not tensors": dict.fromkeys(state, "words"),
        "code": {"features.0.weight": hashlib.sha256},
    }
    file = tmp_path / "wrong.pth"
    torch.save(contents[name], file)
    return file


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("another network", "no features.0.weight"),
        ("a layer less", "no features.28.weight"),
        ("another shape", r"features.0.weight is \(64, 1, 3, 3\)"),
        ("a number", ""),
        ("a list", ""),
        ("not tensors", ""),
        ("code", ""),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, trained, name, reason):
    file = wrong(tmp_path, trained, name)
    with pytest.raises(
        TalkbenchError, match=rf"wrong\.pth: expected a state dict of torchvision's vgg19.*{reason}"
    ) as caught:
        load_perceptual("vgg19", file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 a broken archive", bytes(range(256))])
def test_bytes_that_are_no_weights_are_refused(tmp_path, content):
    file = tmp_path / "broken.pth"
    file.write_bytes(content)
    with pytest.raises(TalkbenchError, match=r"broken\.pth: expected a state dict") as caught:
        load_perceptual("vgg19", file)
    assert "\n" not in str(caught.value)
