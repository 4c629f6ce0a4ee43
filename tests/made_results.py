"""Results as a run would leave them, made up: faces that sway, and methods that are wrong in a known way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from talkbench.bench.framing import template
from talkbench.bench.results import Results
from talkbench.metrics.f_lmd import face_landmark_distance
from talkbench.metrics.m_lmd import mouth_landmark_distance

Faces = npt.NDArray[np.float64]
Change = Callable[[Faces], Faces]
_METRICS = (
    ("F-LMD", "landmarks", "lower", "px", 0.0),
    ("M-LMD", "landmarks", "lower", "px", 0.0),
    ("SSIM", "frames", "higher", "", 1.0),
    ("PSNR", "frames", "higher", "dB", "inf"),
)


def face() -> Faces:
    """A face (68, 2) in a frame of 256 px."""
    jaw = [(128 + 52 * np.sin(a), 118 + 78 * np.cos(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 17)]
    brows = [(start + 9 * k, 88 - 4 * np.sin(k * np.pi / 4)) for start in (78, 142) for k in range(5)]
    outer = [(128 + 24 * np.cos(a), 178 + 10 * np.sin(a)) for a in np.linspace(-np.pi, np.pi, 13)[:12]]
    inner = [(128 + 16 * np.cos(a), 178 + 4 * np.sin(a)) for a in np.linspace(-np.pi, np.pi, 9)[:8]]
    right = [(x, y) for x, y in template(256)[15:]] + [(167, 110), (157, 110)]
    middle = [*template(256)[:15], *right]
    return np.array([*jaw, *brows, *middle, *outer, *inner])


def swaying(count: int) -> Faces:
    """A track (T, 68, 2) of the face, swaying by some px."""
    steps = np.arange(count)[:, None]
    return face() + np.concatenate([4 * np.sin(0.5 * steps), 3 * np.cos(0.3 * steps)], axis=1)[:, None]


def results(
    methods: Mapping[str, Change],
    clips: Mapping[str, str | None] | None = None,
    *,
    count: int = 12,
    fps: int | str = 25,
) -> Results:
    """A finished run of methods, each a change of the ground truth's track, over clips with their emotions."""
    clips = {"clip": "happy"} if clips is None else clips
    rows, frames = [], []
    for method, change in methods.items():
        for number, (clip, emotion) in enumerate(clips.items()):
            gt = swaying(count)
            gen = change(gt.copy())
            table = pd.DataFrame(
                {
                    "clip": clip,
                    "method": method,
                    "frame": np.arange(count, dtype=np.int32),
                    "gen_frame": np.arange(count, dtype=np.int32),
                    "F-LMD": face_landmark_distance(gt, gen),
                    "M-LMD": mouth_landmark_distance(gt, gen),
                    "SSIM": 0.9 - 0.01 * number,
                    "MSE": 10.0 + np.arange(count),
                    "gt_landmarks": list(gt.reshape(count, 136).astype(np.float32)),
                    "gen_landmarks": list(gen.reshape(count, 136).astype(np.float32)),
                }
            )
            frames.append(table)
            row = {"clip": clip, "method": method, "speaker": None, "emotion": emotion, "level": "1"}
            row |= {"n_frames": count, "gt_faces": count, "PSNR": 30.0 + number, "PSNR:frames": count}
            for name in ("F-LMD", "M-LMD", "SSIM"):
                values = table[name].dropna()
                row |= {name: values.mean(), f"{name}:frames": len(values)}
            rows.append(row)
    described = [
        {"name": n, "needs": needs, "better": b, "unit": u, "decimals": 2, "perfect": p, "shown": True, "over": "clips"}
        for n, needs, b, u, p in _METRICS
    ]
    run = {
        "methods": list(methods),
        "planned": {method: len(clips) for method in methods},
        "metrics": described,
        "protocol": "talkbench-1",
        "signature": "talkbench-1|fps:25|id:0123456789",
        "coverage_threshold": 0.95,
        "ci": {"interval": "bootstrap-t-1", "level": 0.95, "resamples": 200, "seed": 0, "min_speakers": 5},
        "config": {"ingredients": {"protocol": {"time": {"fps": fps}}}},
    }
    return Results(run, pd.DataFrame(rows), pd.concat(frames, ignore_index=True), [])


def same(track: Faces) -> Faces:
    """The ground truth itself."""
    return track


def moved(points: slice | list[int], by: float, at: slice = slice(None)) -> Change:
    """Points moved down by so many px, in some frames."""

    def change(track: Faces) -> Faces:
        part = track[at]
        part[:, points, 1] += by
        return track

    return change


def without_face(at: int) -> Change:
    """No face in one frame."""

    def change(track: Faces) -> Faces:
        track[at] = np.nan
        return track

    return change
