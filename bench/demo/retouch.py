"""From the photograph to a speaker's texture: the smile's teeth and folds taken out, and everything retinted."""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np

from ...metrics.contract import Frame
from .mesh import build
from .portrait import DETAIL, FACE_SIZE, MARGIN, Plane, Points, layers, texture, to_texture
from .speakers import Speaker

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

# The folds from nose to mouth corner that the smile draws, and the bags under the eyes: lines in face pixels, and how
# wide, in face pixels, and how far, 0 to 1, to lighten them.
_FOLDS: tuple[tuple[tuple[tuple[float, float], ...], float, float], ...] = (
    (((112.0, 158.0), (104.0, 163.0), (97.5, 168.5), (95.5, 173.0)), 5.0, 0.75),
    (((144.5, 157.5), (152.0, 161.5), (158.5, 166.5), (161.5, 171.5)), 5.0, 0.75),
)


def _stroke(points: Points, width: float) -> Plane:
    """A soft line through points (N, 2) in face pixels, about `width` face pixels wide, on the texture, 0 to 1."""
    side = (FACE_SIZE + 2 * MARGIN) * DETAIL
    mask = np.zeros((side, side), np.uint8)
    line = np.round(to_texture(points) * 16).astype(np.int32)
    cv2.polylines(mask, [line], False, 255, max(1, round(width * DETAIL * 0.6)), cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), width * DETAIL * 0.28)
    return np.asarray(soft, dtype=np.float32)


def _without_insides(image: Plane) -> Plane:
    """Paint skin over teeth and eyeballs, which are drawn anew in every frame."""
    mesh, mask = build(), np.zeros(image.shape[:2], np.uint8)
    for name, grow in (("mouth", 5), ("eye_left", 3), ("eye_right", 3)):
        hole = np.zeros_like(mask)
        cv2.fillPoly(hole, [np.round(to_texture(mesh.rest[mesh.holes[name]])).astype(np.int32)], 255)
        mask |= cv2.dilate(hole, np.ones((grow, grow), np.uint8)).astype(np.uint8)
    painted = cv2.inpaint(np.round(image).astype(np.uint8), mask, 4, cv2.INPAINT_TELEA)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.8)[..., None]
    return np.asarray(image * (1 - soft) + painted * soft, dtype=np.float32)


def _without_folds(image: Plane) -> Plane:
    """Lighten the folds of the smile towards the skin around them."""
    for line, width, share in _FOLDS:
        mask = np.clip(_stroke(np.array(line), width) * 1.3, 0, 1)[..., None] * share
        smooth = cv2.GaussianBlur(image, (0, 0), 7.0 * DETAIL)
        grain = image - cv2.GaussianBlur(image, (0, 0), 1.2 * DETAIL)
        image = image * (1 - mask) + (np.maximum(smooth, image) + grain) * mask
    return image


def _brows(image: Plane, speaker: Speaker) -> Plane:
    """Draw fuller brows along the photograph's thin ones."""
    mesh, grey = build(), image.mean(axis=2)
    ink = np.array(speaker.hair, dtype=np.float32) * np.array([84.0, 66.0, 48.0], dtype=np.float32)
    grain = (1 + 0.35 * (grey / cv2.GaussianBlur(grey, (0, 0), 3.0) - 1))[..., None]
    for name in ("brow_left", "brow_right"):
        line = mesh.rest[mesh.paths[name]] + np.array([0.0, 1.6])
        mask = np.maximum(_stroke(line[1:-1], speaker.brow_width * 0.8), _stroke(line[2:-2], speaker.brow_width))
        share = np.clip(mask * speaker.brow_ink * 1.2, 0, 0.92)[..., None]
        image = image + (np.minimum(ink, image) * grain - image) * share
    return np.asarray(image, dtype=np.float32)


def _lips_and_beard(image: Plane, speaker: Speaker) -> Plane:
    """Redden the lips and darken where a beard would grow, in the places the photograph has them."""
    mesh = build()
    lips = np.zeros(image.shape[:2], np.float32)
    for upper, lower in (("upper_lip_out", "upper_lip_in"), ("lower_lip_out", "lower_lip_in")):
        loop = np.vstack([mesh.rest[mesh.paths[upper]], mesh.rest[mesh.paths[lower]][::-1]])
        cv2.fillPoly(lips, [np.round(to_texture(loop) * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    lips = cv2.GaussianBlur(lips, (0, 0), 1.2 * DETAIL)[..., None] * speaker.lip_ink
    image = image * (1 - lips * np.array([0.15, 0.75, 0.6], dtype=np.float32))
    jaw = np.vstack([mesh.rest[2:15], mesh.rest[[35, 33, 31]]])
    beard = np.zeros(image.shape[:2], np.float32)
    cv2.fillPoly(beard, [np.round(to_texture(jaw)).astype(np.int32)], 1.0)
    beard = cv2.GaussianBlur(beard, (0, 0), 7.0 * DETAIL)[..., None] * speaker.beard * (1 - np.clip(lips * 4, 0, 1))
    return np.asarray(image * (1 - beard * np.array([0.9, 0.92, 0.92], dtype=np.float32)), dtype=np.float32)


def _tinted(image: Plane, speaker: Speaker) -> Plane:
    """Multiply every layer by its own colour; the backdrop keeps its mottling around the speaker's colour."""
    masks = layers()
    mean = np.array([200.0, 192.0, 194.0], dtype=np.float32)
    backdrop = image * (np.array(speaker.backdrop, dtype=np.float32) / mean)
    hair = image * np.array(speaker.hair, dtype=np.float32)
    clothes = image * np.array(speaker.clothes, dtype=np.float32)
    skin = 255 * (image / 255) ** (1 / np.maximum(np.array(speaker.skin, dtype=np.float32), 0.2) ** 0.35)
    skin = skin * np.array(speaker.skin, dtype=np.float32)
    parts = {"backdrop": backdrop, "hair": hair, "clothes": clothes, "skin": skin}
    return np.asarray(sum(masks[name][..., None] * part for name, part in parts.items()), dtype=np.float32)


@cache
def _relaxed() -> Plane:
    """The photograph without its smile; what all speakers start from."""
    return _without_folds(_without_insides(texture()))


@lru_cache(maxsize=16)
def speaker_texture(speaker: Speaker, size: int) -> Frame:
    """The speaker's texture, uint8 RGB, at one texture pixel per pixel of a `size`×`size` frame, margins included."""
    image = _lips_and_beard(_brows(_tinted(_relaxed(), speaker), speaker), speaker)
    side = round((FACE_SIZE + 2 * MARGIN) * size / FACE_SIZE)
    shrink = side < image.shape[0]
    scaled = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return np.ascontiguousarray(np.clip(np.round(scaled), 0, 255).astype(np.uint8))
