"""Every protocol against a literal re-statement of its script: loops over random frames and points, no code of ours.

The protocol's side of each comparison is a whole run: frames on disk, pairing, alignment, metrics, table. Only the
detector is scripted: it knows each frame and answers with the points that were drawn for it, or with no face.
"""

import math
from dataclasses import dataclass

import clips
import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import talkbench
from talkbench.bench.faces import Face, FaceFinder
from talkbench.bench.protocol import PROTOCOLS
from talkbench.bench.vocabulary import FaceStatus
from talkbench.reports.table import table

EXACT = 1e-9
MOUTH = range(48, 68)
FACE = range(68)


@dataclass
class Side:
    """Frames (H, W, 3) and the points (68, 2) that are seen in each; None where no face is."""

    frames: list
    points: list


def drawn(rng, count, height, width, missing=()):
    points = [rng.normal(100, 30, (68, 2)).astype(np.float32) for _ in range(count)]
    return Side(
        [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(count)],
        [None if t in missing else points[t] for t in range(count)],
    )


def drawn_clips(seed, *, smallest=(24, 24), largest=(80, 80), equal=False, gaps=True):
    """Three pairs of unequal sizes and lengths; with gaps, faces are missing here and there, and in one take always."""
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(3):
        height, width = (int(rng.integers(low, high + 1)) for low, high in zip(smallest, largest, strict=True))
        count = int(rng.integers(6, 9))
        longer = count if equal else count + int(rng.integers(-2, 3))
        missing = [(1,), (0, 3)] if gaps else [(), ()]
        if gaps and number == 2:
            missing[1] = range(longer)
        pairs.append((drawn(rng, count, height, width, missing[0]), drawn(rng, longer, height, width, missing[1])))
    return pairs


# The protocol's side


def as_seen(frame, protocol):
    """The frame that is measured: the whole of it in a square, where the protocol says so."""
    return frame if protocol.frame.size == "native" else square(frame, protocol.frame.size)


def square(frame, size):
    shrinks = min(frame.shape[:2]) >= size or max(frame.shape[:2]) <= size
    return cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Score pairs under a protocol, with the drawn points for landmarks; return its results and its table's values."""

    def score(protocol, pairs):
        everything = {name: choice.model_copy(update={"shown": True}) for name, choice in protocol.metrics.items()}
        protocol = protocol.model_copy(
            update={"metrics": everything, "frame": protocol.frame.model_copy(update={"prepare": "none"})}
        )
        code = cv2.COLOR_RGB2GRAY if protocol.faces.channels == "rgb" else cv2.COLOR_BGR2GRAY
        known = {}
        for number, pair in enumerate(pairs):
            for name, side in zip(("real", "fake"), pair, strict=True):
                clips.write_frames(tmp_path / name / f"{number}", side.frames)
                for frame, points in zip(side.frames, side.points, strict=True):
                    known[cv2.cvtColor(as_seen(frame, protocol), code).tobytes()] = points

        def find(self, grey):
            points = known[grey.tobytes()]
            if points is None:
                return Face(np.full((68, 2), np.nan, np.float32), FaceStatus.NO_FACE, 0)
            return Face(points, FaceStatus.OK, 1)

        monkeypatch.setattr(FaceFinder, "find", find)
        results = talkbench.score(tmp_path / "real", {"m": tmp_path / "fake"}, protocol=protocol, cache=False)
        assert results.failures == []
        made = table(results)
        values = {column.name: cell.value for column, cell in zip(made.metrics, made.rows[1].cells, strict=True)}
        return results, values

    return score


# The scripts, re-stated


def length(x, y):
    return math.sqrt(x * x + y * y)


def centred(points, region):
    x = sum(float(points[k][0]) for k in region) / len(region)
    y = sum(float(points[k][1]) for k in region) / len(region)
    return [(float(points[k][0]) - x, float(points[k][1]) - y) for k in region]


def distances(a, b):
    return [length(p[0] - q[0], p[1] - q[1]) for p, q in zip(a, b, strict=True)]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def uniform_ssim(a, b):
    return structural_similarity(a, b, channel_axis=2)  # scikit-image's defaults, as in the scripts


def gaussian_ssim(a, b, span):
    """Sum over the window's 121 places instead of a filter; `span` is the range of the values."""
    weights = [[math.exp(-(i * i + j * j) / 4.5) for j in range(-5, 6)] for i in range(-5, 6)]
    total = sum(map(sum, weights))
    height, width = a.shape[0] - 10, a.shape[1] - 10
    sums = dict.fromkeys(("x", "y", "xx", "yy", "xy"), 0.0)
    for i in range(11):
        for j in range(11):
            x, y, w = a[i : i + height, j : j + width], b[i : i + height, j : j + width], weights[i][j] / total
            for name, value in (("x", x), ("y", y), ("xx", x * x), ("yy", y * y), ("xy", x * y)):
                sums[name] = sums[name] + w * value
    x, y = sums["x"], sums["y"]
    vx, vy, vxy = sums["xx"] - x * x, sums["yy"] - y * y, sums["xy"] - x * y
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    return ((2 * x * y + c1) * (2 * vxy + c2) / ((x * x + y * y + c1) * (vx + vy + c2))).mean()


def blocks(image, side):
    """Mean of every whole side × side block."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    out = np.zeros((rows, columns, 3))
    for i in range(side):
        for j in range(side):
            out += image[i : rows * side : side, j : columns * side : side]
    return out / side**2


def exact_db(a, b):
    return peak_signal_noise_ratio(a, b, data_range=255)


def atvg(pairs, *, wraps=True, summed=True):
    lmd, ssim, psnr = [], [], []
    for real, fake in pairs:
        for t in range(min(len(real.frames), len(fake.frames))):
            if real.points[t] is not None and fake.points[t] is not None:
                total = sum(distances(centred(real.points[t], MOUTH), centred(fake.points[t], MOUTH)))
                lmd.append(total if summed else total / 20)
            r = cv2.resize(real.frames[t][..., ::-1], (256, 256), interpolation=cv2.INTER_AREA)
            f = cv2.resize(fake.frames[t][..., ::-1], (256, 256), interpolation=cv2.INTER_AREA)
            ssim.append(uniform_ssim(f, r))
            f, r = cv2.cvtColor(f, cv2.COLOR_BGR2GRAY), cv2.cvtColor(r, cv2.COLOR_BGR2GRAY)
            error = np.mean((f - r) ** 2) if wraps else np.mean((f.astype(float) - r) ** 2)
            psnr.append(100 if error == 0 else 20 * math.log10(255 / math.sqrt(error)))
    return {"M-LMD": mean(lmd), "SSIM": mean(ssim), "PSNR": mean(psnr)}


def atvg_paper(pairs):
    return atvg(pairs, wraps=False, summed=False)


def vico(pairs):
    lmd, ssim, psnr = [], [], []
    for real, fake in pairs:
        for t in range(min(len(real.frames), len(fake.frames))):
            if real.points[t] is not None and fake.points[t] is not None:
                for k in MOUTH:
                    lmd += [abs(float(fake.points[t][k][axis]) - float(real.points[t][k][axis])) for axis in (0, 1)]
            a, b = fake.frames[t] / 255, real.frames[t] / 255
            psnr.append(-10 * math.log10(((a - b) ** 2).mean() + 1e-8))
            side = max(1, round(min(a.shape[:2]) / 256))
            ssim.append(gaussian_ssim(blocks(a, side), blocks(b, side), 1.0))
    return {"M-LMD": mean(lmd), "SSIM": mean(ssim), "PSNR": mean(psnr)}


def radnerf(pairs):
    mouth, face, psnr = [], [], []
    for real, fake in pairs:
        for t in range(min(len(real.frames), len(fake.frames))):
            if real.points[t] is not None and fake.points[t] is not None:
                mouth.append(mean(distances(centred(real.points[t], MOUTH), centred(fake.points[t], MOUTH))))
                face.append(mean(distances(centred(real.points[t], FACE), centred(fake.points[t], FACE))))
            psnr.append(-10 * math.log10(((fake.frames[t] / 255 - real.frames[t] / 255) ** 2).mean()))
    return {"M-LMD": mean(mouth), "F-LMD": mean(face), "PSNR": mean(psnr)}


def bangs(pairs):
    """A video each; over several the mean of the videos, since the script measures one."""
    videos = []
    for real, fake in pairs:
        tracks = []
        for side in (real, fake):
            track = []
            for points in side.points:
                last = track[-1] if track else -np.ones((68, 2))
                track.append(last if points is None else points)
            tracks.append(track)
        count = min(len(real.frames), len(fake.frames))
        mouth = face = 0.0
        for t in range(count):
            for k in FACE:
                away = length(*(float(tracks[1][t][k][axis]) - float(tracks[0][t][k][axis]) for axis in (0, 1)))
                face += away
                mouth += away if k >= 48 else 0.0
        videos.append(
            {
                "F-LMD": face / (count * 68),
                "M-LMD": mouth / (count * 68),
                "SSIM": mean(uniform_ssim(real.frames[t], fake.frames[t]) for t in range(count)),
                "PSNR": mean(exact_db(real.frames[t], fake.frames[t]) for t in range(count)),
            }
        )
    return {name: mean(video[name] for video in videos) for name in videos[0]}


def eat(pairs):
    """After the crop: what test_lmd.py and test_psnr_ssim.py do with two videos of cropped frames."""
    videos, ssim, psnr = [], [], []
    for real, fake in pairs:
        count = min(len(real.frames), len(fake.frames))
        fake_at = np.linspace(0, len(fake.frames), count, False).astype(np.int32).tolist()
        real_at = np.linspace(0, len(real.frames), count, False).astype(np.int32).tolist()
        mouth = face = mouth_lvd = face_lvd = 0.0
        valid, last = 0, None
        for u, t in zip(fake_at, real_at, strict=True):
            psnr.append(exact_db(real.frames[t], fake.frames[u]))
            ssim.append(uniform_ssim(real.frames[t], fake.frames[u]))
            a, b = fake.points[u], real.points[t]
            if a is None or b is None:
                continue
            mouth += sum(distances(centred(a, MOUTH), centred(b, MOUTH)))
            face += sum(distances(centred(a, FACE), centred(b, FACE)))
            if last is not None:
                moved = sum(distances(motion(last[0], a, MOUTH), motion(last[1], b, MOUTH)))
                mouth_lvd += moved
                face_lvd += moved
            last = (a, b)
            valid += 1
        if valid:
            videos.append(
                {
                    "M-LMD": mouth / (valid * 20),
                    "F-LMD": face / (valid * 68),
                    "M-LVD": mouth_lvd / (valid * 20),
                    "F-LVD": face_lvd / (valid * 68),
                }
            )
    pooled = {"SSIM": mean(ssim), "PSNR": mean(psnr)}
    return {name: mean(video[name] for video in videos) for name in videos[0]} | pooled


def motion(before, now, region):
    return [(float(now[k][0]) - float(before[k][0]), float(now[k][1]) - float(before[k][1])) for k in region]


def eat_fixed(pairs):
    """The same definitions: equal lengths, a mean over differences, its own region for each, a mean over videos."""
    videos = []
    for real, fake in pairs:
        lmd = {"M-LMD": [], "F-LMD": [], "M-LVD": [], "F-LVD": []}
        last = None
        for a, b in zip(fake.points, real.points, strict=True):
            if a is None or b is None:
                continue
            for name, region in (("M", MOUTH), ("F", FACE)):
                lmd[f"{name}-LMD"].append(mean(distances(centred(a, region), centred(b, region))))
                if last is not None:
                    lmd[f"{name}-LVD"].append(mean(distances(motion(last[0], a, region), motion(last[1], b, region))))
            last = (a, b)
        video = {name: mean(values) for name, values in lmd.items() if values}
        frames = list(zip(real.frames, fake.frames, strict=True))
        video["SSIM"] = mean(uniform_ssim(*both) for both in frames)
        video["PSNR"] = mean(exact_db(*both) for both in frames)
        videos.append(video)
    names = ("M-LMD", "F-LMD", "M-LVD", "F-LVD", "SSIM", "PSNR")
    return {name: mean(video[name] for video in videos if name in video) for name in names}


def msef(pairs):
    videos, ssim, psnr = [], [], []
    for real, fake in pairs:
        mouth, face = [], []
        for t in range(min(len(real.frames), len(fake.frames))):
            if real.points[t] is not None and fake.points[t] is not None:
                mouth.append(mean(distances(centred(real.points[t], MOUTH), centred(fake.points[t], MOUTH))))
                face.append(mean(distances(centred(real.points[t], FACE), centred(fake.points[t], FACE))))
            r, f = square(real.frames[t], 256), square(fake.frames[t], 256)
            ssim.append(uniform_ssim(r, f))
            r, f = cv2.cvtColor(r, cv2.COLOR_RGB2GRAY), cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)
            error = np.mean((r - f) ** 2)
            psnr.append(100 if error == 0 else 20 * math.log10(255 / math.sqrt(error)))
        if mouth:
            videos.append({"M-LMD": mean(mouth), "F-LMD": mean(face)})
    lmd = {name: mean(video[name] for video in videos) for name in ("M-LMD", "F-LMD")}
    return lmd | {"SSIM": mean(ssim), "PSNR": mean(psnr)}


def own(pairs):
    videos = []
    for real, fake in pairs:
        video = {}
        for name, region in (("M-LMD", MOUTH), ("F-LMD", FACE)):
            values = {name: [], f"{name}-uncentred": [], f"{name}-iod": []}
            for a, b in zip(real.points, fake.points, strict=True):
                if a is None or b is None:
                    continue
                away = mean(distances(centred(a, region), centred(b, region)))
                eyes = length(*(float(a[36][axis]) - float(a[45][axis]) for axis in (0, 1)))
                values[name].append(away)
                values[f"{name}-iod"].append(100 * away / eyes)
                where = [[(float(side[k][0]), float(side[k][1])) for k in region] for side in (a, b)]
                values[f"{name}-uncentred"].append(mean(distances(*where)))
            video |= {key: mean(found) for key, found in values.items() if found}
        frames = [
            (square(r, 256).astype(float), square(f, 256).astype(float))
            for r, f in zip(real.frames, fake.frames, strict=True)
        ]
        video["SSIM"] = mean(gaussian_ssim(r, f, 255.0) for r, f in frames)
        video["PSNR"] = 10 * math.log10(255**2 / mean(((r - f) ** 2).mean() for r, f in frames))
        videos.append(video)
    return {name: mean(video[name] for video in videos if name in video) for name in videos[0]}


RESTATED = {
    "atvg-2019": (atvg, {}),
    "atvg-2019-paper": (atvg_paper, {}),
    "vico-2022": (vico, {}),
    "radnerf-2022": (radnerf, {}),
    "bangs-2025": (bangs, {}),
    "eat-2023": (eat, {"smallest": (128, 128), "largest": (128, 128)}),
    "eat-2023-fixed": (eat_fixed, {"equal": True}),
    "msef-2023": (msef, {"smallest": (200, 256), "largest": (256, 300)}),
    "talkbench-1": (own, {"smallest": (256, 256), "largest": (270, 270), "equal": True}),
}


def test_every_shipped_protocol_is_restated():
    assert sorted(RESTATED) == sorted(PROTOCOLS)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", RESTATED)
def test_equals_its_script(name, seed, run):
    script, drawing = RESTATED[name]
    pairs = drawn_clips(seed, **drawing)
    _, values = run(PROTOCOLS[name], pairs)
    assert values == pytest.approx(script(pairs), abs=EXACT, rel=EXACT)
    assert set(values) == set(PROTOCOLS[name].metrics)


@pytest.mark.parametrize("size", [(383, 400), (384, 390), (391, 650)])
def test_vico_averages_blocks_of_large_frames(size, run):
    rng = np.random.default_rng(size[0])
    pairs = [(drawn(rng, 2, *size), drawn(rng, 2, *size))]
    _, values = run(PROTOCOLS["vico-2022"], pairs)
    assert values == pytest.approx(vico(pairs), abs=EXACT, rel=EXACT)


@pytest.mark.parametrize("size", [(120, 90), (383, 400), (384, 390), (720, 650)])
def test_vico_equals_piq(size, run):
    piq = pytest.importorskip("piq", reason="piq is not installed: held against loops only")
    import torch

    rng = np.random.default_rng(size[0])
    pairs = [(drawn(rng, 2, *size), drawn(rng, 2, *size))]
    _, values = run(PROTOCOLS["vico-2022"], pairs)
    real, fake = (torch.from_numpy(np.stack(side.frames).transpose(0, 3, 1, 2)).double() / 255 for side in pairs[0])
    assert values["SSIM"] == pytest.approx(piq.ssim(fake, real, data_range=1.0).item(), abs=1e-6)
    assert values["PSNR"] == pytest.approx(piq.psnr(fake, real).item(), abs=1e-6)


# What the definitions are known for


def test_two_random_images_look_alike_to_bytes_that_wrap(run):
    # E (a − b)² of two independent bytes is (256² − 1) / 6: 7.75 dB. Of (a − b)² modulo 256 it is some 105: 27.9 dB.
    rng = np.random.default_rng(0)
    grey = [np.repeat(rng.integers(0, 256, (256, 256, 1), np.uint8), 3, axis=2) for _ in range(2)]
    points = [rng.normal(100, 30, (68, 2)).astype(np.float32)]
    pairs = [(Side(grey[:1], points), Side(grey[1:], points))]
    assert run(PROTOCOLS["atvg-2019"], pairs)[1]["PSNR"] == pytest.approx(27.9, abs=0.1)
    assert run(PROTOCOLS["atvg-2019-paper"], pairs)[1]["PSNR"] == pytest.approx(7.75, abs=0.05)
    for name in ("radnerf-2022", "bangs-2025", "eat-2023", "talkbench-1"):
        assert run(PROTOCOLS[name], pairs)[1]["PSNR"] == pytest.approx(7.75, abs=0.05), name


@pytest.mark.parametrize("name", RESTATED)
def test_the_ground_truth_against_itself(name, tmp_path):
    real = clips.write(tmp_path / "real" / "1.mp4", clips.moving(3))
    results = talkbench.score(real.parent, {"itself": real.parent}, protocol=name, cache=False)
    (row,) = results.clips.to_dict("records")
    identical = {"atvg-2019": 100.0, "msef-2023": 100.0, "vico-2022": 80.0}.get(name, math.inf)
    for metric in PROTOCOLS[name].metrics:
        assert row[metric] == {"SSIM": 1.0, "PSNR": identical}.get(metric, 0.0), metric


@pytest.mark.parametrize("name", RESTATED)
def test_doubling_the_size_doubles_every_distance_in_px(name):
    rng = np.random.default_rng(3)
    gt, gen = rng.normal(100, 30, (2, 7, 68, 2))
    gt[2] = np.nan
    for metric in PROTOCOLS[name].measured:
        if metric.needs == "landmarks":
            once, twice = metric.per_frame(gt, gen), metric.per_frame(2 * gt, 2 * gen)
            factor = 1 if metric.name.endswith("-iod") else 2
            np.testing.assert_allclose(twice, factor * once, rtol=1e-12, err_msg=metric.name)


# Missing faces


def test_a_missing_face_repeats_the_last_one_where_the_protocol_says_so(run):
    # Every real point is at (10, 10). The take shows no face, then all points at (13, 14), then no face again: without
    # a last face −1 stands in, √(11² + 11²) away; then √(3² + 4²) = 5; then the same 5 again.
    rng = np.random.default_rng(5)
    real, fake = drawn(rng, 3, 30, 30), drawn(rng, 3, 30, 30)
    real.points = [np.full((68, 2), 10, np.float32)] * 3
    fake.points = [None, np.tile(np.float32([13, 14]), (68, 1)), None]
    results, values = run(PROTOCOLS["bangs-2025"], [(real, fake)])
    expected = (11 * math.sqrt(2) + 5 + 5) / 3
    assert values["F-LMD"] == pytest.approx(expected, abs=1e-12)
    assert values["M-LMD"] == pytest.approx(expected * 20 / 68, abs=1e-12)
    assert results.clips["F-LMD:frames"].tolist() == [3]

    left_out = PROTOCOLS["bangs-2025"].model_copy(update={"missing_face": "nan"})
    results, values = run(left_out, [(real, fake)])
    assert values["F-LMD"] == pytest.approx(5, abs=1e-12)
    assert results.clips["F-LMD:frames"].tolist() == [1]


def test_without_missing_faces_the_rule_for_them_changes_nothing(run):
    pairs = drawn_clips(4, gaps=False)
    repeating = PROTOCOLS["bangs-2025"]
    assert run(repeating, pairs)[1] == run(repeating.model_copy(update={"missing_face": "nan"}), pairs)[1]


def test_means_over_frames_weight_each_clip_by_its_frames(run):
    # Clips of 1 and 3 frames whose mouths are 10 and 2 px off: (10 + 3 · 2) / 4 over frames, (10 + 2) / 2 over clips.
    rng = np.random.default_rng(6)
    pairs = []
    for count, off in ((1, 10), (3, 2)):
        real, fake = drawn(rng, count, 30, 30), drawn(rng, count, 30, 30)
        real.points = [points.round() for points in real.points]
        fake.points = [points + np.float32([off, 0]) for points in real.points]
        pairs.append((real, fake))
    protocol = PROTOCOLS["bangs-2025"]
    choice = protocol.metrics["F-LMD"]
    over_frames = protocol.model_copy(
        update={"metrics": protocol.metrics | {"F-LMD": choice.model_copy(update={"over": "frames"})}}
    )
    assert run(over_frames, pairs)[1]["F-LMD"] == pytest.approx(4, abs=1e-12)
    assert run(protocol, pairs)[1]["F-LMD"] == pytest.approx(6, abs=1e-12)
