"""CPBD against the values of the `cpbd` package, and what holds for any frame."""

import cv2
import numpy as np
import pytest
from skimage import data

from talkbench.metrics import cpbd_kernels
from talkbench.metrics.cpbd import _edge_blocks, cpbd

# cpbd.compute of cpbd 1.0.7 with scikit-image 0.14.5, SciPy 1.1.0, NumPy 1.16.6 on Python 3.7.16, on scikit-image's
# pictures: grey by OpenCV, 200 × 260 px from the corner given; "blur" is the rounded mean of three px along the row.
GOLDENS = {
    ("astronaut", (0, 0), False): 0.3537871524448706,
    ("astronaut", (0, 0), True): 0.11003039513677812,
    ("astronaut", (100, 60), False): 0.4578139980824545,
    ("astronaut", (100, 60), True): 0.21340782122905028,
    ("camera", (0, 0), False): 0.5537688442211055,
    ("camera", (0, 0), True): 0.26816380449141347,
    ("camera", (100, 60), False): 0.5090452261306533,
    ("camera", (100, 60), True): 0.2179261862917399,
}


def picture(name, corner, blurred):
    image = getattr(data, name)()
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    part = grey[corner[0] : corner[0] + 200, corner[1] : corner[1] + 260]
    if not blurred:
        return np.ascontiguousarray(part)
    three = part.astype(float) + np.roll(part, 1, 1).astype(float) + np.roll(part, -1, 1).astype(float)
    return np.rint(three / 3).astype(np.uint8)


@pytest.mark.parametrize("which", GOLDENS, ids=str)
def test_equals_the_package(which):
    assert cpbd(picture(*which)) == pytest.approx(GOLDENS[which], abs=1e-12)


def test_edge_blocks_are_those_of_canny():
    """The short cut decides as Canny does: on noise, on a flat frame with one bright px, on faint texture."""
    from skimage.feature import canny

    rng = np.random.default_rng(0)
    frames = [picture("camera", (0, 0), False), np.full((192, 130), 9, np.uint8)]
    frames[1][64 + 20, 64 + 20] = 200
    for share in (0.0005, 0.002, 0.005):
        frames.append((50 + (rng.random((192, 192)) < share)).astype(np.uint8))
    for frame in frames:
        edges = canny(frame.astype(float))
        rows, columns = (side // 64 for side in frame.shape)
        counts = edges[: rows * 64, : columns * 64].reshape(rows, 64, columns, 64).sum(axis=(1, 3))
        assert (_edge_blocks(frame) == (counts > 0.002 * 64 * 64)).all()


@pytest.mark.parametrize("size", [(196, 258), (192, 256)])
@pytest.mark.parametrize(("name", "low", "high"), [("camera", 250, 400), ("astronaut", 250, 330)])
def test_crests_are_canny_s_before_it_follows_them(name, low, high, size):
    """With equal thresholds Canny has nothing to follow: its edges are the crests above them."""
    from skimage.feature import canny

    frame = np.ascontiguousarray(picture(name, (20, 30), False)[: size[0], : size[1]])
    sure, possible = cpbd_kernels.crests(frame, low, high)
    above = {
        at: canny(frame.astype(float), low_threshold=at, high_threshold=at)[:192, :256].reshape(3, 64, 4, 64)
        for at in (low, high)
    }
    expected = {at: edges.sum(axis=(1, 3)) for at, edges in above.items()}
    assert (sure == np.minimum(expected[high], 9)).all()
    whole = sure < 9  # else counting stops
    assert whole.sum() >= 3
    assert (possible[whole] == expected[low][whole]).all()
    assert possible[whole].max() > 9


def test_canny_decides_where_crests_are_faint():
    """All gradients of the pattern lie between the thresholds: Canny drops it, unless a stronger crest joins it."""
    from skimage.feature import canny

    frame = np.tile(np.array([[51, 50], [50, 51], [51, 50]], np.uint8), (43, 96))[:128, :192]
    frame = np.ascontiguousarray(frame)
    frame[64:, 64:128] += np.tile(np.array([0, 0, 0, 0, 1, 1, 1, 1], np.uint8), 8)  # one block of edges
    sure, possible = cpbd_kernels.crests(frame, 0.1, 0.2)
    assert (sure <= 8).any()
    assert ((sure <= 8) & (possible > 8)).any()
    counts = canny(frame.astype(float)).reshape(2, 64, 3, 64).sum(axis=(1, 3))
    assert counts.min() == 0 < 8 < counts.max()
    assert (_edge_blocks(frame) == (counts > 8)).all()


def test_falls_with_blur_and_rises_with_noise():
    frame = data.astronaut()[:256, :256]
    values = [cpbd(cv2.GaussianBlur(frame, (0, 0), sigma)) for sigma in (0.3, 0.8, 1.5, 3)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]
    noisy = np.clip(frame + np.random.default_rng(0).normal(0, 30, frame.shape), 0, 255).astype(np.uint8)
    assert cpbd(noisy) > cpbd(np.ascontiguousarray(frame))


def test_without_edges_there_is_no_value():
    assert np.isnan(cpbd(np.full((128, 128, 3), 77, np.uint8)))
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    assert np.isfinite(cpbd(noise[:64, :64]))
    assert np.isnan(cpbd(noise[:63]))
    assert np.isnan(cpbd(noise[:, :63]))
    with pytest.raises(ValueError, match="uint8"):
        cpbd(np.zeros((64, 64)))


def test_the_widths_that_blur_follow_from_the_probability():
    """1 − exp(−(w / 5)^3.6) rounds to 0.63 at 5 px and 0.85 at 6; with 3 px to 0.63 at 3 and 0.94 at 4."""
    assert cpbd_kernels._blurred_from() == (6, 4)
