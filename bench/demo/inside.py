"""What shows through the holes of the face: teeth, tongue and dark between the lips, eyeballs between the lids.

Everything is drawn on a small patch at about twice the frame's resolution and averaged down. Colours are RGB,
0 to 255; positions are face pixels (the 256×256 crop).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...metrics.contract import Frame
from .portrait import FACE_SIZE, Plane, Points

_DARK = np.array([44.0, 15.0, 17.0], dtype=np.float32)
_TONGUE = np.array([178.0, 88.0, 86.0], dtype=np.float32)
_TOOTH = np.array([226.0, 216.0, 202.0], dtype=np.float32)
_SCLERA = np.array([220.0, 211.0, 206.0], dtype=np.float32)
_GAPS = np.array([0.0, 6.2, 11.2, 15.8, 19.8, 23.4])
"""Where the upper teeth meet, face pixels to either side of the midline."""


@dataclass(frozen=True)
class Place:
    """Where a part of the skull is: `origin` (2,) face pixels, turned by `roll` radians, enlarged by `zoom`."""

    origin: Points
    roll: float
    zoom: float


class _Patch:
    """The part of the frame around a loop of points, finely sampled."""

    def __init__(self, frame: Frame, loop: Points, pad: float) -> None:
        size = frame.shape[0]
        self.frame, self.scale = frame, size / FACE_SIZE
        self.fine = max(1, round(2 * FACE_SIZE / size))
        pixels = (loop + 0.5) * self.scale - 0.5
        low = np.clip(np.floor(pixels.min(axis=0) - pad * self.scale).astype(int), 0, size)
        high = np.clip(np.ceil(pixels.max(axis=0) + pad * self.scale).astype(int) + 1, 0, size)
        self.x, self.y, self.width, self.height = low[0], low[1], high[0] - low[0], high[1] - low[1]
        self.empty = self.width < 1 or self.height < 1

    def coordinates(self, place: Place) -> tuple[Plane, Plane]:
        """The fine samples in the coordinates of a part of the skull."""
        xs = (self.x + (np.arange(self.width * self.fine, dtype=np.float32) + 0.5) / self.fine) / self.scale - 0.5
        ys = (self.y + (np.arange(self.height * self.fine, dtype=np.float32) + 0.5) / self.fine) / self.scale - 0.5
        dx, dy = xs[None, :] - np.float32(place.origin[0]), ys[:, None] - np.float32(place.origin[1])
        cos, sin = np.float32(np.cos(place.roll) / place.zoom), np.float32(np.sin(place.roll) / place.zoom)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def _fixed(self, points: Points) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
        fine = ((points + 0.5) * self.scale - np.array([self.x, self.y])) * self.fine - 0.5
        return [np.round(fine * 16).astype(np.int32)]

    def cover(self, loop: Points) -> Plane:
        """1 inside a closed loop of face pixels, 0 outside."""
        mask = np.zeros((self.height * self.fine, self.width * self.fine), np.uint8)
        cv2.fillPoly(mask, self._fixed(loop), 255, cv2.LINE_AA, 4)
        return mask.astype(np.float32) / 255

    def line(self, path: Points, width: float) -> Plane:
        """A soft line of about `width` face pixels, 0 to 1."""
        mask = np.zeros((self.height * self.fine, self.width * self.fine), np.uint8)
        unit = self.scale * self.fine
        cv2.polylines(mask, self._fixed(path), False, 255, max(1, round(width * unit * 0.6)), cv2.LINE_AA, 4)
        return self.blur(mask.astype(np.float32) / 255, width * 0.35)

    def blur(self, plane: Plane, sigma: float) -> Plane:
        """Gaussian blur of `sigma` face pixels."""
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(0.3, sigma * self.scale * self.fine)), dtype=np.float32)

    def _average(self, plane: Plane) -> Plane:
        return np.asarray(
            cv2.resize(plane, (int(self.width), int(self.height)), interpolation=cv2.INTER_AREA), np.float32
        )

    def paint(self, colour: Plane, cover: Plane, shade: Plane) -> None:
        """Put `colour` where `cover` is, then darken the patch to `1 - shade` (more in blue and green), in place."""
        view = self.frame[self.y : self.y + self.height, self.x : self.x + self.width]
        share = self._average(cover)[..., None]
        mixed = view * (1 - share) + self._average(colour) * share
        mixed *= 1 - self._average(shade)[..., None] * np.array([0.8, 1.0, 1.0], dtype=np.float32)
        view[:] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _soft(values: Plane, low: float, high: float) -> Plane:
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def _over(colour: Plane, top: Plane, mask: Plane) -> Plane:
    return np.asarray(colour + (top - colour) * mask[..., None], dtype=np.float32)


def _teeth(u: Plane, v: Plane, edge: float, upward: bool, size: float) -> tuple[Plane, Plane]:
    """Colour and cover of a row of teeth whose biting edge is at `v = edge`."""
    across = np.abs(u) / np.float32(size)
    tooth = np.clip(np.searchsorted(_GAPS, across) - 1, 0, len(_GAPS) - 2)
    low, high = _GAPS[tooth].astype(np.float32), _GAPS[tooth + 1].astype(np.float32)
    within = (across - low) / (high - low) * 2 - 1
    drop = np.float32(edge) - (v if upward else 2 * np.float32(edge) - v) - 0.0035 * across**2 - 0.8 * within**4
    cover = _soft(drop, -0.25, 0.35) * (across < _GAPS[-1])
    shade = (
        (1 - 0.5 * (across / 26) ** 2)
        * (1 - 0.22 * _soft(np.abs(within), 0.8, 1.0))
        * (0.82 + 0.18 * _soft(drop, 0, 3))
    )
    return _TOOTH * shade[..., None] * np.float32(1.0 if upward else 0.82), cover


def draw_mouth(
    frame: Frame, loop: Points, upper: Points, place: Place, *, drop: float, tongue: float, size: float, light: float
) -> None:
    """Draw the inside of the mouth into `frame`.

    `loop` (N, 2) is the inner edge of the lips and `upper` (M, 2) its upper half; `place` is where the closed lips
    meet on the skull; `drop` is how far the jaw is down, face pixels; `size` scales the teeth, `light` brightens all.
    """
    patch = _Patch(frame, loop, 4.0)
    if patch.empty:
        return
    u, v = patch.coordinates(place)
    cover = patch.cover(loop)
    colour = np.broadcast_to(_DARK, (*u.shape, 3)).astype(np.float32)
    bulge = 1 - (u / (15 * size)) ** 2 - ((v - (drop + 5.5 - 8.0 * tongue)) / (7.0 + 0.12 * drop)) ** 2
    flesh = (0.5 + 0.5 * np.sqrt(np.clip(bulge, 0, 1))) * (1 - 0.18 * np.exp(-((u / 1.6) ** 2)))
    colour = _over(colour, _TONGUE * flesh[..., None], _soft(bulge, 0.0, 0.3))
    colour = _over(colour, *_teeth(u, v, drop + 1.2, False, size * 0.8))
    colour = _over(colour, *_teeth(u, v, 3.4, True, size))
    near = patch.blur(1 - cover, 1.6)
    colour *= (light * (1 - 0.8 * near))[..., None]
    gap = float(np.max(loop[:, 1]) - np.min(loop[:, 1]))
    patch.paint(colour, cover, patch.line(upper, 1.7) * np.float32(0.3 + 0.3 * np.exp(-gap / 4)))


def draw_eye(
    frame: Frame,
    loop: Points,
    lid: Points,
    place: Place,
    *,
    gaze: tuple[float, float],
    iris: Points,
    size: float,
    light: float,
) -> None:
    """Draw an eyeball into `frame`: `loop` (N, 2) is the edge of the lids, `lid` (M, 2) its upper half.

    `place` is the middle of the eyeball; `gaze` moves the iris, face pixels; `iris` (3,) is its colour;
    `size` scales the eyeball, `light` the brightness of its white.
    """
    patch = _Patch(frame, loop, 3.0)
    if patch.empty:
        return
    u, v = patch.coordinates(place)
    cover = patch.cover(loop)
    colour: Plane = _SCLERA * np.float32(light) * (1 - 0.3 * np.clip(np.abs(u) / (12 * size), 0, 1.2) ** 2)[..., None]
    r = np.hypot(u - np.float32(gaze[0]), v - np.float32(gaze[1])) / np.float32(size)
    rays = (0.75 + 0.5 * _soft(r, 1.4, 3.8)) * (1 - 0.6 * _soft(r, 3.2, 4.6))
    colour = _over(colour, iris.astype(np.float32) * rays[..., None], 1 - _soft(r, 4.0, 4.9))
    colour = _over(colour, np.float32(14.0) * np.ones(3, np.float32), 1 - _soft(r, 1.4, 2.1))
    glint = np.hypot(u - np.float32(gaze[0]) + 1.1, v - np.float32(gaze[1]) + 1.3)
    colour = _over(colour, np.float32(245.0) * np.ones(3, np.float32), 0.9 * (1 - _soft(glint, 0.5, 1.2)))
    colour *= (1 - 0.75 * patch.blur(1 - cover, 1.3))[..., None]
    patch.paint(colour, cover, patch.line(lid, 1.5) * np.float32(0.55))
