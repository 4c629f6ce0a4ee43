"""The face model of a speaker: orthonormal, found by other means as well, and its floor is what the bench measures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.metrics.f_lmd import face_landmark_distance
from talkbench.metrics.m_lmd import mouth_landmark_distance
from talkbench.reference_model.pca import LandmarkPca, in_pixels, normalised


def faces(count, seed=0, directions=20):
    rng = np.random.default_rng(seed)
    shapes = rng.normal(0, 1, (directions, 136)) * np.geomspace(6, 0.1, directions)[:, None]
    flat = 128 + rng.normal(0, 30, 136) + rng.normal(0, 1, (count, directions)) @ shapes
    return flat.reshape(count, 68, 2).astype(np.float32)


seeds = st.integers(0, 200)


@given(seed=seeds, components=st.integers(1, 32))
def test_the_basis_is_orthonormal(seed, components):
    pca = LandmarkPca.fit(faces(60, seed), components)
    np.testing.assert_allclose(pca.basis.T @ pca.basis, np.eye(components), atol=1e-6)
    assert pca.basis.shape == (136, components)
    assert pca.components == components


@given(seed=seeds, components=st.integers(1, 20))
def test_the_landmark_loss_is_the_coefficient_loss_times_k_over_136(seed, components):
    """The identity of the design note: with projected truth, mean (l̂ − l)² = K/136 · mean (z − z*)²."""
    track = faces(60, seed)
    pca = LandmarkPca.fit(track, components)
    z = pca.project(track).astype(np.float64)
    guess = z + np.random.default_rng(seed).normal(0, 0.1, z.shape)
    apart = (guess - z) @ pca.basis.astype(np.float64).T
    assert np.mean(apart**2) == pytest.approx(components / 136 * np.mean((guess - z) ** 2), rel=1e-5)


@given(seed=seeds)
def test_the_variance_is_that_of_the_covariance_matrix(seed):
    track = faces(80, seed)
    values = np.linalg.eigvalsh(np.cov(normalised(track).T))[::-1]
    np.testing.assert_allclose(LandmarkPca.fit(track, 10).explained, values[:10] / values.sum(), rtol=1e-6)


@given(seed=seeds, components=st.integers(1, 12))
def test_projecting_twice_is_projecting_once(seed, components):
    track = faces(50, seed)
    pca = LandmarkPca.fit(track, components)
    once = pca.restore(pca.project(track))
    np.testing.assert_allclose(pca.restore(pca.project(once)), once, atol=2e-3)


def test_as_many_directions_as_the_faces_have_lose_nothing():
    track = faces(60, directions=8)
    pca = LandmarkPca.fit(track, 8)
    np.testing.assert_allclose(pca.restore(pca.project(track)), track, atol=1e-3)
    assert pca.explained.sum() == pytest.approx(1)


def test_the_floor_is_what_the_bench_measures_and_falls_with_k():
    track = faces(70)
    floors = []
    for components in (2, 6, 16):
        pca = LandmarkPca.fit(track, components)
        restored = pca.restore(pca.project(track))
        floor = pca.oracle_lmd(track)
        assert floor["F-LMD"] == pytest.approx(face_landmark_distance(track, restored).mean(), rel=1e-5)
        assert floor["M-LMD"] == pytest.approx(mouth_landmark_distance(track, restored).mean(), rel=1e-5)
        floors.append(floor["F-LMD"])
    assert floors == sorted(floors, reverse=True)
    assert floors[-1] > 0


def test_signs_do_not_depend_on_the_order_of_frames():
    track = faces(60)
    one, other = (LandmarkPca.fit(frames, 6) for frames in (track, track[::-1]))
    np.testing.assert_allclose(one.basis, other.basis, atol=1e-5)


def test_saved_and_read_again(tmp_path):
    pca = LandmarkPca.fit(faces(30), 5)
    pca.save(tmp_path / "face.npz", mfcc_mean=np.arange(12.0))
    again = LandmarkPca.load(tmp_path / "face.npz")
    for name in ("mean", "basis", "explained"):
        np.testing.assert_array_equal(getattr(again, name), getattr(pca, name))
    with np.load(tmp_path / "face.npz", allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["mfcc_mean"], np.arange(12, dtype=np.float32))


def test_units():
    corners = np.zeros((68, 2))
    corners[1] = 256, 128
    flat = normalised(corners)
    assert flat[:4].tolist() == [-1, -1, 1, 0]
    np.testing.assert_array_equal(in_pixels(flat), corners)


def test_too_few_frames_are_refused():
    with pytest.raises(ValueError, match="N > 16"):
        LandmarkPca.fit(faces(16), 16)
