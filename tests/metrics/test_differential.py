"""The metrics on arrays against other implementations, on as many random inputs as are wanted.

Each entry of `COMPARISONS` draws inputs, and measures them by talkbench and by a library that does the same, or by the
definition written out on top of scipy. `TALKBENCH_DIFFERENTIAL_EXAMPLES` sets how many inputs; with `-rP` pytest prints
the largest difference and the CPU time of each. Input n of a comparison is always the same.
"""

import math
import os
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import cv2
import made_frames
import made_results
import numpy as np
import piq
import pytest
import python_speech_features
import scipy
import torch
from scipy.spatial.distance import cdist, cosine, pdist
from scipy.spatial.transform import Rotation
from skimage.feature import canny
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity
from skimage.transform import estimate_transform
from talking import euler, photographed

from talkbench.metrics import tensors
from talkbench.metrics.blinks import find_blinks
from talkbench.metrics.contract import Facts
from talkbench.metrics.cpbd import cpbd
from talkbench.metrics.csim import _ARCFACE, arcface_chip, identity_similarity
from talkbench.metrics.dynamics import brow_dynamics, head_dynamics, lip_dynamics, silent_lip_stability
from talkbench.metrics.f_lmd import face_landmark_distance
from talkbench.metrics.face_shape import eye_aspect_ratio, mouth_opening
from talkbench.metrics.flicker import flicker
from talkbench.metrics.frechet import frechet_distance
from talkbench.metrics.head_pose import angles, head_pose_error, rotations
from talkbench.metrics.jitter import jitter
from talkbench.metrics.lvd import landmark_velocity_difference
from talkbench.metrics.m_lmd import mouth_landmark_distance
from talkbench.metrics.mfcc import mfcc
from talkbench.metrics.mouth_motion import correlate
from talkbench.metrics.ms_ssim import ms_ssim
from talkbench.metrics.psnr import clip_psnr, mse, psnr
from talkbench.metrics.regions import region_mse, region_ssim
from talkbench.metrics.ssim import ssim
from talkbench.metrics.syncnet import offset_distances
from talkbench.metrics.timing import dtw, shifted, soft_dtw
from talkbench.metrics.voice import envelope, loudness, silent_frames

EXAMPLES = int(os.environ.get("TALKBENCH_DIFFERENTIAL_EXAMPLES", "100"))


@dataclass(frozen=True)
class Comparison:
    """Two implementations of one definition: `draw` makes the arguments of both, which return numbers or arrays.

    `within` is the largest difference allowed, of the numbers or, where `relative`, in parts of theirs. NaN and ∞ have
    to be at the same places. `share` of the inputs are tried where one costs much.
    """

    name: str
    draw: Callable
    ours: Callable
    theirs: Callable
    within: float
    relative: bool = False
    share: float = 1.0


def difference(comparison, arguments):
    ours, theirs = (np.asarray(measure(*arguments), float) for measure in (comparison.ours, comparison.theirs))
    assert ours.shape == theirs.shape
    assert (np.isnan(ours) == np.isnan(theirs)).all()
    unlike = (ours != theirs) & ~np.isnan(ours)
    apart = np.abs(ours[unlike] - theirs[unlike])
    return float(np.max(apart / np.abs(theirs[unlike]) if comparison.relative else apart, initial=0))


# --- pixels


def skimage_ssim(gt, gen, window):
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    options = gaussian if window == "gaussian-11" else {}
    return structural_similarity(gt, gen, data_range=255, channel_axis=2 if gt.ndim == 3 else None, **options)


def planes(frame):
    """A frame as piq takes it, in float64."""
    return torch.from_numpy(np.atleast_3d(frame).copy()).permute(2, 0, 1)[None].double()


def piq_ssim(gt, gen, downsample):
    return piq.ssim(planes(gt), planes(gen), data_range=255.0, downsample=downsample).item()


def piq_ms_ssim(gt, gen):
    return piq.multi_scale_ssim(planes(gt), planes(gen), data_range=255.0).item()


@np.errstate(divide="ignore")  # equal frames: ∞
def skimage_psnr(gt, gen):
    return peak_signal_noise_ratio(gt, gen, data_range=255)


def several_frames(rng):
    shape = (*rng.integers(1, 30, 2), 3)
    return ([rng.integers(0, 256, (2, *shape), np.uint8) for _ in range(rng.integers(1, 6))],)


def frames_and_face(rng):
    gt, gen = made_frames.pair(rng, least=20, most=70, channels=[(3,)])
    points = rng.normal(rng.uniform(0, 60, 2), rng.uniform(1, 25), (68, 2))
    return gt, gen, np.full_like(points, np.nan) if rng.random() < 0.05 else points.astype(np.float32)


def region(name):
    return {"mouth": slice(48, 68), "eyes": slice(36, 48), "face": slice(0, 68)}[name]


def in_the_box(measure, points, gt, gen):
    """`measure` on the box that points span, a quarter of its width wider; NaN where a side is less than 11 px."""
    (x, y), (right, bottom) = points.min(axis=0), points.max(axis=0)
    if np.isnan(x):
        return math.nan
    m = (right - x) / 4
    rows, columns = np.mgrid[: gt.shape[0], : gt.shape[1]]
    # A pixel is in the box if it is no further from it than the next whole one.
    inside = (rows > y - m - 1) & (rows < bottom + m + 1) & (columns > x - m - 1) & (columns < right + m + 1)
    height, width = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    if min(height, width) < 11:
        return math.nan
    return measure(gt[inside].reshape(height, width, 3), gen[inside].reshape(height, width, 3))


def of_region(name):
    return (
        Comparison(
            f"SSIM-{name}: scikit-image",
            frames_and_face,
            lambda gt, gen, points: region_ssim(gt, gen, points, points, region=name),
            lambda gt, gen, points: in_the_box(
                lambda *pair: skimage_ssim(*pair, "gaussian-11"), points[region(name)].astype(float), gt, gen
            ),
            within=1e-10,
        ),
        Comparison(
            f"PSNR-{name} (its MSE): scikit-image",
            frames_and_face,
            lambda gt, gen, points: region_mse(gt, gen, points, points, region=name),
            lambda gt, gen, points: in_the_box(mean_squared_error, points[region(name)].astype(float), gt, gen),
            within=0,
        ),
    )


def plain_flicker(gt_before, gen_before, gt, gen):
    sides = (np.stack(frames).astype(float) for frames in ((gt_before, gt), (gen_before, gen)))
    return np.abs(np.subtract(*(np.diff(side, axis=0) for side in sides))).mean()


def sharp_or_not(rng):
    gt, _ = made_frames.pair(rng, least=60, most=150)
    return (cv2.GaussianBlur(gt, (0, 0), rng.uniform(0.3, 3)) if rng.random() < 0.5 else gt,)


def plain_cpbd(frame):
    """Narvekar and Karam's CPBD with scikit-image's Canny and scipy's Sobel, an edge after the other."""
    grey = (frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)).astype(float)
    strength = (scipy.ndimage.sobel(grey, axis=1) / 8) ** 2
    strength[strength <= 2 * math.sqrt(strength.mean())] = 0
    padded = np.pad(strength, 1)
    thin = [strength > np.maximum(np.roll(padded, 1, a), np.roll(padded, -1, a))[1:-1, 1:-1] for a in (0, 1)]
    down, along = np.gradient(grey)
    # Where nothing changes along the row, the authors' code takes the angle for 0.
    direction = np.rint(np.where(along == 0, 0, np.degrees(np.arctan2(down, along))) / 45)
    edges, found = canny(grey), []
    for top in range(0, grey.shape[0] - 63, 64):
        for left in range(0, grey.shape[1] - 63, 64):
            block = (slice(top, top + 64), slice(left, left + 64))
            if edges[block].sum() <= 0.002 * 64 * 64:
                continue
            noticed = 5 if np.ptp(grey[block]) <= 50 else 3
            for i, j in zip(*np.nonzero((thin[0] | thin[1])[block]), strict=True):
                i, j = i + top, j + left
                inner = 0 < i < grey.shape[0] - 1 and 0 < j < grey.shape[1] - 1
                if inner and direction[i, j] in (0, 4, -4):
                    rising = grey[i] if direction[i, j] == 0 else -grey[i]
                    width = run(rising[j - 1 :: -1], -1) + run(rising[j + 1 :], 1)
                    found.append(round(100 * (1 - math.exp(-((width / noticed) ** 3.6)))) < 64)
    return np.mean(found) if found else math.nan


def run(line, sign):
    """How many px the line goes on rising (1) or falling (−1), the first one counted."""
    goes_on = sign * np.diff(line) > 0
    return 1 + min(100, len(goes_on) if goes_on.all() else int(np.argmin(goes_on)))


PIXELS = (
    *(
        Comparison(
            f"SSIM, {window}: scikit-image",
            lambda rng, least=least: made_frames.pair(rng, least=least),
            lambda gt, gen, window=window: ssim(gt, gen, window=window),
            lambda gt, gen, window=window: skimage_ssim(gt, gen, window),
            within=1e-10,
        )
        for window, least in (("gaussian-11", 11), ("uniform-7", 7))
    ),
    # Longer than the kernel's strips of 128 values and higher than its blocks of 32 rows.
    Comparison(
        "SSIM, frames up to 300 px: scikit-image",
        lambda rng: made_frames.pair(rng, least=100, most=300),
        ssim,
        lambda gt, gen: skimage_ssim(gt, gen, "gaussian-11"),
        within=1e-10,
        share=1 / 20,
    ),
    Comparison("SSIM: piq", made_frames.pair, ssim, lambda gt, gen: piq_ssim(gt, gen, False), within=1e-10),
    Comparison(
        "SSIM, downsample: piq",
        lambda rng: made_frames.pair(rng, least=384, most=700),
        lambda gt, gen: ssim(gt, gen, downsample=True),
        lambda gt, gen: piq_ssim(gt, gen, True),
        within=1e-10,
        share=1 / 50,
    ),
    # Ours keeps squares of up to 255² in float32, to 4e-3: of frames all but flat that is 1e-4 of C₂.
    Comparison(
        "MS-SSIM: piq",
        lambda rng: made_frames.pair(rng, least=161, most=200),
        ms_ssim,
        piq_ms_ssim,
        within=2e-4,
        share=1 / 4,
    ),
    # A sum of whole numbers, divided once: nothing is rounded twice.
    Comparison(
        "MSE: scikit-image", lambda rng: made_frames.pair(rng, least=1, most=70), mse, mean_squared_error, within=0
    ),
    Comparison(
        "MSE, uint8-wrap: numpy's bytes",
        lambda rng: made_frames.pair(rng, least=1, most=70),
        lambda gt, gen: mse(gt, gen, arithmetic="uint8-wrap"),
        lambda gt, gen: np.mean((gt - gen) ** 2),
        within=0,
    ),
    Comparison(
        "PSNR: scikit-image", lambda rng: made_frames.pair(rng, least=1, most=70), psnr, skimage_psnr, within=1e-12
    ),
    Comparison(
        "PSNR of a clip: scikit-image on all its frames as one",
        several_frames,
        lambda pairs: clip_psnr(np.array([mse(*pair) for pair in pairs])),
        lambda pairs: skimage_psnr(*np.concatenate(pairs, axis=1)),
        within=1e-12,
    ),
    *(comparison for name in ("mouth", "eyes", "face") for comparison in of_region(name)),
    Comparison(
        "flicker: numpy",
        lambda rng: [frame for _ in range(2) for frame in rng.integers(0, 256, (2, 9, 7, 3), np.uint8)],
        flicker,
        plain_flicker,
        within=1e-12,
        relative=True,
    ),
    Comparison("CPBD: its definition on scikit-image and scipy", sharp_or_not, cpbd, plain_cpbd, within=1e-12),
)

# --- landmarks

RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50), Fraction(60)]


def track(rng, frames):
    """A face (T, 68, 2) that moves and trembles, as a detector gives it; some frames without one."""
    face = made_results.face() + rng.normal(0, 3, (68, 2))
    wander = np.cumsum(rng.normal(0, 1, (frames, 1, 2)), axis=0)
    points = (face * rng.uniform(0.5, 2) + wander + rng.normal(0, rng.uniform(0.1, 3), (frames, 68, 2))).astype(
        np.float32
    )
    points[rng.random(frames) < rng.choice([0, 0.1, 0.5])] = np.nan
    return points


def two_tracks(rng):
    frames = int(rng.integers(1, 40))
    return track(rng, frames), track(rng, frames)


def of_one_face(measure):
    """A measure of a face (68, 2) in float64, on every frame; NaN where there is none."""
    return lambda track: np.array([math.nan if np.isnan(f).any() else measure(f.astype(float)) for f in track])


def moved(one, other):
    """How far each point of one is from the same point of the other, by scipy."""
    return np.diag(cdist(one, other))


def between(face, *points):
    return pdist(face[list(points)])[0]


def plain_distance(gt, gen, points, centre, reduce, scale):
    values = []
    for one, other in zip(gt.astype(float), gen.astype(float), strict=True):
        if np.isnan(one).any() or np.isnan(other).any():
            values.append(math.nan)
            continue
        a, b = one[points], other[points]
        if centre == "centroid":
            a, b = (side - np.average(side, axis=0) for side in (a, b))
        apart = moved(a, b)
        value = {
            "mean": apart.mean(),
            "sum": apart.sum(),
            "sum-over-68": apart.sum() / 68,
            "mean-abs": sum(np.diag(cdist(a, b, "cityblock"))) / (2 * len(a)),
        }[reduce]
        eyes = between(one, 36, 45)
        values.append(value if scale == "px" else 100 * value / eyes if eyes else math.nan)
    return values


def tracks_and_switches(rng):
    gt, gen = two_tracks(rng)
    shut = rng.random(len(gt)) < 0.02
    gt[shut, 45] = gt[shut, 36]  # no distance between the eyes, no scale
    switches = {
        "centre": rng.choice(["none", "centroid"]),
        "reduce": rng.choice(["mean", "sum", "sum-over-68", "mean-abs"]),
        "scale": rng.choice(["px", "iod-percent"]),
    }
    return gt, gen, switches


def tracks_and_points(rng):
    return (*two_tracks(rng), {"points": rng.choice(["mouth", "face", "mouth-over-68"])})


def on_tensors(measure):
    """The same on torch tensors."""
    return lambda gt, gen, options: measure(torch.from_numpy(gt), torch.from_numpy(gen), **options).numpy()


def plain_lvd(gt, gen, points):
    chosen, divisor = {"mouth": (slice(48, 68), 20), "face": (slice(0, 68), 68), "mouth-over-68": (slice(48, 68), 68)}[
        points
    ]
    values, before = np.full(len(gt), np.nan), None
    for t, (one, other) in enumerate(zip(gt.astype(float), gen.astype(float), strict=True)):
        if np.isnan(one).any() or np.isnan(other).any():
            continue
        if before is not None:
            values[t] = moved((one - before[0])[chosen], (other - before[1])[chosen]).sum() / divisor
        before = one, other
    return values


def timed(rng):
    """Two tracks, a rate, a band in ms, a γ."""
    gt, gen = two_tracks(rng)
    return gt, gen, rng.choice(RATES), float(rng.choice([0, 40, 80, 200, rng.uniform(0, 400)])), rng.uniform(0.05, 2)


def pair_costs(one, other):
    """(n, m) the mean over centred points of their distance, of every frame of one and every frame of the other."""
    one, other = (side - side.mean(axis=1, keepdims=True) for side in (one.astype(float), other.astype(float)))
    return np.mean([cdist(one[:, k], other[:, k]) for k in range(one.shape[1])], axis=0)


def least_sum(cost, near, least):
    """Dynamic programming over the whole matrix."""
    total = np.full((len(cost) + 1, len(cost) + 1), np.inf)
    total[0, 0] = 0
    for i, j in np.argwhere(near) + 1:
        total[i, j] = cost[i - 1, j - 1] + least(np.array([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]]))
    return total[-1, -1]


def warped(points, soft):
    def measure(gt, gen, rate, band_ms, gamma):
        times = np.flatnonzero(~np.isnan(gt).any(axis=(1, 2)) & ~np.isnan(gen).any(axis=(1, 2)))
        if not len(times):
            return math.nan
        x, y = gt[times, points], gen[times, points]
        near = abs(times[:, None] - times) <= Fraction(band_ms) * rate / 1000 + Fraction(1, 10**9)

        def soft_least(values):
            return -gamma * scipy.special.logsumexp(-values / gamma) if np.isfinite(values).any() else np.inf

        if not soft:
            return least_sum(pair_costs(x, y), near, np.min) / len(times)
        between, *within = (least_sum(pair_costs(*sides), near, soft_least) for sides in ((x, y), (x, x), (y, y)))
        return (between - sum(within) / 2) / len(times)

    return measure


def plain_shift(points):
    def measure(gt, gen, rate, band_ms, gamma):
        cost = pair_costs(gt[:, points], gen[:, points])
        reach = min(len(gt) - 1, math.floor(Fraction(band_ms) * rate / 1000 + Fraction(1, 10**9)))
        seen = (~np.isnan(np.diag(cost))).sum()
        if not seen:
            return math.nan
        kept = [np.diag(cost, k) for k in range(-reach, reach + 1)]
        return min(np.nanmean(d) for d in kept if (~np.isnan(d)).sum() >= max(1, seen / 2) or len(d) == len(gt))

    return measure


def of_timing(name, function, theirs, options=lambda gamma: {}):
    return (
        Comparison(
            f"{side}-LMD-{name}: its definition on scipy",
            timed,
            lambda gt, gen, rate, band_ms, gamma, points=points: (
                function(
                    *(Facts(t, float(rate), (256, 256)) for t in (gt, gen)),
                    band_ms=band_ms,
                    points=points,
                    **options(gamma),
                ).value
            ),
            theirs(slice(48, 68) if side == "M" else slice(0, 68)),
            within=1e-9,
        )
        for side, points in (("M", "mouth"), ("F", "face"))
    )


LANDMARKS = (
    *(
        Comparison(
            f"{name}, all switches: scipy",
            tracks_and_switches,
            lambda gt, gen, options, ours=ours: ours(gt, gen, **options),
            lambda gt, gen, options, points=points: plain_distance(gt, gen, points, **options),
            within=1e-12,
            relative=True,
        )
        for name, ours, points in (
            ("F-LMD", face_landmark_distance, slice(0, 68)),
            ("M-LMD", mouth_landmark_distance, slice(48, 68)),
        )
    ),
    Comparison(
        "F-LVD and M-LVD: scipy",
        tracks_and_points,
        lambda gt, gen, options: landmark_velocity_difference(gt, gen, **options),
        lambda gt, gen, options: plain_lvd(gt, gen, **options),
        within=1e-12,
        relative=True,
    ),
    *of_timing("shifted", shifted, plain_shift),
    *of_timing("dtw", dtw, lambda points: warped(points, soft=False)),
    *of_timing("softdtw", soft_dtw, lambda points: warped(points, soft=True), lambda gamma: {"gamma_px": gamma}),
)

# --- motion, of one face


def some_track(rng):
    return (track(rng, int(rng.integers(3, 40))),)


def plain_jitter(track):
    bend = np.linalg.norm(np.diff(track.astype(float), n=2, axis=0), axis=2)
    return 100 * np.nanmean(bend) / np.nanmedian(of_one_face(lambda f: between(f, 36, 45))(track))


def plain_lips(track):
    apart = [pdist(f[48:]) / between(f, 36, 45) for f in track.astype(float) if not np.isnan(f).any()]
    return 100 * np.std(apart, axis=0).mean() if len(apart) > 1 else math.nan


def plain_brows(track):
    def height(brow, eye):
        return lambda face: math.dist(face[brow].mean(axis=0), face[eye].mean(axis=0)) / between(face, 36, 45)

    measures = (height(slice(17, 22), slice(36, 42)), height(slice(22, 27), slice(42, 48)))
    return 100 * np.nanmean([np.abs(np.diff(of_one_face(measure)(track))) for measure in measures])


def plain_ratio(face):
    eyes = ((between(face, e + 1, e + 5) + between(face, e + 2, e + 4)) / between(face, e, e + 3) for e in (36, 42))
    return sum(eyes) / 4


def blinking(rng):
    """A face whose eyes are open, closed, or hardly so, for a while each."""
    states = [(rng.choice([1, 1, 0.2, 0.5, 0.7]), rng.integers(1, 25)) for _ in range(rng.integers(1, 12))]
    opened = np.concatenate([np.full(length, state) for state, length in states])
    track = np.repeat(made_results.face()[None], len(opened), axis=0)
    for eye in (slice(36, 42), slice(42, 48)):
        middle = track[:, eye, 1].mean(axis=1, keepdims=True)
        track[:, eye, 1] = middle + opened[:, None] * (track[:, eye, 1] - middle)
    track += rng.normal(0, 0.1, track.shape)
    track[rng.random(len(track)) < rng.choice([0, 0.02])] = np.nan
    return track, rng.choice(RATES)


def plain_blinks(track, rate):
    """[how many, mean duration in s, blinks per minute], by scipy's labels."""
    ratio = of_one_face(plain_ratio)(track)
    seen = ratio[~np.isnan(ratio)]
    if not len(seen):
        return [0, math.nan, math.nan]
    shut = ratio < 0.6 * np.percentile(seen, 80)
    runs = [found[0] for found in scipy.ndimage.find_objects(scipy.ndimage.label(shut)[0])]
    whole = [r for r in runs if r.start and r.stop < len(ratio) and not np.isnan(ratio[[r.start - 1, r.stop]]).any()]
    lasting = [(r.stop - r.start) / rate for r in whole]
    blinks = [float(s) for s in lasting if Fraction(6, 100) <= s <= Fraction(1, 2)]
    return [len(blinks), np.mean(blinks) if blinks else math.nan, 60 * len(blinks) / (len(seen) / float(rate))]


def our_blinks(track, rate):
    found = find_blinks(Facts(track, float(rate), (256, 256)), closed=0.6)
    mean = float(np.mean(found.durations)) if found.durations else math.nan
    return [len(found.durations), mean, found.per_minute if found.watched_s else math.nan]


def two_curves(rng):
    """Two curves that may go together at some lag, with holes; a rate, a reach in ms."""
    one = scipy.ndimage.gaussian_filter1d(rng.normal(0, 1, rng.integers(5, 80)), rng.uniform(0.3, 3))
    other = np.roll(one, rng.integers(-6, 7)) + rng.normal(0, rng.uniform(0.01, 2), len(one))
    for curve in (one, other):
        curve[rng.random(len(curve)) < rng.choice([0, 0.1, 0.4])] = np.nan
        if rng.random() < 0.02:
            curve[:] = 3.3
    return one, other, rng.choice(RATES), int(rng.choice([0, 120, 200, 400]))


def plain_correlation(one, other, rate, reach_ms):
    """[r(0), greatest r, its lag in ms], by scipy, at every lag."""
    reach = math.floor(reach_ms * rate / 1000)
    found = {}
    for lag in range(-reach, reach + 1):
        pairs = np.array([(one[t], other[t + lag]) for t in range(len(one)) if 0 <= t + lag < len(one)]).reshape(-1, 2)
        x, y = pairs[~np.isnan(pairs).any(axis=1)].T
        enough = len(x) >= max(10, len(one) / 2) and np.ptp(x) > 0 and np.ptp(y) > 0
        found[lag] = scipy.stats.pearsonr(x, y).statistic if enough else math.nan
    if np.isnan(list(found.values())).all():
        return [math.nan] * 3
    lag = max(found, key=lambda k: np.nan_to_num(found[k], nan=-2))
    is_one = found[lag] > 0 and (abs(lag) < reach or not reach)
    return [found[0], found[lag], float(1000 * lag / rate) if is_one else math.nan]


def our_correlation(one, other, rate, reach_ms):
    found = correlate(one, other, rate=float(rate), reach_ms=reach_ms)
    return [found.at_zero, found.best, found.lag_ms]


def turned(rng, frames):
    """Rotations of a head that turns about, up to 40° each way."""
    way = np.cumsum(rng.normal(0, 2, (frames, 3)), axis=0) + rng.uniform((-20, -30, -25), (20, 30, 25))
    return np.stack([euler(*turn) for turn in np.clip(way, -40, 40)])


def a_photograph(rng):
    """A head, its rotations, and the focal length of the camera."""
    matrices, focal = turned(rng, 2), rng.uniform(0.8, 2)
    at = (*rng.uniform(-60, 60, 2), rng.uniform(350, 900))
    return photographed(matrices, focal=focal, at=at), matrices, focal


def off_by(side, matrices, focal):
    found = rotations(side, focal=focal)
    return np.degrees((Rotation.from_matrix(found) * Rotation.from_matrix(matrices).inv()).magnitude())


def our_head_error(one, other):
    found = head_pose_error(photographed(one), photographed(other))
    return [found.value, *found.parts.values()]


def plain_head_error(one, other):
    one, other = Rotation.from_matrix(one), Rotation.from_matrix(other)
    yaw, pitch, roll = (np.abs(np.subtract(*(r.as_euler("ZYX", degrees=True) for r in (one, other)))).mean(axis=0))[
        [1, 2, 0]
    ]
    return [np.degrees((other * one.inv()).magnitude()).mean(), pitch, yaw, roll]


def plain_head_dynamics(matrices):
    turns = Rotation.from_matrix(matrices).as_euler("ZYX", degrees=True)
    middle = 100 * photographed(matrices).landmarks.mean(axis=1) / 256
    return math.sqrt(turns.std(axis=0).mean() * np.diff(turns, axis=0).var(axis=0).mean() + middle.var(axis=0).mean())


MOTION = (
    Comparison(
        "mouth opening: scipy",
        some_track,
        mouth_opening,
        of_one_face(lambda f: 100 * np.mean([between(f, a, 128 - a) for a in (61, 62, 63)]) / between(f, 36, 45)),
        within=1e-12,
        relative=True,
    ),
    Comparison("eye aspect ratio: scipy", some_track, eye_aspect_ratio, of_one_face(plain_ratio), 1e-12, relative=True),
    Comparison("jitter: numpy's second difference", some_track, jitter, plain_jitter, within=1e-12, relative=True),
    Comparison("lip dynamics: scipy", some_track, lip_dynamics, plain_lips, within=1e-10, relative=True),
    Comparison("brow dynamics: numpy", some_track, brow_dynamics, plain_brows, within=1e-10, relative=True),
    Comparison("blinks: scipy's labels", blinking, our_blinks, plain_blinks, within=1e-12, relative=True),
    Comparison("correlation and lag: scipy", two_curves, our_correlation, plain_correlation, within=1e-12),
    # The inverse of a projection, by an iterative solver.
    Comparison(
        "head pose, in °: a known head, photographed",
        a_photograph,
        off_by,
        lambda side, matrices, focal: np.zeros(len(matrices)),
        within=1e-6,
    ),
    Comparison(
        "pitch, yaw, roll: scipy",
        lambda rng: (Rotation.random(4, random_state=int(rng.integers(2**31))).as_matrix(),),
        angles,
        lambda matrices: Rotation.from_matrix(matrices).as_euler("ZYX", degrees=True)[:, ::-1],
        within=1e-6,
    ),
    Comparison(
        "head-pose, in °: scipy",
        lambda rng: (turned(rng, 4), turned(rng, 4)),
        our_head_error,
        plain_head_error,
        within=1e-6,
    ),
    Comparison(
        "head dynamics: the formula on known angles",
        lambda rng: (turned(rng, 12),),
        lambda matrices: head_dynamics(photographed(matrices), focal=1.0),
        plain_head_dynamics,
        within=1e-6,
        relative=True,
    ),
)

# --- sound


def sound(rng):
    """Speech-like noise: parts of any loudness, up to 2 s; a rate, and how many frames."""
    parts = [rng.normal(0, 10 ** rng.uniform(-4, -0.5), rng.integers(10, 8000)) for _ in range(rng.integers(1, 6))]
    samples = np.concatenate(parts).astype(np.float32)
    rate = rng.choice(RATES)
    return samples, rate, max(1, int(len(samples) / 16000 * rate) + int(rng.integers(-3, 4)))


def plain_loudness(samples):
    padded = np.pad(samples.astype(float), 400)
    windows = [padded[400 + at - 120 :][:400] for at in range(0, len(samples) - 159, 160)]
    return np.array([10 * math.log10(max(scipy.linalg.norm(w) ** 2 / 400, 1e-10)) for w in windows])


def plain_envelope(samples, rate, frames):
    level = 10 ** (plain_loudness(samples) / 20)
    shown = [[] for _ in range(frames)]
    for step, value in enumerate(level):
        frame = math.floor(Fraction(2 * step + 1, 200) * rate)
        if frame < frames:
            shown[frame].append(value)
    return [np.mean(values) if values else math.nan for values in shown]


def plain_silence(samples, rate, frames):
    level = plain_loudness(samples)
    silent = np.zeros(frames)
    if not len(level):
        return silent
    quiet = level <= scipy.stats.scoreatpercentile(level, 95) - 20
    for (found,) in scipy.ndimage.find_objects(scipy.ndimage.label(quiet)[0]):
        if found.stop - found.start >= 30:
            start, stop = Fraction(found.start, 100), Fraction(found.stop, 100)
            silent += [start <= frame / rate and (frame + 1) / rate <= stop for frame in range(frames)]
    return silent


def plain_silent_lips(samples, rate, frames, track):
    opening = mouth_opening(track)[plain_silence(samples, rate, frames) > 0]
    opening = opening[~np.isnan(opening)]
    return scipy.stats.median_abs_deviation(opening, center=np.mean) if len(opening) >= 5 else math.nan


def whole_sound(rng):
    """Bytes of sound in 16-bit steps: noise of any loudness, a tone, or clipped; with digital silence."""
    count = int(rng.integers(1, 12000))
    kind = rng.integers(3)
    samples = (
        rng.normal(0, 10 ** rng.uniform(0, 4), count)
        if kind
        else 9000 * np.sin(rng.uniform(0.01, 3) * np.arange(count))
    )
    samples[: int(rng.integers(0, count + 1) * rng.integers(2))] = 0
    return (np.rint(np.clip(3 * samples if kind == 2 else samples, -32768, 32767)).astype(np.int16),)


def lips_and_sound(rng):
    lips, heard = rng.normal(0, 1, (2, rng.integers(1, 20), 7))
    lips[1:][rng.random(len(lips) - 1) < 0.2] = np.nan
    return lips, heard, int(rng.integers(0, 16))


def torch_distances(lips, heard, vshift):
    silence = np.zeros((vshift, 7))
    padded = torch.from_numpy(np.concatenate([silence, heard, silence]))
    seen, distance = torch.from_numpy(~np.isnan(lips[:, 0])), torch.nn.functional.pairwise_distance
    shifts = [padded[k : k + len(lips)] for k in range(2 * vshift + 1)]
    return [distance(torch.from_numpy(lips)[seen], shift[seen]).mean() for shift in shifts]


SOUND = (
    # Ours are differences of a running sum: 1e-10 of the loudest so far is lost to a much fainter window.
    Comparison("loudness, in dB: scipy's norm", lambda rng: sound(rng)[:1], loudness, plain_loudness, within=1e-4),
    Comparison(
        "envelope: a plain loop",
        sound,
        lambda samples, rate, frames: envelope(samples, frames=frames, rate=float(rate)),
        plain_envelope,
        within=1e-9,
    ),
    Comparison(
        "silences: scipy's labels, in fractions",
        sound,
        lambda samples, rate, frames: silent_frames(samples, frames=frames, rate=float(rate), silence_db=20),
        plain_silence,
        within=0,
    ),
    Comparison(
        "silent-lip-stability: scipy",
        lambda rng: (lambda heard: (*heard, track(rng, heard[2])))(sound(rng)),
        lambda samples, rate, frames, t: silent_lip_stability(Facts(t, float(rate), (256, 256), samples)).value,
        plain_silent_lips,
        within=1e-12,
    ),
    Comparison(
        "MFCC: python_speech_features",
        whole_sound,
        lambda samples: mfcc(samples.astype(float)),
        lambda samples: python_speech_features.mfcc(samples, 16000),
        within=1e-9,
    ),
    Comparison(
        "LSE's distances: torch's pairwise_distance",
        lips_and_sound,
        lambda lips, heard, vshift: offset_distances(lips, heard, vshift=vshift),
        torch_distances,
        within=1e-12,
        relative=True,
    ),
)

# --- vectors of networks


def two_sets(rng, *, stretched):
    """Vectors (n, D) of two sides, n > D, of any shape or nearly round."""
    dimensions = int(rng.integers(1 if stretched else 2, 9))
    sides = []
    for count in rng.integers(2 * dimensions + 2, 80, 2):
        mixing = rng.normal(0, 1 if stretched else 0.1, (dimensions, dimensions)) + np.eye(dimensions)
        sides.append(rng.normal(0, 1, (count, dimensions)) @ mixing * rng.uniform(0.5, 2) + rng.normal(0, 1))
    return sides


def scipy_frechet(gt, gen):
    one, other = (np.atleast_2d(np.cov(side, rowvar=False)) for side in (gt, gen))
    root = scipy.linalg.sqrtm(one @ other)
    return np.square(gt.mean(axis=0) - gen.mean(axis=0)).sum() + np.trace(one + other - 2 * np.real(root))


def cut(rng, gt, gen):
    """The same in parts, as clips bring them."""
    count = int(rng.integers(1, 5))
    return list(zip(*(np.array_split(side, count) for side in (gt, gen)), strict=True))


def chip_input(rng):
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    frame = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    face = (
        (made_results.face() - 128)
        * rng.uniform(0.4, 1)
        @ Rotation.from_euler("z", rng.uniform(-1, 1)).as_matrix()[:2, :2]
    )
    return frame, (face + rng.uniform(110, 146, 2) + rng.normal(0, 3, (68, 2))).astype(np.float32)


def skimage_chip(frame, points):
    """The chip by scikit-image's similarity: the alignment is compared, not the interpolation."""
    five = [
        points[part].astype(float).mean(axis=0)
        for part in (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))
    ]
    similarity = estimate_transform("similarity", np.array(five), _ARCFACE)
    return cv2.warpAffine(frame, similarity.params[:2], (112, 112))


def embedded(rng):
    sides = rng.normal(0, 1, (2, rng.integers(1, 20), 128)).astype(np.float32)
    sides[rng.random(sides.shape[:2]) < 0.3] = np.nan
    return [Facts(np.zeros((side.shape[0], 68, 2)), 25, (256, 256), embeddings=side) for side in sides]


def plain_cosine(gt, gen):
    pairs = [(a, b) for a, b in zip(gt.embeddings.astype(float), gen.embeddings.astype(float), strict=True)]
    values = [1 - cosine(a, b) for a, b in pairs if not np.isnan(a + b).any()]
    return np.mean(values) if values else math.nan


VECTORS = (
    Comparison(
        "Fréchet distance, in parts: scipy's sqrtm",
        lambda rng: (lambda sides: (cut(rng, *sides), *sides))(two_sets(rng, stretched=True)),
        lambda parts, gt, gen: frechet_distance(parts).value,
        lambda parts, gt, gen: scipy_frechet(gt, gen),
        within=1e-6,
    ),
    # piq takes the root by iterations that stop early, far off where a covariance is nearly singular.
    Comparison(
        "Fréchet distance: piq",
        lambda rng: two_sets(rng, stretched=False),
        lambda gt, gen: frechet_distance([(gt, gen)]).value,
        lambda gt, gen: float(piq.FID().compute_metric(torch.from_numpy(gt), torch.from_numpy(gen))),
        within=0.001,
    ),
    Comparison("CSIM: scipy's cosine", embedded, lambda *s: identity_similarity(*s).value, plain_cosine, within=1e-12),
    Comparison("ArcFace's chip: scikit-image's similarity", chip_input, arcface_chip, skimage_chip, within=2),
)

# --- the same on torch tensors


def batch(frame):
    return torch.from_numpy(frame[None].copy())


TENSORS = (
    *(
        Comparison(
            f"SSIM, {window}, on tensors: on arrays",
            made_frames.pair,
            lambda gt, gen, window=window: tensors.ssim(batch(gt), batch(gen), window=window).item(),
            lambda gt, gen, window=window: ssim(gt, gen, window=window),
            within=1e-9,
        )
        for window in ("gaussian-11", "uniform-7")
    ),
    *(
        Comparison(
            f"MSE, {arithmetic}, on tensors: on arrays",
            lambda rng: made_frames.pair(rng, least=1),
            lambda gt, gen, arithmetic=arithmetic: tensors.mse(batch(gt), batch(gen), arithmetic=arithmetic).item(),
            lambda gt, gen, arithmetic=arithmetic: mse(gt, gen, arithmetic=arithmetic),
            within=0,
        )
        for arithmetic in ("exact", "uint8-wrap")
    ),
    *(
        Comparison(
            f"{name}, on tensors: on arrays",
            draw,
            on_tensors(theirs),
            lambda gt, gen, options, ours=ours: ours(gt, gen, **options),
            within=1e-9,
        )
        for name, ours, theirs, draw in (
            ("F-LMD", face_landmark_distance, tensors.face_landmark_distance, tracks_and_switches),
            ("M-LMD", mouth_landmark_distance, tensors.mouth_landmark_distance, tracks_and_switches),
            ("LVD", landmark_velocity_difference, tensors.landmark_velocity_difference, tracks_and_points),
        )
    ),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """On frames this small torch's threads cost fifty times what they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


COMPARISONS = [*PIXELS, *LANDMARKS, *MOTION, *SOUND, *VECTORS, *TENSORS]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.name)
def test_equals_the_other_implementation(comparison):
    count = max(1, round(EXAMPLES * comparison.share))
    begun, worst, worst_at = time.process_time(), 0.0, 0
    for number in range(count):
        rng = np.random.default_rng([zlib.crc32(comparison.name.encode()), number])
        found = difference(comparison, comparison.draw(rng))
        if found > worst:
            worst, worst_at = found, number
    assert worst <= comparison.within, f"input {worst_at} of {comparison.name}"
    used = time.process_time() - begun
    sys.stdout.write(f"| {comparison.name} | {count} | {worst:.1e} | {comparison.within:g} | {used:.1f} |\n")
