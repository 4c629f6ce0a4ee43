"""Predicted landmarks: every spelling of every scheme, what is refused, and the real files as faces."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import MEDIA
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from talkbench.baselines.landmarks import FROM_106, SCHEMES, read
from talkbench.bench.errors import TalkbenchError

RNG = np.random.default_rng(5)


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def face(points: int, dims: int, frames: int = 3) -> np.ndarray:
    """Random points, but for a chin below the bridge of the nose."""
    tracks = RNG.normal(size=(frames, points, dims))
    tracks[:, 8, 1], tracks[:, 27, 1] = 2, -2
    return tracks


@pytest.mark.parametrize("scheme", ["dlib-68", "atvg-68", "makeittalk-68", "evp-106"])
@pytest.mark.parametrize("suffix", [".npy", ".txt"])
def test_every_spelling_of_a_track_reads_alike(tmp_path: Path, scheme: str, suffix: str) -> None:
    points, dims = SCHEMES[scheme].points, SCHEMES[scheme].dims
    tracks = face(points, dims)
    flat = tracks.reshape(3, -1)
    expected = tracks[..., :2] if points == 68 else tracks[:, FROM_106]
    if suffix == ".npy":
        for array in (tracks, flat, flat[None]):
            np.testing.assert_array_equal(read(saved(tmp_path / "a.npy", array), scheme), expected)
    else:
        for delimiter in (" ", ",", ", "):
            np.savetxt(tmp_path / "a.txt", flat, delimiter=delimiter)
            np.testing.assert_allclose(read(tmp_path / "a.txt", scheme), expected, rtol=1e-15)


def test_a_single_frame_is_a_track_of_one(tmp_path: Path) -> None:
    tracks = face(68, 2, frames=1)
    np.savetxt(tmp_path / "a.txt", tracks.reshape(1, -1))
    assert read(tmp_path / "a.txt", "dlib-68").shape == (1, 68, 2)
    assert read(saved(tmp_path / "a.npy", tracks.reshape(1, 1, 136)), "atvg-68").shape == (1, 68, 2)


@settings(max_examples=25)
@given(hnp.arrays(np.float32, (2, 68, 2), elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan)))
def test_dlib_points_come_back_as_they_were_with_frames_without_a_face(
    tmp_path_factory: pytest.TempPathFactory, tracks: np.ndarray
) -> None:
    result = read(saved(tmp_path_factory.getbasetemp() / "roundtrip.npy", tracks), "dlib-68")
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, tracks.astype(np.float64))


def test_makeittalk_files_read_upright_whichever_sign_they_have(tmp_path: Path) -> None:
    tracks = face(68, 3)
    turned = tracks * [-1, -1, 1]
    for array in (tracks, turned):
        np.savetxt(tmp_path / "a.txt", array.reshape(3, -1))
        np.testing.assert_allclose(read(tmp_path / "a.txt", "makeittalk-68"), tracks[..., :2])


def keypoints(folder: Path, first: int, tracks: np.ndarray) -> Path:
    folder.mkdir()
    for number, frame in enumerate(tracks, start=first):
        np.savetxt(folder / f"{number:06}.txt", frame, fmt="%d", delimiter=",")
    return folder


def test_keypoint_folders_leave_out_the_two_frames_of_the_background(tmp_path: Path) -> None:
    tracks = RNG.integers(0, 1080, (5, 106, 2))
    result = read(keypoints(tmp_path / "clip", 0, tracks), "vid2vid-106")
    np.testing.assert_array_equal(result, tracks[2:, FROM_106])


def test_keypoint_folders_with_a_gap_or_a_short_file_are_refused(tmp_path: Path) -> None:
    tracks = RNG.integers(0, 1080, (5, 106, 2))
    folder = keypoints(tmp_path / "clip", 0, tracks)
    np.savetxt(folder / "000003.txt", tracks[3, :68], fmt="%d", delimiter=",")
    with pytest.raises(
        TalkbenchError, match=r"000003\.txt: is not vid2vid-106: expected 106 lines of x,y, found float64 \(68, 2\)"
    ):
        read(folder, "vid2vid-106")
    (folder / "000003.txt").unlink()
    with pytest.raises(TalkbenchError, match="without a gap"):
        read(folder, "vid2vid-106")
    with pytest.raises(TalkbenchError, match="without a gap, found 0"):
        read(keypoints(tmp_path / "short", 0, tracks[:2]), "vid2vid-106")
    with pytest.raises(TalkbenchError, match="Expected a folder of keypoints"):
        read(tmp_path / "nowhere", "vid2vid-106")


@pytest.mark.parametrize(
    ("array", "scheme"),
    [
        (np.zeros((3, 106, 2)), "dlib-68"),
        (np.zeros((3, 68, 2)), "evp-106"),
        (np.zeros((3, 136)), "makeittalk-68"),
        (np.zeros((2, 3, 136)), "atvg-68"),
        (np.zeros((0, 68, 2)), "dlib-68"),
        (np.zeros((68, 2)), "dlib-68"),
        (np.zeros(136), "dlib-68"),
        (np.zeros((3, 68, 3)), "dlib-68"),
        (np.zeros((3, 68, 2), complex), "dlib-68"),
        (np.full((3, 68, 2), "x"), "dlib-68"),
    ],
)
def test_another_shape_is_refused_with_both_shapes(tmp_path: Path, array: np.ndarray, scheme: str) -> None:
    with pytest.raises(TalkbenchError, match=rf"is not {scheme}: expected numbers .* found .*\("):
        read(saved(tmp_path / "a.npy", array), scheme)


def test_what_is_no_array_of_numbers_is_refused(tmp_path: Path) -> None:
    pickled = tmp_path / "pickled.npy"
    np.save(pickled, np.array([{"a": 1}], object), allow_pickle=True)
    (tmp_path / "words.txt").write_text("not a number\n")
    (tmp_path / "ragged.txt").write_text("1 2 3\n1 2\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "empty.npy").touch()
    for name in ("pickled.npy", "words.txt", "ragged.txt", "empty.txt", "empty.npy"):
        with pytest.raises(TalkbenchError, match=f"{name}: cannot be read as landmarks"):
            read(tmp_path / name, "dlib-68")
    with pytest.raises(TalkbenchError, match=r"gone.npy: cannot be read \(No such file or directory\)"):
        read(tmp_path / "gone.npy", "dlib-68")
    with pytest.raises(TalkbenchError, match="infinite"):
        read(saved(tmp_path / "a.npy", np.full((1, 68, 2), np.inf)), "dlib-68")


def test_an_unknown_scheme_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(TalkbenchError, match=r"Unknown landmark scheme 'evp-68'\. Did you mean"):
        read(tmp_path, "evp-68")


def test_only_dlib_points_lie_in_the_takes_own_frames() -> None:
    assert [scheme.name for scheme in SCHEMES.values() if scheme.in_frame] == ["dlib-68"]
    assert SCHEMES["makeittalk-68"].fps == Fraction(125, 2)
    assert len(set(FROM_106)) == 68


REAL = [
    ("evp/M003.npy", "evp-106", 1074),
    ("atvg/obama_fake.npy", "atvg-68", 649),
    ("makeittalk/pred_fls_M6_04_16k_audio_embed.txt", "makeittalk-68", 287),
]


def real(name: str, scheme: str) -> np.ndarray:
    if not (MEDIA / "outputs" / name).exists():
        pytest.skip(f"no real landmarks here: {MEDIA / 'outputs' / name}")
    return read(MEDIA / "outputs" / name, scheme)


@pytest.mark.parametrize(("name", "scheme", "frames"), REAL)
def test_real_files_are_upright_faces_whose_mouth_opens(name: str, scheme: str, frames: int) -> None:
    tracks = real(name, scheme)
    assert tracks.shape == (frames, 68, 2)
    x, y = np.moveaxis(np.median(tracks, axis=0), 1, 0)
    width = x[16] - x[0]
    assert width > 0
    for left, right in ((17, 26), (36, 39), (39, 42), (42, 45), (31, 35), (48, 54), (60, 64)):
        assert x[left] < x[right]
    brows, eyes, nose, lips = (y[part].mean() for part in (slice(17, 27), slice(36, 48), slice(31, 36), slice(48, 68)))
    assert brows < eyes < nose < lips < y[8]
    assert np.all(np.diff(y[27:31]) > 0)
    gap = tracks[:, 66, 1] - tracks[:, 62, 1]
    assert abs(gap.min()) < 0.04 * width
    assert gap.max() > 0.09 * width


def test_the_106_points_put_the_inner_corners_of_the_lips_nearer_to_the_outer() -> None:
    """What `landmarks` says of the mapping's cost, from the files it says it of."""

    def inset(tracks: np.ndarray) -> float:
        shape = np.median(tracks, axis=0)
        return float(np.linalg.norm(shape[48] - shape[60]) / np.linalg.norm(shape[36] - shape[45]))

    assert inset(real(*REAL[0][:2])) == pytest.approx(0.011, abs=0.001)
    assert inset(real(*REAL[1][:2])) == pytest.approx(0.05, abs=0.005)
