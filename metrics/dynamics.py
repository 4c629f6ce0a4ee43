"""How much lips, brows and head move, and how still closed lips stay, whatever the real face does in that very frame.

For methods with free head motion, which no frame of the ground truth can judge. After THEval, restated on 68 points; of
one side, over its frames with a face, with d the inter-ocular distance (outer eye corners) of the same frame:
    lips    100 · mean over all 190 pairs of the 20 mouth points of the standard deviation over time of ‖xᵢ − xⱼ‖ / d
    brows   100 · mean of |h(t) − h(t − 1)|, both brows, h the distance of a brow's mean point from its eye's over d
    head    √( mean std of pitch, yaw, roll · mean variance of their changes per frame + mean variance of the face's
            middle in x and y, in % of the frame's longer side ); angles in degrees, from head_pose.py
    silent  in silences of at least 300 ms (voice.py): median of |o − mean of o|, o the mouth's opening in %
A dynamics value has no direction: the real face's is right. So a clip's value is the closeness 1 − |m − m_gt| / |m_gt|:
1 for the ground truth, 0 where nothing moves, negative above twice the real motion. Both sides' m are recorded.
    lip-dynamics, brow-dynamics, head-dynamics    closeness of lips, brows, head
    silent-lip-stability                          silent, of each side alone, in %: lower is better
    silent-lip-closeness                          closeness of silent
    dynamics-mean                                 mean closeness of the four; of three where the clip has no silence

Source: Quignon et al., "THEval. Evaluation Framework for Talking Head Video Generation", CVPR 2026, arXiv 2511.04520.
Its numbers are not these: theirs come from MediaPipe's 478 points, FaceXFormer's angles, RetinaFace's boxes and
Silero's voice activity, ours from dlib's 68 points, PnP and the sound's level; their closeness is of means over a whole
set, ours of each clip; four of their eight metrics (aesthetics, mouth and face quality, lip sync) are not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .contract import ClipValue, Facts, Landmarks, Metric
from .face_shape import brow_heights, has_face, mouth_opening
from .head_pose import angles, rotations
from .landmarks import MOUTH, inter_ocular
from .voice import silent_frames

NOTHING = float("nan")
_FEWEST_SILENT = 5
_STILL = 1e-9
"""What is no motion but rounding: the deviation of equal numbers may be off in its last bits."""
_BLOCK = 4096


def lip_dynamics(track: Landmarks) -> float:
    """Return the lips' motion of a track (T, 68, 2) in %; NaN with fewer than two faces.

    >>> still = np.zeros((2, 68, 2))
    >>> still[:, 45] = 50, 0
    >>> moved = still.copy()
    >>> moved[1, 57] = 0, 10  # one of 20 points: 19 of 190 distances, each 0 and then 20 %
    >>> lip_dynamics(still), lip_dynamics(moved)
    (0.0, 1.0)
    """
    seen = track[has_face(track)].astype(np.float64)
    if len(seen) < 2:
        return NOTHING
    first, second = np.triu_indices(20, 1)
    lips, scale = seen[:, MOUTH], inter_ocular(seen)[:, None]
    # In blocks: an hour has 90,000 frames of 190 pairs.
    apart = [
        np.hypot(*np.moveaxis(lips[at : at + _BLOCK, first] - lips[at : at + _BLOCK, second], 2, 0))
        for at in range(0, len(lips), _BLOCK)
    ]
    return float(100 * np.nanstd(np.concatenate(apart) / scale, axis=0).mean())


def brow_dynamics(track: Landmarks) -> float:
    """Return the brows' motion of a track (T, 68, 2) in %; NaN where no two frames in a row have a face."""
    change = np.abs(np.diff(brow_heights(track), axis=0))
    return float(100 * np.nanmean(change)) if (~np.isnan(change)).any() else NOTHING


def head_dynamics(one: Facts, *, focal: float) -> float:
    """Return a head's motion; NaN where no two frames in a row have a face."""
    turned = np.degrees(np.unwrap(np.radians(angles(rotations(one, focal=focal)))[has_face(one.landmarks)], axis=0))
    if len(turned) < 2:
        return NOTHING
    every = np.full((len(one.landmarks), 3), np.nan)
    every[has_face(one.landmarks)] = turned
    change = np.diff(every, axis=0)
    if np.isnan(change).all():
        return NOTHING
    middle = 100 * one.landmarks.astype(np.float64).mean(axis=1) / max(one.size)
    turning = np.nanstd(every, axis=0).mean() * np.nanvar(change, axis=0).mean()
    return float(np.sqrt(turning + np.nanvar(middle, axis=0).mean()))


def silent_lips(one: Facts, *, silence_db: float) -> tuple[float, int, str | None]:
    """Return how much the lips move in silence in %, over how many frames, and why not where they are too few."""
    if one.sound is None:
        return NOTHING, 0, "no sound"
    silent = silent_frames(one.sound, frames=len(one.landmarks), rate=one.rate, silence_db=silence_db)
    if silent.sum() < _FEWEST_SILENT:
        return NOTHING, 0, "no silence of 300 ms"
    opening = mouth_opening(one.landmarks)
    quiet = opening[silent & ~np.isnan(opening)]
    if len(quiet) < _FEWEST_SILENT:
        return NOTHING, 0, "no face in the silences"
    return float(np.median(np.abs(quiet - quiet.mean()))), int((~np.isnan(opening)).sum()), None


def closeness(gt: float, gen: float) -> float:
    """Return 1 − |gen − gt| / |gt|; NaN where a side is missing or the real one does not move at all.

    >>> closeness(2.0, 2.0), closeness(2.0, 3.0), closeness(2.0, 5.0)
    (1.0, 0.5, -0.5)
    """
    return 1 - abs(gen - gt) / abs(gt) if gt else NOTHING


def lip_closeness(gt: Facts, gen: Facts) -> ClipValue:
    """Return how close a take's lip dynamics are to the real ones."""
    return _close(gt, gen, lambda one: lip_dynamics(one.landmarks), "lips")


def brow_closeness(gt: Facts, gen: Facts) -> ClipValue:
    """Return how close a take's brow dynamics are to the real ones."""
    return _close(gt, gen, lambda one: brow_dynamics(one.landmarks), "brows")


def head_closeness(gt: Facts, gen: Facts, *, focal: float = 1.0) -> ClipValue:
    """Return how close a take's head dynamics are to the real ones."""
    return _close(gt, gen, lambda one: head_dynamics(one, focal=focal), "head")


def silent_lip_stability(one: Facts, *, silence_db: float = 20.0) -> ClipValue:
    """Return how much a side's lips move in silence."""
    value, frames, reason = silent_lips(one, silence_db=silence_db)
    return ClipValue(value, frames, reason)


def silent_lip_closeness(gt: Facts, gen: Facts, *, silence_db: float = 20.0) -> ClipValue:
    """Return how close a take's lips in silence are to the real ones."""
    real, fake = (silent_lips(one, silence_db=silence_db) for one in (gt, gen))
    reason = real[2] or fake[2] or ("lips of the ground truth that do not move" if real[0] < _STILL else None)
    if reason is not None:
        return ClipValue.missing(reason)
    parts = {"gt": real[0], "gen": fake[0]}
    return ClipValue(closeness(real[0], fake[0]), min(real[1], fake[1]), parts=parts)


def mean_closeness(gt: Facts, gen: Facts, *, focal: float = 1.0, silence_db: float = 20.0) -> ClipValue:
    """Return the mean of the closeness scores: whether silent lips are among them is the same for every take."""
    measured = {
        "lip": lip_closeness(gt, gen),
        "brow": brow_closeness(gt, gen),
        "head": head_closeness(gt, gen, focal=focal),
    }
    if silent_lips(gt, silence_db=silence_db)[0] >= _STILL:
        measured["silent"] = silent_lip_closeness(gt, gen, silence_db=silence_db)
    for one in measured.values():
        if one.reason is not None:
            return one
    scores = {name: one.value for name, one in measured.items()}
    return ClipValue(float(np.mean(list(scores.values()))), min(one.frames for one in measured.values()), parts=scores)


def _close(gt: Facts, gen: Facts, measure: Callable[[Facts], float], what: str) -> ClipValue:
    real, fake = measure(gt), measure(gen)
    for side, value in (("the ground truth", real), ("the take", fake)):
        if np.isnan(value):
            return ClipValue.missing(f"too few faces in {side}")
    if real < _STILL:
        return ClipValue.missing(f"{what} of the ground truth that do not move")
    frames = min(int(has_face(one.landmarks).sum()) for one in (gt, gen))
    return ClipValue(closeness(real, fake), frames, parts={"gt": real, "gen": fake})


_SIDES = ("gt", "gen")
_SOURCE = "Quignon et al., CVPR 2026, arXiv 2511.04520 (THEval), restated on 68 points"

LIPS = Metric(
    name="lip-dynamics",
    needs="facts",
    better="higher",
    unit="",
    decimals=2,
    version="1",
    definition="1 − |m − m_gt| / m_gt, m: mean over all pairs of mouth points of their distance's deviation over time",
    source=_SOURCE,
    perfect=1.0,
    per_clip=lip_closeness,
    parts=_SIDES,
)
BROWS = replace(
    LIPS,
    name="brow-dynamics",
    definition="1 − |m − m_gt| / m_gt, m: mean change per frame of the distance of brow and eye",
    per_clip=brow_closeness,
)
HEAD = replace(
    LIPS,
    name="head-dynamics",
    definition="1 − |m − m_gt| / m_gt, m: √(mean std of pitch, yaw, roll × mean variance of their changes + of place)",
    per_clip=head_closeness,
)
SILENT = replace(
    LIPS,
    name="silent-lip-stability",
    better="lower",
    unit="%",
    decimals=2,
    definition="median deviation of the mouth's opening in silences of 300 ms, in % of the inter-ocular distance",
    perfect=None,
    limits=(0.0, math.inf),
    sides="one",
    per_clip=silent_lip_stability,
    parts=(),
    sound=True,
)
SILENT_CLOSENESS = replace(
    LIPS,
    name="silent-lip-closeness",
    definition="1 − |m − m_gt| / m_gt, m: the silent-lip stability",
    per_clip=silent_lip_closeness,
    sound=True,
)
MEAN = replace(
    LIPS,
    name="dynamics-mean",
    definition="mean of the closeness of lip, brow and head dynamics, and of silent lips where there is a silence",
    per_clip=mean_closeness,
    parts=("lip", "brow", "head", "silent"),
    sound=True,
)

METRICS = (LIPS, BROWS, HEAD, SILENT, SILENT_CLOSENESS, MEAN)
