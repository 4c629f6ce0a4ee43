import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from talkbench.reports.contact_sheet import contact_sheet
from talkbench.reports.palette import NEUTRAL, COLOURS, colour_of

TITLES = ["0.0 s", "0.4 s"]


def frames(shape=(64, 64, 3), grey=128):
    return [np.full(shape, grey, np.uint8) for _ in TITLES]


def faces(shift=0.0):
    """Points of a circle: no face, but every contour has a length."""
    angle = np.linspace(0, 6, 68)
    return [np.stack([32 + shift + 20 * np.cos(angle), 32 + 20 * np.sin(angle)], axis=1) for _ in TITLES]


def sheet(methods=2):
    rows = [("Ground Truth", frames(), faces(), ["", ""])]
    rows += [(f"M{at}", frames(), faces(4.0 + at), ["M-LMD 1.32 px", "no face"]) for at in range(methods)]
    return rows


def has_colour(picture, colour):
    return bool((np.abs(picture[..., :3] - to_rgb(colour)).max(axis=-1) < 0.12).any())


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_same_input_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        contact_sheet(sheet(), TITLES, tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_is_as_wide_as_the_text_of_a_paper_and_in_the_methods_colours(tmp_path):
    contact_sheet(sheet(), TITLES, tmp_path / "a.png")
    picture = imread(tmp_path / "a.png")
    assert picture.shape[1] == 2100  # 7 inches at 300 dpi
    third = picture.shape[0] // 3
    method_rows = picture[third:, 72:]  # beside the names, which have the colours too
    assert has_colour(picture[:third, 72:], NEUTRAL)
    assert all(has_colour(method_rows, colour_of(at)) for at in (0, 1))
    assert not has_colour(method_rows, colour_of(2))


def test_a_missing_face_is_not_drawn(tmp_path):
    nobody = [np.full((68, 2), np.nan) for _ in TITLES]
    rows = [("Ground Truth", frames(), nobody, ["", ""]), ("M", frames(), nobody, ["no face"] * 2)]
    contact_sheet(rows, TITLES, tmp_path / "a.png")
    assert not has_colour(imread(tmp_path / "a.png")[:, 72:], colour_of(0))


def test_landmarks_outside_of_the_frame_change_nothing_around_it(tmp_path):
    outside = [face + 500 for face in faces()]
    for name, points in (("in", [face * np.nan for face in faces()]), ("out", outside)):
        contact_sheet([("Ground Truth", frames(), points, ["", ""])], TITLES, tmp_path / f"{name}.png")
    assert (tmp_path / "in.png").read_bytes() == (tmp_path / "out.png").read_bytes()


def test_names_are_text_and_long_names_fit(tmp_path):
    name = r"$\frac{1}{0}$ " + "a very long name of a method " * 5
    rows = [sheet()[0], (name, frames((64, 48, 3)), faces(), ["$x", "_"])]
    contact_sheet(rows, TITLES, tmp_path / "a.svg")


def test_leaves_matplotlib_as_it_was(tmp_path):
    before = dict(mpl.rcParams)
    contact_sheet(sheet(), TITLES, tmp_path / "a.png")
    assert dict(mpl.rcParams) == before


def test_does_not_depend_on_the_users_settings(tmp_path):
    contact_sheet(sheet(), TITLES, tmp_path / "a.png")
    with mpl.rc_context({"font.size": 20, "savefig.bbox": "tight", "lines.linestyle": ":", "savefig.dpi": 50}):
        contact_sheet(sheet(), TITLES, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("rows", "titles", "out"),
    [
        (sheet(), [*TITLES, "0.8 s"], "a.png"),
        ([("Ground Truth", frames(), faces(), ["one"])], TITLES, "a.png"),
        ([], TITLES, "a.png"),
        (sheet(), [], "a.png"),
        (sheet(), TITLES, "a.jpg"),
    ],
    ids=["columns", "captions", "no rows", "no columns", "suffix"],
)
def test_refuses_what_does_not_fit_together(tmp_path, rows, titles, out):
    with pytest.raises(ValueError):  # noqa: PT011
        contact_sheet(rows, titles, tmp_path / out)
    assert not (tmp_path / out).exists()


def test_a_method_keeps_its_colour():
    assert [colour_of(at) for at in range(7)] == list(COLOURS)
    assert colour_of(7) == colour_of(0)
    assert len(set(COLOURS)) == 7
