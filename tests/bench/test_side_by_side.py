"""The video of a clip and its takes: every frame where it belongs, whatever the originals are."""

from fractions import Fraction

import av
import clips
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_run import stamp, stamped

from talkbench.bench.originals import Original
from talkbench.bench.side_by_side import Picture, fitted, lay_out, write_side_by_side

COUNT = 16
RATE = Fraction(25)


def flat(size=(96, 96)):
    return stamped([np.full((size[1], size[0], 3), 128, np.uint8)] * COUNT)


GOOD = {"flags": "+qscale", "global_quality": "236"}
ORIGINALS = {
    "mp4v.mp4": lambda file: clips.write(file, flat(), codec="mpeg4", options=GOOD),
    "ffv1.mkv": lambda file: clips.write(file, flat(), codec="ffv1", pix_fmt="bgr0"),
    "yuv444p.mp4": lambda file: clips.write(file, flat(), pix_fmt="yuv444p"),
    "mjpeg.avi": lambda file: clips.write(file, flat(), codec="mjpeg", pix_fmt="yuvj420p"),
    "flv1.flv": lambda file: clips.write(file, flat(), codec="flv", options=GOOD),
    "odd.mkv": lambda file: clips.write(file, flat((95, 127)), codec="ffv1", pix_fmt="bgr0"),
    "frames": lambda file: clips.write_frames(file, flat()),
}


def written(file, shown, *paths, rate=RATE):
    pictures = [Picture(Original(path, ""), tuple(one)) for path, one in zip(paths, shown, strict=True)]
    where = lay_out([(96, 96)] * len(paths))
    write_side_by_side(file, pictures, where, rate=rate, fps=RATE, folder_rate=RATE, sound=None)
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        decoded = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
    assert [time for time, _ in decoded] == pytest.approx([k / 25 for k in range(len(decoded))], abs=1e-4)
    return [
        [stamp(picture[at.top : at.top + at.height, at.left : at.left + at.width]) for _, picture in decoded]
        for at in where
    ]


@pytest.mark.parametrize("name", ORIGINALS)
def test_any_format_becomes_one_that_browsers_play_at_the_same_times(name, tmp_path):
    path = ORIGINALS[name](tmp_path / name)
    assert written(tmp_path / "out.mp4", [range(COUNT)], path) == [list(range(COUNT))]


def test_each_picture_shows_the_frames_it_is_told_and_stays_on_its_last(tmp_path):
    one = clips.write(tmp_path / "one.mp4", flat())
    late = [0, 0, 0, *range(13)]
    past = [*range(14), 20, 21]
    assert written(tmp_path / "out.mp4", [range(COUNT), late, past], one, one, one) == [
        list(range(COUNT)),
        late,
        [*range(14), 15, 15],
    ]


def test_frames_are_taken_at_the_rate_of_the_comparison(tmp_path):
    fast = clips.write(tmp_path / "fast.mp4", flat(), fps=50)
    assert written(tmp_path / "out.mp4", [range(8)], fast) == [list(range(0, 16, 2))]
    assert written(tmp_path / "all.mp4", [range(COUNT)], fast, rate=None) == [list(range(COUNT))]


@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 4000)), min_size=1, max_size=12))
def test_pictures_do_not_overlap_and_keep_their_aspect(sizes):
    shown = [fitted(*size) for size in sizes]
    places = lay_out(shown)
    assert [(place.width, place.height) for place in places] == shown
    for (width, height), (across, down) in zip(sizes, shown, strict=True):
        assert across % 2 == down % 2 == 0
        assert max(across, down) <= 360
        scale = min(1.0, 360 / max(width, height))
        assert (abs(across - width * scale), abs(down - height * scale)) <= (2, 2)
    taken = np.zeros((4 * 368, 4 * 368), int)
    for place in places:
        assert place.left % 16 == place.top % 16 == 0
        taken[place.top : place.top + place.height, place.left : place.left + place.width] += 1
    assert taken.max() == 1


def test_nothing_is_left_where_a_video_cannot_be_decoded(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(Exception, match=r"broken\.mp4"):
        written(tmp_path / "out" / "out.mp4", [range(COUNT)], broken)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
