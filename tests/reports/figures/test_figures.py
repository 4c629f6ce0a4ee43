"""Every figure: the same bytes, text that can be read and lies over no other text, no face that is not there."""

import warnings
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from made_results import moved, results, same, without_face
from matplotlib.colors import to_hex
from matplotlib.text import Text
from skimage.metrics import structural_similarity

from talkbench.bench.errors import TalkbenchError
from talkbench.reports.figures import canvas
from talkbench.reports.figures.curves import curves_figure
from talkbench.reports.figures.distribution import distribution_figure
from talkbench.reports.figures.frames import frame_figure, local_ssim, worst_window
from talkbench.reports.figures.landmarks import landmark_figure
from talkbench.reports.figures.overlay import overlay_frames
from talkbench.reports.figures.regions import BLUE, GREEN, RED
from talkbench.reports.figures.tracks import scale_of, spread_frames, tracks
from talkbench.reports.figures.trade_off import trade_off_figure
from talkbench.reports.palette import style_of

NAMES = ("Ours", r"$\frac{1}{0}$ _x & a very long name of a method", "_hidden", "<b>", "日本語", "M6", "M7", "M8", "M9")
CLIP = "<script>/$x_1$ é"
SOUND = (np.sin(np.arange(8000) / 9).astype(np.float32), 16000)


def run(count=2, **arguments):
    methods = {name: moved(slice(55, 60), 2.0 + at) for at, name in enumerate(NAMES[:count])}
    return results(methods, {CLIP: "happy", **{f"clip {at}": "_sad$" for at in range(6)}}, **arguments)


def pictures(made, frames=(0, 5, 11), size=64):
    grey = {frame: np.full((size, size, 3), 120, np.uint8) for frame in frames}
    return {"Ground Truth": grey, **{method: dict(grey) for method in made.run["methods"]}}


FIGURES = {
    "landmarks": lambda made, width: landmark_figure(made, CLIP, width=width),
    "frames": lambda made, width: frame_figure(made, CLIP, pictures(made), width=width),
    "curves": lambda made, width: curves_figure(made, CLIP, "M-LMD", sound=SOUND, width=width),
    "distribution": lambda made, width: distribution_figure(made, ["M-LMD", "PSNR"], by="emotion", width=width),
    "trade-off": lambda made, width: trade_off_figure(made, "M-LMD", "PSNR", width=width),
}


def texts(figure):
    canvas.encoded(figure, ".png", dpi=100)  # lays it out, at the dpi that extents are in
    renderer = figure.canvas.get_renderer()
    beyond = {
        tick.label1  # matplotlib keeps a tick on either side of the axis, and does not draw it
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    shown = [text for text in shown if text not in beyond]
    with canvas.house_style():
        return [(text, text.get_window_extent(renderer)) for text in shown]


@pytest.mark.parametrize("kind", FIGURES)
def test_same_input_same_bytes_whatever_the_users_settings(kind):
    for suffix in canvas.SUFFIXES:
        one = canvas.encoded(FIGURES[kind](run(), canvas.SINGLE), suffix, dpi=100)
        with mpl.rc_context({"font.size": 20, "savefig.bbox": "tight", "lines.linestyle": ":", "text.usetex": False}):
            other = canvas.encoded(FIGURES[kind](run(), canvas.SINGLE), suffix, dpi=100)
        assert one == other
        assert b"id:0123456789" in one or suffix == ".pdf"  # a PDF's strings are in UTF-16


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize(("width", "count"), [(canvas.SINGLE, 2), (canvas.SINGLE, 9), (canvas.DOUBLE, 9)])
def test_text_is_large_enough_inside_the_page_and_over_no_other_text(kind, width, count):
    before = dict(mpl.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = FIGURES[kind](run(count), width)
        found = texts(figure)
    assert dict(mpl.rcParams) == before
    page = figure.bbox
    assert figure.get_figwidth() == width
    for text, extent in found:
        assert text.get_fontsize() >= 6
        assert extent.x0 >= page.x0 - 1, text
        assert extent.x1 <= page.x1 + 1, text
        assert extent.y0 >= page.y0 - 1, text
        assert extent.y1 <= page.y1 + 1, text
    for at, (text, extent) in enumerate(found):
        for other, there in found[:at]:
            overlap = (
                min(extent.x1, there.x1) - max(extent.x0, there.x0),
                min(extent.y1, there.y1) - max(extent.y0, there.y0),
            )
            assert min(overlap) < 1, (text, other)


@pytest.mark.parametrize("kind", ["curves", "distribution", "trade-off"])
def test_names_are_shown_as_they_are(kind):
    shown = {text.get_text() for text, _ in texts(FIGURES[kind](run(5), canvas.DOUBLE))}
    assert set(NAMES[:5]) <= shown


def panels(figure, colour):
    """The axes that hold a box of this colour."""
    return [
        at
        for at, axes in enumerate(figure.axes)
        if any(to_hex(p.get_edgecolor()) == colour.lower() for p in axes.patches)
    ]


def test_landmarks_are_boxed_in_the_row_of_the_method_that_is_wrong():
    made = results({"good": same, "lips": moved(slice(55, 60), 9.0), "jaw": moved(slice(0, 6), 9.0)})
    figure = landmark_figure(made, "clip", frames=[2, 7])
    rows = 5  # ground truth, three methods, overlaid
    assert panels(figure, RED) == [2, rows + 2]
    assert panels(figure, BLUE) == [3, rows + 3]


def test_a_missing_face_is_said_and_not_drawn():
    made = results({"a": without_face(2), "b": same})
    figure = landmark_figure(made, "clip", frames=[2])
    assert figure.axes[1].texts[0].get_text() == "no face"
    assert {line.get_color() for line in figure.axes[1].lines} <= {"#B8B8B8"}  # the ground truth alone
    assert [text.get_text() for text, _ in texts(figure)].count("M-LMD: no face") == 1
    drawn = frame_figure(made, "clip", pictures(made, frames=(2,)), landmarks=True)
    mine = [line for line in drawn.axes[1].lines if line.get_color() == style_of(0).colour]
    assert all(np.isnan(line.get_ydata()).all() for line in mine)


def test_a_frame_that_was_not_compared_is_said():
    made = run()
    made = replace(made, frames=made.frames[(made.frames["method"] != "Ours") | (made.frames["frame"] <= 8)])
    figure = landmark_figure(made, CLIP, frames=[11])
    assert figure.axes[1].texts[0].get_text() == "not compared"


def test_a_curve_has_a_gap_where_there_is_no_face_and_its_worst_frame_is_marked():
    made = results({"a": lambda track: without_face(4)(moved(slice(55, 60), 9.0, at=slice(7, 8))(track))})
    figure = curves_figure(made, "clip", "M-LMD")
    curve, *_, ring = figure.axes[0].lines
    assert np.flatnonzero(np.isnan(curve.get_ydata())).tolist() == [4]
    assert ring.get_xdata()[0] == pytest.approx(7 / 25)
    assert len(figure.axes[0].collections[0].get_segments()) == 1


def test_psnr_of_a_frame_is_that_of_its_mse():
    (track, *_) = tracks(run(), CLIP)
    assert track.values(scale_of(run(), "PSNR"))[0] == pytest.approx(10 * np.log10(255**2 / 10))


def test_the_frames_chosen_are_spread_and_hold_the_worst():
    found = tracks(results({"a": same, "b": moved(slice(55, 60), 9.0, at=slice(7, 8))}, count=50), "clip")
    assert spread_frames(found, 6) == ([5, 7, 15, 25, 35, 45], 7)
    nobody = tracks(results({"a": lambda track: track * np.nan}), "clip")
    assert spread_frames(nobody, 3) == ([2, 6, 10], None)


def test_a_run_without_a_clock_counts_frames():
    figure = landmark_figure(run(fps="native"), CLIP, frames=[3])
    assert any(text.get_text().startswith("frame 3") for text, _ in texts(figure))
    assert curves_figure(run(fps="native"), CLIP, "M-LMD").axes[0].get_xlabel() == "Frame"


def test_infinite_values_have_no_point_and_are_counted():
    made = run(1)
    made.clips.loc[0, "PSNR"] = np.inf
    figure = distribution_figure(made, ["PSNR"])
    assert figure.axes[0].get_title(loc="right").startswith("1 clip value")
    made.clips["PSNR"] = np.inf
    figure = trade_off_figure(made, "M-LMD", "PSNR")
    assert "No method" in figure.axes[0].texts[0].get_text()


def test_local_ssim_is_scikit_images():
    rng = np.random.default_rng(0)
    gt, gen = rng.integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    _, expected = structural_similarity(gt @ luma, gen @ luma, data_range=255, full=True, use_sample_covariance=False)
    np.testing.assert_allclose(local_ssim(gt, gen)[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-9)


def test_the_window_of_an_artefact_is_found_and_none_where_frames_are_equal():
    rng = np.random.default_rng(1)
    gt = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    broken = gt.copy()
    broken[60:72, 20:32] = 0
    shown = {
        "Ground Truth": {0: gt},
        "good": {0: gt},
        "bad": {0: broken},
        "other size": {0: gt[:90]},
        "none": {0: None},
    }
    found = worst_window(shown, 0)
    assert (found.method, found.side) == ("bad", 12)
    assert abs(found.left - 20) <= 3
    assert abs(found.top - 60) <= 3
    assert worst_window({"Ground Truth": {0: gt}, "good": {0: gt}}, 0) is None
    made = results({"good": same, "bad": same})
    figure = frame_figure(made, "clip", {key: shown[key] for key in ("Ground Truth", "good", "bad")})
    assert panels(figure, GREEN) == [2]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda made: landmark_figure(made, "<script>/$x$ é"), "Did you mean '<script>/$x_1$ é'"),
        (lambda made: landmark_figure(made, CLIP, frames=[99]), "frames 0 to 11"),
        (lambda made: curves_figure(made, CLIP, "M-LDM"), "Did you mean 'M-LMD'"),
        (lambda made: trade_off_figure(made, "M-LMD", "SIM"), "Did you mean 'SSIM'"),
    ],
)
def test_what_is_not_there_is_one_line_with_the_nearest_name(draw, message):
    with pytest.raises(TalkbenchError) as caught:
        draw(run())
    assert message in str(caught.value)


def test_overlay_panels_have_even_sizes_colours_and_say_what_is_missing():
    made = results({"a": moved(slice(0, 68), 3.0), "b": without_face(1)})
    black = np.zeros((257, 205, 3), np.uint8)
    moments = ((at, {"Ground Truth": black, "a": black}) for at in (0, 1))
    first, second = overlay_frames(made, "clip", moments)
    assert first.shape == second.shape
    assert first.shape[0] % 2 == first.shape[1] % 2 == 0
    panel = first.shape[1] // 3
    wanted = tuple(int(style_of(0).colour[at : at + 2], 16) for at in (1, 3, 5))
    close = np.abs(first.astype(int) - wanted).max(axis=2)[60:] < 60
    assert close[:, panel : 2 * panel].sum() > 100
    assert not close[:, :panel].any()
    assert (first[60:300, 2 * panel :] > 200).any()  # no picture of b: a grey panel that says so


def test_a_figure_of_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a file name"):
        canvas.save(landmark_figure(run(), CLIP), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())
