"""Faces: dlib's own points to the bit, and what is truer about the sub-pixel ones.

`PYTHONPATH=tests python tests/bench/test_faces.py` measures the tables of docs/landmarks.md (four minutes).
"""

import hashlib
import subprocess
import sys
import time
from dataclasses import asdict
from functools import cache
from itertools import combinations

import clips
import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from skimage.data import astronaut

from talkbench.bench import faces
from talkbench.bench.cascade import fit, read_cascade
from talkbench.bench.demo.face import render
from talkbench.bench.demo.pose import Pose
from talkbench.bench.demo.speakers import SPEAKERS
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.faces import FaceFinder, FaceModel, grey
from talkbench.bench.video import probe, read_frames
from talkbench.bench.vocabulary import FaceStatus

MOUTH = slice(48, 68)
REAL = ("hdtf/*.mp4", "vox-crops/0*.mp4", "pairs/*/real_*.mp4", "crema-d/*ANG*.flv", "grid/l*.mpg")


@cache
def finder(**choices):
    return FaceFinder(FaceModel(**choices))


@cache
def predictor():
    return dlib.shape_predictor(str(faces.weights_path()))


@cache
def portrait(side=256):
    """The astronaut's head, grey; her face is 122 px wide at 256."""
    head = grey(astronaut()[20:205, 130:315])
    return cv2.resize(head, (side, side), interpolation=cv2.INTER_CUBIC if side > 185 else cv2.INTER_AREA)


def similarity(dx=0.0, dy=0.0, scale=1.0, roll=0.0):
    """(2, 3): about the middle of a 256 px frame; roll in degrees."""
    matrix = cv2.getRotationMatrix2D((127.5, 127.5), roll, scale)
    matrix[:, 2] += dx, dy
    return matrix


def moved(picture, matrix):
    """A 256 px frame of a larger square picture after a similarity in the frame's px: its detail moves by fractions."""
    times = picture.shape[0] / 256
    fine = matrix.copy()
    fine[:, 2] = times * (matrix[:, 2] + matrix[:, :2] @ [0.5, 0.5] - 0.5) + (0.5 - matrix[:, :2] @ [0.5, 0.5])
    warped = cv2.warpAffine(picture, fine, picture.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(warped, (256, 256), interpolation=cv2.INTER_AREA)


def carried(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


def back(matrix, points):
    return carried(cv2.invertAffineTransform(matrix), points)


def distance(one, other, part=slice(None), *, centred=True):
    """F-LMD, or M-LMD with `part` the mouth, of points (..., 68, 2)."""
    one, other = one[..., part, :], other[..., part, :]
    if centred:
        one, other = (side - side.mean(axis=-2, keepdims=True) for side in (one, other))
    return np.linalg.norm(one - other, axis=-1).mean(axis=-1)


def random_moves(count, seed=0, shift=4.0, scale=0.05, roll=5.0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield similarity(
            *rng.uniform(-shift, shift, 2), 1 + float(rng.uniform(-scale, scale)), float(rng.uniform(-roll, roll))
        )


def test_integer_points_are_dlibs_own():
    frames = [moved(portrait(768), matrix) for matrix in random_moves(30)]
    frames += [frame[:, 70:].copy() for frame in frames[:8]] + [frame[:165].copy() for frame in frames[:8]]
    detect, found = dlib.get_frontal_face_detector(), 0
    for frame in clips.noisy(frames, 3):
        ours = finder(points="integer").find(frame)
        for box in detect(frame, 0)[:1]:
            points = [(p.x, p.y) for p in predictor()(frame, box).parts()]
            np.testing.assert_array_equal(ours.landmarks, points)
            found += 1
    assert found > 30


def test_the_cascade_between_pixels_agrees_with_dlib_on_an_enlarged_frame():
    # Eight times larger, dlib's nearest pixels and whole numbers are an eighth of a pixel apart.
    differences = []
    for matrix in random_moves(8, seed=1):
        frame = moved(portrait(768), matrix)
        box = box_of(frame)
        differences.append(finder()._cascade.walk(frame, box, subpixel=True) - enlarged(8)(frame, box))
    assert np.abs(differences).mean() < 0.2
    assert np.abs(np.mean(differences, axis=(0, 1))).max() < 0.06  # half a pixel of convention would be 0.44


def test_points_have_no_bias_with_the_size_of_the_frame():
    base = [moved(portrait(768), matrix) for matrix in random_moves(8, seed=2)]
    at_one = np.array([finder().find(frame).landmarks for frame in base])
    for times in (2, 3):
        large = [cv2.resize(frame, None, fx=times, fy=times) for frame in base]
        points = np.array([(finder().find(frame).landmarks + 0.5) / times - 0.5 for frame in large])
        assert np.abs((points - at_one).mean(axis=(0, 1))).max() < 0.05


def test_subpixel_points_follow_known_motion_where_integer_points_do_not():
    matrices = list(random_moves(24, seed=3))
    frames = [moved(portrait(768), matrix) for matrix in matrices]
    floors = {}
    for points in ("integer", "subpixel-1"):
        still = np.array(
            [back(m, finder(points=points).find(f).landmarks) for m, f in zip(matrices, frames, strict=True)]
        )
        floors[points] = [distance(still[1:], still[:-1], part).mean() for part in (slice(None), MOUTH)]
    assert floors["subpixel-1"][0] < 0.25
    assert floors["subpixel-1"][1] < 0.2
    assert min(floors["integer"]) > 0.5


@settings(max_examples=20, deadline=None)
@given(dx=st.floats(-6, 6), dy=st.floats(-6, 6), scale=st.floats(0.93, 1.07), roll=st.floats(-8, 8))
def test_points_move_with_the_picture(dx, dy, scale, roll):
    matrix = similarity(dx, dy, scale, roll)
    here = finder().find(moved(portrait(768), similarity())).landmarks
    there = finder().find(moved(portrait(768), matrix)).landmarks
    assert distance(there, carried(matrix, here), centred=False) < 0.6


def test_the_detectors_grid_hardly_moves_the_points():
    # The same pixels, cut out elsewhere: only the detector's steps of a tenth of the face change.
    large = cv2.copyMakeBorder(moved(portrait(768), similarity()), 40, 40, 40, 40, cv2.BORDER_REPLICATE)
    cuts = [(x, y) for x in range(0, 32, 5) for y in (0, 9, 18)]
    jitter = {}
    for points in ("integer", "subpixel-1"):
        found = [
            finder(points=points).find(large[y : y + 296, x : x + 296]).landmarks + np.array([x, y]) for x, y in cuts
        ]
        jitter[points] = np.mean([distance(a, b, centred=False) for a, b in combinations(found, 2)])
    assert jitter["subpixel-1"] < 0.3
    assert jitter["integer"] > 2 * jitter["subpixel-1"]


def test_a_mirrored_face_has_mirrored_points():
    for matrix in random_moves(6, seed=4):
        frame = moved(portrait(768), matrix)
        mirrored = finder().find(frame[:, ::-1]).landmarks[finder()._cascade.left_right]
        mirrored[:, 0] = 255 - mirrored[:, 0]
        assert distance(mirrored, finder().find(frame).landmarks, centred=False) < 0.35


def test_left_and_right_are_the_ibug_pairs():
    pairs = {
        0: 16,
        8: 8,
        17: 26,
        21: 22,
        30: 30,
        31: 35,
        36: 45,
        37: 44,
        39: 42,
        41: 46,
        48: 54,
        50: 52,
        59: 55,
        60: 64,
        67: 65,
    }
    swap = finder()._cascade.left_right
    assert {left: swap[left] for left in pairs} == pairs
    np.testing.assert_array_equal(swap[swap], np.arange(68))


def demo_faces(speaker, count, seed=5):
    """Grey frames of a demo speaker in random poses, and their true landmarks."""
    spread = np.random.default_rng(seed).uniform([0, -0.5, 0, -3, -3, -4, -3], [0.9, 0.5, 0.6, 3, 3, 4, 3], (count, 7))
    names = ("jaw", "width", "round", "shift_x", "shift_y", "yaw", "roll")
    frames, truth = zip(*(render(speaker, Pose(**dict(zip(names, row, strict=True)))) for row in spread), strict=True)
    return [grey(frame) for frame in frames], np.array(truth)


def motion_error(found, truth, part=slice(None)):
    """Mean error in px of centred points (T, 68, 2), less each point's constant part: where it sits is a convention."""
    error = found[:, part] - truth[:, part]
    error = error - error.mean(axis=1, keepdims=True)
    return np.linalg.norm(error - error.mean(axis=0), axis=2).mean()


def test_subpixel_points_are_nearer_to_the_demos_truth():
    for speaker in ("W009", "M003"):
        frames, truth = demo_faces(speaker, 12)
        integer, subpixel = (
            np.array([finder(points=points).find(frame).landmarks for frame in frames])
            for points in ("integer", "subpixel-1")
        )
        assert motion_error(subpixel, truth) < 0.95 * motion_error(integer, truth)


_TRAP = """
import av, io, numpy as np
from skimage.data import astronaut
from talkbench.bench.faces import FaceFinder, FaceModel, grey
picture, finder = astronaut()[0:288, 60:420], FaceFinder(FaceModel())
file = io.BytesIO()
with av.open(file, "w", format="mpeg") as clip:
    stream = clip.add_stream("mpeg1video", rate=25)
    stream.width, stream.height = 360, 288
    for _ in range(3):
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
    clip.mux(stream.encode())
file.seek(0)

padded = np.zeros((288, 384), np.uint8)
padded[:, :360] = grey(picture)
read_only = np.ascontiguousarray(grey(picture))
read_only.flags.writeable = False
views = [padded[:, :360], grey(astronaut())[0:288, 60:420], grey(picture)[:, ::-1], np.asfortranarray(grey(picture))]
with av.open(file) as clip:
    for frame in clip.decode(video=0):
        views += [read_only, frame.to_ndarray(format="gray"), grey(frame.to_ndarray(format="rgb24"))]
for view in views:
    found = finder.find(view)
    same = finder.find(view.copy(order="C"))
    assert found.count == same.count == 1, view.strides
    assert np.array_equal(found.landmarks, same.landmarks), view.strides
print(sum(not view.flags.c_contiguous for view in views), len(views))
"""


def test_padded_rows_crops_and_a_360_px_wide_clip_are_no_trap():
    done = subprocess.run([sys.executable, "-c", _TRAP], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    odd, views = map(int, done.stdout.split())
    assert odd >= 4
    assert views >= 10


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (1, 300), (300, 1), (7, 40), (80, 80), (256, 256)])
def test_no_face_is_nan_with_a_reason(shape):
    for picture in (np.full(shape, 128, np.uint8), np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)):
        face = finder().find(picture)
        assert face.landmarks.shape == (68, 2)
        assert face.landmarks.dtype == np.float32
        assert np.isnan(face.landmarks).all()
        assert (face.status, face.count) == (FaceStatus.NO_FACE, 0)


def test_find_returns_landmarks_status_and_count():
    landmarks, status, count = finder().find(portrait())
    assert landmarks.dtype == np.float32
    assert not np.isnan(landmarks).any()
    assert (status, count) == (FaceStatus.OK, 1)


@pytest.mark.parametrize("points", ["subpixel-1", "integer"])
@pytest.mark.parametrize("cut", ["left", "right", "top", "bottom"])
def test_a_face_partly_outside_the_frame_keeps_its_points(cut, points):
    whole = finder().find(portrait()).landmarks
    left, top, right, bottom = 0, 0, 256, 256
    if cut == "left":
        left = int(whole[:, 0].min()) + 6
    if cut == "right":
        right = int(whole[:, 0].max()) - 6
    if cut == "top":
        top = int(whole[:, 1].min()) + 4
    if cut == "bottom":
        bottom = int(whole[:, 1].max()) - 6
    face = finder(points=points).find(portrait()[top:bottom, left:right])
    assert face.count == 1
    assert distance(face.landmarks + np.array([left, top]), whole, centred=False) < 3


@pytest.mark.parametrize("large_first", [False, True])
def test_the_face_is_the_one_that_was_asked_for(large_first):
    small, large = cv2.copyMakeBorder(portrait(180), 0, 76, 0, 0, cv2.BORDER_REPLICATE), portrait()
    frame = np.hstack([large, small] if large_first else [small, large])
    middle = 256 if large_first else 180
    boxes = dlib.get_frontal_face_detector()(frame, 0)
    assert len(boxes) == 2
    on_the_left = {"largest": large_first, "first": boxes[0].left() < middle, "last": boxes[1].left() < middle}
    for face, left in on_the_left.items():
        found = finder(face=face).find(frame)
        assert found.count == 2
        assert (found.landmarks[:, 0].mean() < middle) == left


def test_of_equal_faces_the_leftmost_is_taken_then_the_topmost():
    boxes = [dlib.rectangle(*sides) for sides in ((90, 0, 140, 50), (10, 60, 60, 110), (10, 5, 60, 55), (0, 0, 49, 50))]
    for order in (boxes, boxes[::-1]):
        chosen = faces._chosen(order, "largest")
        assert (chosen.left(), chosen.top()) == (10, 5)


def test_doubling_is_tried_in_the_stated_order_until_a_face_is_found():
    small = cv2.resize(portrait(), (96, 96), interpolation=cv2.INTER_AREA)  # the face is 46 px, the detector's least 80
    assert [finder(upsamples=u).find(small).count for u in ((0,), (1,), (0, 1))] == [0, 1, 1]
    np.testing.assert_array_equal(finder(upsamples=(1,)).find(small).landmarks, finder().find(small).landmarks)


def test_same_frame_same_bytes_whatever_came_before():
    frames = [moved(portrait(768), matrix) for matrix in random_moves(3, seed=6)]
    kept = [frame.copy() for frame in frames]
    once = [finder().find(frame).landmarks.tobytes() for frame in frames]
    other = FaceFinder(FaceModel())
    assert [other.find(frame).landmarks.tobytes() for frame in reversed(frames)] == once[::-1]
    np.testing.assert_array_equal(frames, kept)


def test_grey_is_bt601_luma_and_bgr_swaps_red_and_blue():
    rgb = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    assert np.abs(grey(rgb) - rgb @ (0.299, 0.587, 0.114)).max() < 0.6
    np.testing.assert_array_equal(grey(rgb, channels="bgr"), grey(rgb[..., ::-1].copy()))


@pytest.mark.parametrize("wrong", [astronaut(), portrait().astype(float), np.zeros((0, 5), np.uint8)])
def test_anything_but_a_grey_frame_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected a grey frame \(H, W\) of bytes"):
        finder().find(wrong)


def test_a_protocol_file_cannot_misspell_a_choice():
    model = TypeAdapter(FaceModel)
    assert model.validate_python({"upsamples": [0], "face": "first"}) == FaceModel(upsamples=(0,), face="first")
    for wrong in (
        {"upsample": [0]},
        {"face": "biggest"},
        {"points": "subpixel"},
        {"channels": "grey"},
        {"search": "some"},
    ):
        with pytest.raises(ValidationError):
            model.validate_python(wrong)
    assert set(asdict(FaceModel())) == {"upsamples", "face", "points", "channels", "search"}


def test_weights_are_named_by_their_hash_and_missed_by_name(monkeypatch, tmp_path):
    assert hashlib.sha256(faces.weights_path().read_bytes()).hexdigest().startswith(faces.weights_hash())
    assert len(faces.weights_hash()) >= 8
    short = tmp_path / "short.dat"
    short.write_bytes(faces.weights_path().read_bytes()[:1_000_000])
    with pytest.raises(TalkbenchError, match=r"short\.dat: expected dlib's 68-point weights"):
        read_cascade(short)
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    with pytest.raises(TalkbenchError, match="pip install 'face_recognition_models"):
        FaceFinder(FaceModel())


def test_importing_is_light_and_the_weights_package_is_never_imported():
    code = (
        "import sys; from talkbench.bench.faces import FaceFinder, FaceModel;"
        "print('dlib' in sys.modules, 'numba' in sys.modules);"
        "FaceFinder(FaceModel()); print('face_recognition_models' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False", "False"]


def real_clips():
    """Up to two clips of each kind of real footage."""
    return [file for kind in REAL for file in sorted(clips.MEDIA.glob(kind))[:2]]


def real_frames(file, count):
    """`count` square frames of a real clip, 256 px, from half a second on."""
    facts = probe(file, rate=25)
    frames = read_frames(file, source_rate=facts.rate, rate=None)
    squares = []
    for index, frame in enumerate(frames):
        if index >= 12 + count:
            break
        side = min(frame.shape[:2])
        top, left = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
        square = np.ascontiguousarray(frame[top : top + side, left : left + side])
        squares.append(cv2.resize(square, (256, 256), interpolation=cv2.INTER_AREA if side > 256 else cv2.INTER_LINEAR))
    return squares[12:]


def re_encoded(frames, folder, crf=23):
    file = clips.write(folder / "again.mp4", frames, options={"crf": str(crf), "threads": "1"})
    return list(read_frames(file, source_rate=25, rate=None))


@pytest.mark.skipif(not real_clips(), reason="no real clips beside the repository")
def test_a_real_clip_and_its_re_encoded_copy_differ_less_than_half_as_much(tmp_path):
    frames = real_frames(real_clips()[0], 16)
    again = re_encoded(frames, tmp_path)
    floor = {}
    for points in ("integer", "subpixel-1"):
        one, other = (
            np.array([finder(points=points).find(grey(f)).landmarks for f in side]) for side in (frames, again)
        )
        floor[points] = distance(one, other, MOUTH).mean()
    assert floor["subpixel-1"] < min(0.25, floor["integer"] / 2)


# The measurements of docs/landmarks.md.


def enlarged(times):
    """Points by dlib itself on the face cut out with a margin and made larger, the plain remedy."""

    def place(frame, box):
        (width, _, left), (_, height, top) = box
        margin = round(0.4 * width)
        wide = cv2.copyMakeBorder(frame, *4 * [2 * margin], cv2.BORDER_REPLICATE)
        x, y = int(left) + margin, int(top) + margin
        chip = wide[y : y + int(height) + 2 * margin, x : x + int(width) + 2 * margin]
        large = cv2.resize(chip, None, fx=times, fy=times)
        sides = [round((margin + side + 0.5) * times - 0.5) for side in (0, 0, width, height)]
        parts = predictor()(large, dlib.rectangle(*sides)).parts()
        return (np.array([(p.x, p.y) for p in parts]) + 0.5) / times - 0.5 + np.array([left - margin, top - margin])

    return place


def refined(*, smooth):
    """The definition's steps up to the mirror image."""
    cascade, steady = finder()._cascade, slice(27, 46)

    def place(frame, box):
        first = cascade.walk(frame, box, subpixel=True)
        box = fit(cascade.mean[steady], first[steady])
        if smooth:
            frame = cv2.GaussianBlur(frame, (0, 0), 0.008 * np.hypot(box[0, 0], box[1, 0]))
        return cascade.walk(frame, box, subpixel=True)

    return place


def ways():
    """The ways to place points that the tables compare: (frame, box) to (68, 2)."""
    return {
        "dlib's own (`integer`)": enlarged(1),
        "dlib, face enlarged 2×": enlarged(2),
        "dlib, face enlarged 4×": enlarged(4),
        "dlib, face enlarged 8×": enlarged(8),
        "between pixels": lambda frame, box: finder()._cascade.walk(frame, box, subpixel=True),
        "+ refined box": refined(smooth=False),
        "+ smoothing": refined(smooth=True),
        "+ mirror image (`subpixel-1`)": lambda frame, box: finder().place(frame, finder().start(frame, box)).points,
    }


def box_of(frame):
    boxes = finder()._detect(frame, 0) or finder()._detect(frame, 1)
    return faces._box(faces._chosen(boxes, "largest")) if boxes else None


def stills():
    """The portrait, and a frame of each real clip at its own size."""
    yield cv2.resize(portrait(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    for file in real_clips():
        frame = next(iter(read_frames(file, source_rate=25, rate=None)))
        side = min(frame.shape[:2])
        left = (frame.shape[1] - side) // 2
        yield np.ascontiguousarray(grey(frame)[:side, left : left + side])


def synthetic_rows(count=16):
    """Per way: F- and M-LMD in px between copies of a still that were cut out elsewhere, or moved, and carried back."""
    moves, cuts = {name: ([], []) for name in ways()}, {name: ([], []) for name in ways()}
    for picture in stills():
        still = moved(picture, similarity())
        matrices = list(random_moves(count, seed=7))
        frames = [moved(picture, matrix) for matrix in matrices]
        known = [(m, f, b) for m, f in zip(matrices, frames, strict=True) if (b := box_of(f)) is not None]
        wide = cv2.copyMakeBorder(still, 32, 32, 32, 32, cv2.BORDER_REPLICATE)
        corners = [(x, y) for x in range(0, 64, 9) for y in (0, 21, 42)]
        boxes = [
            b - [[0, 0, 32 - x], [0, 0, 32 - y]]
            for x, y in corners
            if (b := box_of(wide[y : y + 256, x : x + 256])) is not None
        ]
        for name, place in ways().items():
            here = np.array([back(m, place(f, b)) for m, f, b in known])
            there = np.array([place(still, b) for b in boxes])
            for rows, points in ((moves, here), (cuts, there)):
                pairs = [(a, b) for a, b in combinations(points, 2)]
                for part, column in zip((slice(None), MOUTH), rows[name], strict=True):
                    column.append(np.mean([distance(a, b, part) for a, b in pairs]))
    return {name: [np.median(column) for rows in (cuts, moves) for column in rows[name]] for name in ways()}


def real_rows(folder, count=50):
    """Per way: F- and M-LMD in px between real clips and their re-encoded copies, and between consecutive frames."""
    rows = {name: [] for name in ways()}
    for file in real_clips():
        sides = []
        frames = real_frames(file, count)
        for side in (frames, re_encoded(frames, folder)):
            sides.append([(g, box_of(g)) for g in map(grey, side)])
        seen = [(a, b) for a, b in zip(*sides, strict=True) if a[1] is not None and b[1] is not None]
        for name, place in ways().items():
            one, other = (np.array([place(*pair[k]) for pair in seen]) for k in (0, 1))
            noise = [distance(one, other, part).mean() for part in (slice(None), MOUTH)]
            rows[name].append(noise + [distance(one[1:], one[:-1], part).mean() for part in (slice(None), MOUTH)])
    return {name: np.median(values, axis=0) for name, values in rows.items()}


def demo_rows(count=30):
    """Per way: the error of motion in px, all points and mouth, and the mouth's distances against the true ones."""
    rows = {name: [] for name in ways()}
    for speaker in SPEAKERS:
        frames, truth = demo_faces(speaker, count)
        pairs = np.array(list(combinations(range(count), 2))).T
        true = distance(truth[pairs[0]], truth[pairs[1]], MOUTH).mean()
        for name, place in ways().items():
            found = np.array([place(frame, box_of(frame)) for frame in frames])
            gain = distance(found[pairs[0]], found[pairs[1]], MOUTH).mean() / true
            rows[name].append([motion_error(found, truth), motion_error(found, truth, MOUTH), gain])
    return {name: np.mean(values, axis=0) for name, values in rows.items()}


def costs(side, repeats=15):
    """Per way: CPU ms per frame, the median over moved portraits of the best of `repeats`, a detection before each."""
    frames = [cv2.resize(moved(portrait(768), m), (side, side)) for m in random_moves(8, seed=8)]
    rows = {}
    for name, place in {"detection": lambda frame, box: finder()._detect(frame, 0), **ways()}.items():
        best = []
        for frame in frames:
            box, took = box_of(frame), []
            for _ in range(repeats):
                finder()._detect(frame, 0)
                begin = time.thread_time()
                place(frame, box)
                took.append(1e3 * (time.thread_time() - begin))
            best.append(min(took))
        rows[name] = float(np.median(best))
    return rows


def main():
    import tempfile
    from pathlib import Path

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        noise = synthetic_rows(), real_rows(Path(folder)) if real_clips() else {}, demo_rows()
    took = {side: costs(side) for side in (256, 512)}
    print("way | box F, M | moved F, M | again F, M | next F, M | demo F, M, gain | ms 256², 512²")  # noqa: T201
    for name in ("detection", *ways()):
        numbers = [f"{x:.2f}" for table in noise for x in table.get(name, ())]
        print(" | ".join([name, *numbers, f"{took[256][name]:.1f}", f"{took[512][name]:.1f}"]))  # noqa: T201


if __name__ == "__main__":
    main()
