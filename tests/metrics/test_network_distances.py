"""LPIPS, DISTS, FID and FVD on made-up weights, against the libraries' own values."""

from pathlib import Path

import networks
import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
piq = pytest.importorskip("piq")

from talkbench.metrics import METRICS, perceptual  # noqa: E402
from talkbench.metrics.frechet import PIECE, I3dEmbedder, InceptionEmbedder, frechet_distance  # noqa: E402
from talkbench.metrics.torch_weights import read_state  # noqa: E402

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.integers(0, 256, (2, 70, 64, 3), np.uint8)


def tensor(frame):
    return torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255


def saved(folder, network, prefix):
    file = folder / "weights.pth"
    torch.save({f"{prefix}{name}": value for name, value in network.state_dict().items()}, file)
    return str(file)


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    torch.manual_seed(0)
    network = torchvision.models.alexnet(weights=None).features.eval()
    return network, saved(tmp_path_factory.mktemp("alexnet"), network, "features.")


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    torch.manual_seed(0)
    network = torchvision.models.vgg16(weights=None, init_weights=False).eval()
    return network, saved(tmp_path_factory.mktemp("vgg16"), network.features, "features.")


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """piq's own Inception with made-up weights, and a file of them under pytorch-fid's names."""
    from piq.feature_extractors import fid_inception as blocks

    made = []

    def keep(self, state, *args, **kwargs):
        made.append(self)

    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "load_state_dict_from_url", lambda *args, **kwargs: {})
        patch.setattr(torchvision.models.Inception3, "load_state_dict", keep)
        reference = blocks.InceptionV3().eval()
    return reference, saved(tmp_path_factory.mktemp("inception"), made[0], "")


def test_lpips_is_the_formula_on_alexnet(alexnet):
    """Written out from the paper and the package's README, over torchvision's network and the wheel's weights."""
    lpips = pytest.importorskip("lpips")
    network, weights = alexnet
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    learnt = torch.load(Path(lpips.__file__).parent / "weights/v0.1/alex.pth", "cpu", weights_only=True)

    def features(frame):
        x = (2 * tensor(frame) - 1 - shift[None, :, None, None]) / scale[None, :, None, None]
        found = []
        for at, layer in enumerate(network):
            x = layer(x)
            if at in (1, 4, 7, 9, 11):
                found.append((x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)).clone())
        return found

    with torch.inference_mode():
        pairs = zip(features(ONE), features(OTHER), strict=True)
        parts = [((a - b) ** 2 * learnt[f"lin{k}.model.1.weight"]).sum(1).mean() for k, (a, b) in enumerate(pairs)]
    assert perceptual.lpips(ONE, OTHER, weights=weights) == pytest.approx(float(sum(parts)), rel=1e-4)
    assert perceptual.lpips(ONE, ONE.copy(), weights=weights) == 0


def test_dists_equals_its_authors_package(vgg16, monkeypatch):
    package = pytest.importorskip("DISTS_pytorch.DISTS_pt")
    network, weights = vgg16
    monkeypatch.setattr(package.models, "vgg16", lambda **_: network)
    reference = package.DISTS(load_weights=False).eval()
    learnt = torch.load(Path(package.__file__).with_name("weights.pt"), "cpu", weights_only=True)
    reference.alpha.data, reference.beta.data = learnt["alpha"], learnt["beta"]
    with torch.no_grad():
        expected = float(reference(tensor(ONE), tensor(OTHER)))
    assert expected > 0.01
    assert perceptual.dists(ONE, OTHER, weights=weights) == pytest.approx(expected, abs=1e-4)
    assert perceptual.dists(ONE, ONE.copy(), weights=weights) == pytest.approx(0, abs=1e-6)


def test_inception_s_vector_equals_piq_s(inception):
    reference, weights = inception
    with torch.inference_mode():
        expected = reference(tensor(ONE))[0].flatten().numpy()
    found = InceptionEmbedder(weights=weights).add(ONE, None)
    assert found.shape == (2048,)
    assert expected.std() > 0
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_pieces_of_sixteen_frames_reach_i3d(tmp_path):
    embedder = I3dEmbedder(weights=str(networks.i3d_file(tmp_path / "i3d.pt")))
    frames = RNG.integers(0, 256, (2 * PIECE + 3, 20, 14, 3), np.uint8)
    rows = np.stack([embedder.add(frame, None) for frame in frames])
    assert np.flatnonzero(~np.isnan(rows).any(axis=1)).tolist() == [PIECE - 1, 2 * PIECE - 1]
    piece = frames[PIECE : 2 * PIECE].astype(float).reshape(4, 4, 5, 4, 7, 2, 3).mean(axis=(1, 3, 5))
    assert rows[2 * PIECE - 1] == pytest.approx(piece.transpose(3, 0, 1, 2).reshape(-1)[:400] / 255, abs=1e-5)


def test_frechet_distance_of_singular_sets_and_of_none():
    gt = RNG.normal(0, 1, (5, 40)).astype(np.float32)
    assert frechet_distance([(gt, gt.copy())]).value == pytest.approx(0, abs=1e-9)
    assert frechet_distance([(gt, gt + 2)]).value == pytest.approx(160, rel=1e-5)
    holed = np.concatenate([gt, np.full((2, 40), np.nan, np.float32)])
    assert frechet_distance([(holed, gt)]).value == pytest.approx(0, abs=1e-9)
    for sides in ([], [(gt[:1], gt)], [(np.zeros((0, 0), np.float32), gt)]):
        found = frechet_distance(sides)
        assert np.isnan(found.value)
        assert "at least 2 each are needed" in found.reason


@pytest.mark.parametrize("name", ["LPIPS", "DISTS", "FID", "FVD", "LSE-C"])
def test_other_files_are_refused_in_words(tmp_path, name):
    other = tmp_path / "other.pth"
    other.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="cannot be read as"):
        METRICS[name].load(str(other))
    if name != "FVD":
        torch.save({"layer.weight": torch.zeros(2)}, other)
        with pytest.raises(ValueError, match="has no weights called"):
            METRICS[name].load(str(other))


def test_a_file_of_weights_runs_nothing(tmp_path):
    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "reached",)

    torch.save({"layer.weight": Attack()}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"state dict \(UnpicklingError: Weights only load"):
        read_state(str(tmp_path / "other.pth"))
    assert not (tmp_path / "reached").exists()
