"""A made-up talking face as metrics of whole clips see it: every movement known, and the sound that goes with it."""

from __future__ import annotations

import made_results
import numpy as np
from scipy.spatial.transform import Rotation

from talkbench.metrics.contract import SOUND_RATE, Facts
from talkbench.metrics.head_pose import HEAD

RATE = 25.0
SILENT = slice(40, 55)
"""Frames without voice, in which the lips fidget a little."""


def opening(frames, seed=0):
    """How far the mouth is open, in px, per frame: irregular syllables, and next to nothing in the silence."""
    rng = np.random.default_rng(seed)
    knots = rng.uniform(0, 12, frames // 3 + 3)
    opened = np.interp(np.arange(frames) / 3, np.arange(len(knots)), knots)
    opened[SILENT] = 0.4 * rng.uniform(0, 1, frames)[SILENT]
    return opened


def face_track(opened, *, blinks=((15, 3), (70, 4)), nod=1.0, seed=0):
    """A track (T, 68, 2) px: lips and jaw open, eyes blink (first frame, frames), brows and head move."""
    t = np.arange(len(opened))
    points = np.repeat(made_results.face()[None], len(t), axis=0)
    lower = [*range(55, 60), *range(65, 68)]
    points[:, lower, 1] += opened[:, None]
    points[:, 5:12, 1] += 0.8 * opened[:, None]
    points[:, 17:27, 1] -= (1 + np.sin(0.35 * t))[:, None]
    for first, length in blinks:
        for eye in (slice(36, 42), slice(42, 48)):
            middle = points[first : first + length, eye, 1].mean(axis=1, keepdims=True)
            points[first : first + length, eye, 1] = middle + 0.2 * (points[first : first + length, eye, 1] - middle)
    angle, middle = 0.03 * nod * np.sin(0.2 * t), points.mean(axis=1, keepdims=True)
    turned = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    points = middle + (points - middle) @ turned.transpose(0, 2, 1)
    points += nod * np.stack([3 * np.sin(0.11 * t), 2 * np.cos(0.17 * t)], axis=1)[:, None]
    return (points + np.random.default_rng(seed).normal(0, 0.02, points.shape)).astype(np.float32)


def voice(opened, seed=0):
    """Sound (N,) at 16 kHz as loud as the mouth is open."""
    samples = int(len(opened) / RATE * SOUND_RATE)
    loud = np.interp(np.arange(samples) / SOUND_RATE * RATE - 0.5, np.arange(len(opened)), opened) / 12
    shown = np.minimum((np.arange(samples) / SOUND_RATE * RATE).astype(int), len(opened) - 1)
    silent = np.isin(shown, np.arange(len(opened))[SILENT])
    noise = np.random.default_rng(seed).normal(0, 0.1, samples)
    return (noise * np.where(silent, 0.002, 0.05 + loud)).astype(np.float32)


def talking(frames=100):
    """The ground truth's side."""
    opened = opening(frames)
    return Facts(face_track(opened), RATE, (256, 256), voice(opened), "happy")


def worse(frames=100):
    """A take of it that is wrong in every respect: late, trembling, other blinks, other motion; the same sound."""
    opened = opening(frames)
    late = 0.6 * np.concatenate([np.full(3, opened[0]), opened[:-3]])
    track = face_track(late, blinks=((15, 5), (50, 6), (80, 6)), nod=2.0, seed=1)
    track = track + np.random.default_rng(2).normal(0, 0.5, track.shape).astype(np.float32)
    return Facts(track, RATE, (256, 256), voice(opened), "happy")


def without_faces(one):
    """The same side with no face found in it."""
    return Facts(np.full_like(one.landmarks, np.nan), one.rate, one.size, one.sound, one.emotion)


def photographed(turned, *, focal=1.0, at=(0.0, 0.0, 500.0), size=256):
    """Landmarks (T, 68, 2) of the generic head under these rotations, (T, 3, 3), through a pinhole."""
    track = np.full((len(turned), 68, 2), 128.0)
    for t, rotation in enumerate(turned):
        seen = np.array(list(HEAD.values()), float) @ rotation.T + at
        track[t, list(HEAD)] = focal * size * seen[:, :2] / seen[:, 2:] + (size - 1) / 2
    return Facts(track, 25.0, (size, size))


def euler(pitch, yaw, roll):
    """The rotation (3, 3) of these angles in degrees, by scipy."""
    return Rotation.from_euler("ZYX", [roll, yaw, pitch], degrees=True).as_matrix()
