"""LSE-C, LSE-D and the AV offset: the network's names, the crop, its windows, and what the scores find."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from talkbench.metrics import METRICS, syncnet  # noqa: E402
from talkbench.metrics.contract import Facts  # noqa: E402
from talkbench.metrics.syncnet import LipEmbedder, face_box, face_crop, load_syncnet  # noqa: E402

# Names and shapes of syncnet_v2.model, from the network of github.com/joonson/syncnet_python (SyncNetModel.py).
PUBLISHED = {
    "netcnnaud.0.weight": (64, 1, 3, 3),
    "netcnnaud.4.weight": (192, 64, 3, 3),
    "netcnnaud.8.weight": (384, 192, 3, 3),
    "netcnnaud.11.weight": (256, 384, 3, 3),
    "netcnnaud.14.weight": (256, 256, 3, 3),
    "netcnnaud.18.weight": (512, 256, 5, 4),
    "netcnnaud.19.running_var": (512,),
    "netfcaud.0.weight": (512, 512),
    "netfcaud.1.running_mean": (512,),
    "netfcaud.3.weight": (1024, 512),
    "netcnnlip.0.weight": (96, 3, 5, 7, 7),
    "netcnnlip.4.weight": (256, 96, 1, 5, 5),
    "netcnnlip.8.weight": (256, 256, 1, 3, 3),
    "netcnnlip.11.weight": (256, 256, 1, 3, 3),
    "netcnnlip.14.weight": (256, 256, 1, 3, 3),
    "netcnnlip.18.weight": (512, 256, 1, 6, 6),
    "netcnnlip.19.running_var": (512,),
    "netfclip.0.weight": (512, 512),
    "netfclip.3.bias": (1024,),
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Made-up weights in the published form."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "syncnet_v2.model"
    torch.save(syncnet.syncnet_modules().state_dict(), file)
    return str(file)


def test_the_network_has_the_published_names():
    state = syncnet.syncnet_modules().state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    layers = {name.rsplit(".", 1)[0] for name in state}
    assert layers == {
        *(f"netcnn{side}.{n}" for side in ("aud", "lip") for n in (0, 1, 4, 5, 8, 9, 11, 12, 14, 15, 18, 19)),
        *(f"netfc{side}.{n}" for side in ("aud", "lip") for n in (0, 1, 3)),
    }


def test_vectors_have_1024_numbers_and_windows_do_not_mix(weights):
    network = load_syncnet(weights)
    lips = torch.rand(2, 3, 5, 224, 224) * 255
    both = network.lips(lips)
    assert both.shape == (2, 1024)
    assert torch.allclose(network.lips(lips[1:]), both[1:], atol=1e-4)
    sound = torch.randn(3, 1, 13, 20)
    assert network.sound(sound).shape == (3, 1024)
    assert torch.allclose(network.sound(sound[:1]), network.sound(sound)[:1], atol=1e-4)


def reference_distances(lips, sound, vshift):
    """The published loop, written out: one distance at a time."""
    n = len(lips)
    columns = []
    for k in range(2 * vshift + 1):
        found = []
        for t in range(n):
            at = t + k - vshift
            other = sound[at] if 0 <= at < n else np.zeros_like(sound[0])
            found.append(np.sqrt(((lips[t] - other + 1e-6) ** 2).sum()))
        columns.append(np.mean(found))
    return np.array(columns)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), vshift=st.integers(1, 15))
def test_scores_equal_those_of_the_literal_loop(seed, vshift):
    """LSE-D is the least of the mean distances, LSE-C how far it is below their median."""
    lips, sound = np.random.default_rng(seed).normal(0, 1, (2, 20, 8)).astype(np.float32)
    rows = np.concatenate([np.full((10, 8), np.nan, np.float32), lips])
    one = Facts(np.zeros((30, 68, 2)), 25, (256, 256), sound=np.zeros(30 * 640, np.float32), embeddings=rows)
    expected = reference_distances(lips.astype(float), sound.astype(float), vshift)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syncnet, "_sound_vectors", lambda weights, heard, count: sound[:count])
        distance, confidence = (
            METRICS[name].per_clip(one, weights="", vshift=vshift).value for name in ("LSE-D", "LSE-C")
        )
    assert distance == pytest.approx(expected.min(), rel=1e-6)
    assert confidence == pytest.approx(np.median(expected) - expected.min(), rel=1e-6)


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_the_offset_is_how_late_the_picture_is(late, monkeypatch):
    """Lips that repeat the sound's own vectors some frames later: SyncNet prints that number."""
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 1, (80, 8)).astype(np.float32)
    lips = np.roll(sound, late, axis=0)
    monkeypatch.setattr(syncnet, "_sound_vectors", lambda weights, heard, count: sound[:count])
    rows = np.concatenate([np.full((10, 8), np.nan, np.float32), lips])
    one = Facts(np.zeros((90, 68, 2)), 25, (256, 256), sound=np.zeros(90 * 640, np.float32), embeddings=rows)
    offset = syncnet.sync_offset(one, weights="")
    assert offset.value == abs(late)
    assert offset.parts["signed"] == late
    assert syncnet.sync_distance(one, weights="").value < 1 < syncnet.sync_confidence(one, weights="").value
    assert offset.frames == 90


def test_box_and_crop_are_where_the_face_is():
    points = np.full((68, 2), 100.0)
    points[0], points[16], points[8], points[24] = (60, 100), (140, 100), (100, 150), (100, 70)
    x, y, half = face_box(points)
    assert (x, y, half) == (100, pytest.approx((46 + 150) / 2), pytest.approx(52))
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[:, 100:, 0] = 255  # red to the right of the centre
    crop = face_crop(frame, 100, 98, 52)
    assert crop.shape == (224, 224, 3)
    assert crop[:, 120:, 2].min() == 255  # the last channel is red: BGR
    assert crop[:, :104, 2].max() == 0
    assert (face_crop(frame, 2, 98, 52)[:, :40] == 110).all()  # outside the frame


def talking(count, points, weights):
    frames = np.random.default_rng(1).integers(0, 256, (count, 96, 96, 3), np.uint8)
    embedder = LipEmbedder(weights=weights)
    return np.stack([embedder.add(frame, points) for frame in frames])


def facts(count, weights, **changes):
    points = np.random.default_rng(0).uniform(30, 60, (68, 2))
    rows = talking(count, points, weights)
    sound = np.random.default_rng(2).normal(0, 0.1, count * 640).astype(np.float32)
    return Facts(
        np.tile(points, (count, 1, 1)), **{"rate": 25, "size": (96, 96), "sound": sound, "embeddings": rows, **changes}
    )


def test_from_frames_to_scores(weights):
    one = facts(18, weights)
    assert np.isnan(one.embeddings[:10]).all()
    assert not np.isnan(one.embeddings[10:]).any()
    distance, confidence = (METRICS[name].per_clip(one, weights=weights) for name in ("LSE-D", "LSE-C"))
    assert distance.value > 0 <= confidence.value
    assert distance.frames == 18
    assert METRICS["LSE-D"].per_clip(one, weights=weights).value == distance.value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sound": None}, "no sound"),
        ({"rate": 30}, "25 frames per second, these are compared at 30"),
        ({"embeddings": np.full((18, 1024), np.nan, np.float32)}, "no window of five frames has a face"),
        ({"embeddings": None}, "no frames"),
        ({"sound": np.zeros(640, np.float32)}, "needs 11 frames"),
    ],
)
def test_missing_in_words(weights, changes, reason):
    found = METRICS["LSE-C"].per_clip(facts(11, weights, **changes), weights=weights)
    assert np.isnan(found.value)
    assert reason in found.reason


def test_other_files_are_refused_in_words(tmp_path):
    other = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(3)}, other)
    with pytest.raises(ValueError, match=r"has no weights called netcnnaud\.0\.weight\. Expected those of SyncNet v2"):
        load_syncnet(str(other))
    other.write_bytes(b"not a file of weights")
    with pytest.raises(ValueError, match="cannot be read as a PyTorch state dict"):
        load_syncnet(str(other))


@pytest.mark.parametrize("middle", [(128, 128), (20, 30), (240, 250), (-90, 128), (128, 400)])
def test_the_crop_is_that_of_the_original(middle):
    """`crop_video` of syncnet_python's run_pipeline.py, with its scale of 0.4, written out on a frame of 256 px."""
    frame = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    x, y, half = *middle, 50.0
    border = int(half * (1 + 2 * 0.4))
    wide = np.full((256 + 2 * border, 256 + 2 * border, 3), 110, np.uint8)
    wide[border : border + 256, border : border + 256] = frame
    top, left = int(y + border - half), int(x + border - half * 1.4)
    bottom, right = int(y + border + half * 1.8), int(x + border + half * 1.4)
    part = wide[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    found = face_crop(frame, x, y, half)
    if part.size:
        assert (found == cv2.resize(part, (224, 224))[..., ::-1]).all()
    else:
        assert (found == 110).all()


def test_a_window_is_of_the_five_frames_from_ten_before(monkeypatch):
    class Means:
        def lips(self, windows):
            assert windows.shape == (1, 3, 5, 224, 224)
            return windows.mean(dim=(1, 3, 4)).repeat(1, 205)[:, :1024]

    monkeypatch.setattr(syncnet, "load_syncnet", lambda weights: Means())
    points = np.random.default_rng(0).uniform(100, 150, (68, 2))
    embedder = LipEmbedder(weights="")
    rows = [embedder.add(np.full((256, 256, 3), t, np.uint8), points) for t in range(14)]
    assert all(np.isnan(row).all() for row in rows[:10])
    for t in range(10, 14):
        assert rows[t][:5].tolist() == [t - 10, t - 9, t - 8, t - 7, t - 6]
