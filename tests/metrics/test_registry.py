"""What holds for every metric, and for the package as a whole."""

import doctest
import importlib
import inspect
import math
import pickle
import pkgutil
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import talking

import talkbench.metrics
from talkbench.metrics import METRICS
from talkbench.metrics.contract import ClipValue, mean_of_frames

PAPER = ["F-LMD", "M-LMD", "SSIM", "PSNR"]
RECORDED = ["F-LMD-uncentred", "M-LMD-uncentred", "F-LMD-iod", "M-LMD-iod", "F-LVD", "M-LVD"]
WITHOUT_EXAMPLES = {"contract", "frames", "tensors", "onnx_network", "perceptual", "syncnet", "torch_weights"}
"""Modules of declarations, of a library's code, or of what cannot be had without a file of weights."""
SIZE, SHOWN = 192, 4
"""Side of the frames in px, and how many frames the metrics on pixels are shown."""

# A metric with weights is tested where its weights are made up.
MEASURED = [metric for metric in METRICS.values() if not metric.weights]
every = pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.name)
of_two = pytest.mark.parametrize(
    "metric", [metric for metric in MEASURED if metric.sides == "both"], ids=lambda metric: metric.name
)
of_clips = pytest.mark.parametrize(
    "metric", [metric for metric in MEASURED if metric.per_clip is not None], ids=lambda metric: metric.name
)


def pictures(seed=0, noise=0.0):
    """Frames (4, H, W, 3) of a drifting texture, soft as photographs are."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 215, (SIZE // 8 + 2, SIZE // 8 + 2, 3))
    large = np.kron(coarse, np.ones((8, 8, 1)))
    drifting = np.stack([large[2 * t : 2 * t + SIZE, t : t + SIZE] for t in range(SHOWN)])
    disturbed = drifting + np.random.default_rng(9).normal(0, noise, drifting.shape) if noise else drifting
    return np.ascontiguousarray(np.clip(disturbed, 0, 255).astype(np.uint8))


def measured(metric, gt, gen):
    """A clip's value of a pair of (frames, facts) sides, as the engine makes it."""
    sides = (gt, gen) if metric.sides == "both" else (gen,)
    facts = [one for _, one in sides]
    if metric.needs == "facts":
        if metric.embed is not None:
            facts = [replace(one, embeddings=embedded(metric, frames, one)) for frames, one in sides]
        return metric.per_clip(*facts)
    if metric.needs == "landmarks":
        values = metric.per_frame(*(one.landmarks for one in facts))
    elif metric.needs == "steps":
        values = [metric.per_frame(*(f[t - 1] for f, _ in sides), *(f[t] for f, _ in sides)) for t in range(1, SHOWN)]
    else:
        points = [[one.landmarks[t] for one in facts] if metric.needs == "faces" else [] for t in range(SHOWN)]
        values = [metric.per_frame(*(f[t] for f, _ in sides), *points[t]) for t in range(SHOWN)]
    values = np.asarray(values, np.float64)
    there = values[~np.isnan(values)]
    return ClipValue(metric.clip(there) if there.size else math.nan, there.size)


def embedded(metric, frames, one):
    embedder = metric.embed()
    return np.stack([embedder.add(frame, points) for frame, points in zip(frames, one.landmarks, strict=False)])


@pytest.fixture(scope="module")
def real():
    return pictures(), talking.talking()


@pytest.fixture(scope="module")
def fake():
    return pictures(noise=20), talking.worse()


def test_names_in_the_order_of_the_table():
    assert list(METRICS)[:10] == [*PAPER, *RECORDED]
    assert all(name == metric.name for name, metric in METRICS.items())


def test_decimals():
    """Two, as the paper prints; three where two would make ties; fewer of ms, degrees and the large distances."""
    by_decimals = {
        0: ["blink-duration", "mouth-lag", "mouth-audio-lag"],
        1: ["FID", "FVD", "AV-offset", "emotion-accuracy", "blink-rate", "head-pose"],
        3: ["MS-SSIM", "CPBD", "LPIPS", "DISTS", "CSIM", "CSIM-ArcFace", "LSE-D", "LSE-C", "jitter"],
    }
    expected = {name: decimals for decimals, names in by_decimals.items() for name in names}
    assert {metric.name: metric.decimals for metric in METRICS.values() if metric.decimals != 2} == expected


def test_switches_unless_a_protocol_says_otherwise():
    lmd = {"centre": "centroid", "reduce": "mean", "scale": "px"}
    region = {"margin": 0.25, "pool": "mse", "identical": "inf"}
    expected = {
        **dict.fromkeys(("F-LMD", "M-LMD"), lmd),
        **dict.fromkeys(("F-LMD-uncentred", "M-LMD-uncentred"), lmd | {"centre": "none"}),
        **dict.fromkeys(("F-LMD-iod", "M-LMD-iod"), lmd | {"scale": "iod-percent"}),
        "SSIM": {"window": "gaussian-11", "size": None, "downsample": False},
        "PSNR": {"size": None, "colour": "rgb", "arithmetic": "exact", "pool": "mse", "identical": "inf"},
        **{f"SSIM-{name}": {"region": name, "margin": 0.25} for name in ("mouth", "eyes", "face")},
        **{f"PSNR-{name}": region | {"region": name} for name in ("mouth", "eyes", "face")},
        **{f"{name[0].upper()}-LVD": {"points": name, "divide": "differences"} for name in ("mouth", "face")},
        "CSIM": {"every": 25},
        "CSIM-ArcFace": {"every": 25, "mean": 127.5, "scale": 127.5},
        **{name: {"vshift": 15} for name in ("LSE-D", "LSE-C", "AV-offset")},
        "emotion-accuracy": {"every": 5, "margin": 1.3},
        **{name: {"closed": 0.6} for name in ("blink-rate", "blink-duration")},
        **{name: {"reach_ms": 400} for name in ("mouth-correlation", "mouth-lag")},
        **{name: {"reach_ms": 200} for name in ("mouth-audio-correlation", "mouth-audio-lag")},
        **{name: {"focal": 1} for name in ("head-pose", "head-dynamics")},
        **{name: {"silence_db": 20} for name in ("silent-lip-stability", "silent-lip-closeness")},
        "dynamics-mean": {"focal": 1, "silence_db": 20},
        **{f"{n[0].upper()}-LMD-{how}": {"points": n, "band_ms": 200}
           for n in ("mouth", "face") for how in ("shifted", "dtw")},
        **{f"{n[0].upper()}-LMD-softdtw": {"points": n, "band_ms": 200, "gamma_px": 0.1} for n in ("mouth", "face")},
    }  # fmt: skip
    found = {}
    for metric in METRICS.values():
        for function in filter(None, (metric.first, metric.last)):
            for name, one in inspect.signature(function).parameters.items():
                if one.default is not one.empty and name != "weights":
                    found.setdefault(metric.name, {})[name] = one.default
    assert found == expected


def test_what_is_perfect():
    """0 of a distance, 1 of a similarity, ∞ of PSNR."""
    for metric in METRICS.values():
        if metric.sides == "both":
            best = math.inf if metric.name.startswith("PSNR") else {"lower": 0, "higher": 1}[metric.better]
            assert metric.perfect == best, metric.name


def test_what_needs_sound_and_how_far_values_can_be():
    assert {metric.name for metric in METRICS.values() if metric.sound} == {
        "LSE-D", "LSE-C", "AV-offset", "mouth-audio-correlation", "mouth-audio-lag", "silent-lip-stability",
        "silent-lip-closeness", "dynamics-mean",
    }  # fmt: skip
    assert {metric.name: metric.limits for metric in METRICS.values() if metric.limits} == {
        "CPBD": (0, 1),
        "emotion-accuracy": (0, 100),
        "mouth-audio-correlation": (-1, 1),
        **dict.fromkeys(("LSE-D", "LSE-C", "AV-offset", "silent-lip-stability"), (0, math.inf)),
    }


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_declaration(metric):
    for text in (metric.definition, metric.source):
        assert text
        assert "\n" not in text
    assert pickle.loads(pickle.dumps(metric)).name == metric.name  # noqa: S301
    assert (metric.per_clip is None) == (metric.needs != "facts")
    assert (metric.per_frame is None) == (metric.needs in ("facts", "set"))
    assert (metric.clip is None) == (metric.per_frame is None)
    if metric.per_frame is not None:
        assert metric.frame_value == metric.name.replace("PSNR", "MSE")
    assert (metric.perfect is None) == (metric.sides == "one")
    assert metric.parts == () or metric.per_frame is None


@of_two
def test_a_take_identical_to_its_ground_truth_is_perfect(metric, real):
    frames, facts = real
    same = frames.copy(), replace(facts, landmarks=facts.landmarks.copy())
    value = measured(metric, real, same).value
    assert value == metric.perfect
    assert isinstance(value, float)


@of_two
def test_a_take_that_is_wrong_in_every_respect_is_worse_than_perfect(metric, real, fake):
    found = measured(metric, real, fake)
    assert found.frames > 0, found.reason
    if metric.better == "lower":
        assert found.value > metric.perfect
    else:
        assert found.value < metric.perfect


@every
def test_the_same_twice(metric, real, fake):
    one, other = measured(metric, real, fake), measured(metric, real, fake)
    assert one.value == other.value or (math.isnan(one.value) and math.isnan(other.value))
    assert (one.frames, one.reason, dict(one.parts)) == (other.frames, other.reason, dict(other.parts))


@of_clips
def test_a_clip_explains_itself_with_the_numbers_that_its_metric_names(metric, real, fake):
    found = measured(metric, real, fake)
    assert set(found.parts) == set(metric.parts) or (math.isnan(found.value) and not found.parts)
    assert all(isinstance(part, float) for part in found.parts.values())


@every
def test_without_a_face_there_is_no_value_of_the_face(metric, real, fake):
    if metric.needs in ("frames", "steps"):
        return
    nothing = [(frames, talking.without_faces(facts)) for frames, facts in (real, fake)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measured(metric, *nothing)
    if metric.per_clip is not None and metric.embed is not None and not math.isnan(found.value):
        return  # of the picture, and not of the face
    assert math.isnan(found.value)
    assert found.frames == 0
    if metric.per_clip is not None:
        assert found.reason


@every
def test_a_take_without_a_face_has_no_landmarks_to_measure(metric, real, fake):
    if metric.needs not in ("landmarks", "facts") or metric.embed is not None:
        return
    found = measured(metric, real, (fake[0], talking.without_faces(fake[1])))
    assert math.isnan(found.value)
    assert found.reason or metric.per_clip is None


@of_clips
def test_without_sound_what_needs_it_says_so(metric, real, fake):
    if not metric.sound or metric.name == "dynamics-mean":
        return
    silent = [(frames, replace(facts, sound=None)) for frames, facts in (real, fake)]
    found = measured(metric, *silent)
    assert math.isnan(found.value)
    assert (found.reason, found.frames) == ("no sound", 0)


@of_clips
def test_a_clip_of_one_frame_is_missing_or_measured_and_nothing_else(metric, real, fake):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        short = [
            (frames[:1], replace(facts, landmarks=facts.landmarks[:1], sound=facts.sound[:640]))
            for frames, facts in (real, fake)
        ]
        found = measured(metric, *short)
    assert math.isnan(found.value) == (found.reason is not None)
    assert math.isnan(found.value) == (found.frames == 0)


@every
def test_faces_that_are_missing_in_some_frames_cost_those_frames(metric, real, fake):
    if metric.needs not in ("landmarks", "facts") or metric.embed is not None:
        return
    frames, facts = fake
    track = facts.landmarks.copy()
    track[[5, 6, 30, 77]] = np.nan
    whole, holed = measured(metric, real, fake), measured(metric, real, (frames, replace(facts, landmarks=track)))
    assert 0 < holed.frames < whole.frames
    assert math.isfinite(holed.value)


def test_mean_does_not_depend_on_the_order_of_frames():
    values = np.random.default_rng(0).lognormal(0, 8, 1000)
    expected = mean_of_frames(values)
    assert mean_of_frames(values[::-1]) == mean_of_frames(np.sort(values)) == expected
    assert mean_of_frames(np.array([1e16, 1.0, -1e16])) == 1 / 3
    assert math.isfinite(expected)


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(talkbench.metrics.__path__)])
def test_examples(module):
    result = doctest.testmod(importlib.import_module(f"talkbench.metrics.{module}"))
    assert result.failed == 0
    assert result.attempted > 0 or module in WITHOUT_EXAMPLES or module.endswith("_kernels")


def test_importing_the_metrics_loads_nothing_heavy():
    program = """
import sys
import talkbench.metrics
print([name for name in ("numba", "scipy", "skimage", "cv2", "pandas", "torch") if name in sys.modules])
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


@pytest.mark.parametrize("name", METRICS)
def test_the_page_on_metrics_has_each_of_them(name):
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert f"`{name}`" in page.read_text(encoding="utf-8")


def test_arguments_reach_the_function(real, fake):
    metric = METRICS["M-LMD-dtw"]
    narrow = replace(metric, per_clip=partial(metric.per_clip, band_ms=0))
    assert measured(narrow, real, fake).value > measured(metric, real, fake).value


@pytest.mark.parametrize("metric", [one for one in METRICS.values() if one.sides == "one"], ids=lambda one: one.name)
def test_what_has_no_perfect_value_says_how_far_an_interval_may_reach(metric):
    low, high = metric.limits
    assert low < high
