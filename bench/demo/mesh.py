"""The triangle mesh that carries the photograph: where its vertices are, and how they follow the 68 landmarks.

Vertices are the landmarks, points between them on the lips, lids, jaw and brows, the outline of the hair, and a grid.
The mouth and both eyes are holes. Every vertex moves by a fixed weighted sum of the landmarks' movements: the weights
minimise the squared Laplacian (a thin plate) on the mesh itself, so nothing leaks across the slit of the mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.spatial import Delaunay

from .portrait import FACE_SIZE, MARGIN, PORTRAIT_LANDMARKS, PORTRAIT_OUTLINE, Points, to_face

Indices = npt.NDArray[np.int64]

# Paths of landmarks along which the face bends, with the number of mesh edges per landmark step.
_PATHS: dict[str, tuple[tuple[int, ...], int]] = {
    "upper_lip_in": ((60, 61, 62, 63, 64), 3),
    "lower_lip_in": ((60, 67, 66, 65, 64), 3),
    "upper_lip_out": ((48, 49, 50, 51, 52, 53, 54), 2),
    "lower_lip_out": ((48, 59, 58, 57, 56, 55, 54), 2),
    "upper_lid_left": ((36, 37, 38, 39), 3),
    "lower_lid_left": ((36, 41, 40, 39), 3),
    "upper_lid_right": ((42, 43, 44, 45), 3),
    "lower_lid_right": ((42, 47, 46, 45), 3),
    "jaw": (tuple(range(17)), 2),
    "brow_left": (tuple(range(17, 22)), 2),
    "brow_right": (tuple(range(22, 27)), 2),
}
HAIR = slice(4, -4)
"""The part of the outline that is hair; the ears, next to the jaw, are left to follow it."""

_HOLES = {
    "mouth": ("upper_lip_in", "lower_lip_in"),
    "eye_left": ("upper_lid_left", "lower_lid_left"),
    "eye_right": ("upper_lid_right", "lower_lid_right"),
}


@dataclass(frozen=True)
class Mesh:
    """`rest` (V, 2) face px, in the photograph; `triangles` (F, 3); `weights` (V, 68) and `hair_weights` (V, H).

    The first 68 vertices are the landmarks. `paths` name rows of vertices; `holes` name closed loops of vertices.
    """

    rest: Points
    triangles: Indices
    weights: Points
    hair_weights: Points
    paths: dict[str, Indices]
    holes: dict[str, Indices]


def _spline_rows(landmarks: Points, path: tuple[int, ...], steps: int) -> Points:
    """Rows (M, 68) that give the points between landmarks on a smooth curve through `path` as weighted landmarks."""
    lengths = np.linalg.norm(np.diff(landmarks[list(path)], axis=0), axis=1)
    knots = np.concatenate([[0.0], np.cumsum(lengths)])
    between = np.concatenate([np.linspace(a, b, steps, endpoint=False)[1:] for a, b in pairwise(knots)])
    rows = np.zeros((len(between), len(landmarks)))
    rows[:, list(path)] = CubicSpline(knots, np.eye(len(path)), bc_type="natural")(between)
    return rows


def _grid(taken: Points, landmarks: Points) -> Points:
    """Free vertices: a fine triangular grid on the face, a coarse one around it, none close to a taken point."""
    centre, reach = landmarks.mean(axis=0), np.ptp(landmarks, axis=0).max() * 0.72
    points: list[Points] = []
    for pitch, fine in ((9.5, True), (26.0, False)):
        steps = np.arange(0, FACE_SIZE + 2 * MARGIN, pitch)
        x, row = np.meshgrid(steps, np.arange(len(steps) / 0.866))
        grid = np.stack([x + row % 2 * pitch / 2, row * pitch * 0.866], axis=-1).reshape(-1, 2) - MARGIN
        grid = grid[(grid < FACE_SIZE + MARGIN).all(axis=1)]
        grid = grid[(np.linalg.norm(grid - centre, axis=1) < reach) == fine]
        gap = np.linalg.norm(grid[:, None] - np.vstack([taken, *points])[None], axis=2).min(axis=1)
        points.append(grid[gap > pitch * (0.55 if fine else 0.6)])
    return np.vstack(points)


def _border() -> Points:
    """Vertices on the rim of the texture, which never move."""
    sides = np.linspace(-MARGIN - 1.0, FACE_SIZE + MARGIN, 12)
    x, y = np.meshgrid(sides, sides)
    rim = np.isin(x, sides[[0, -1]]) | np.isin(y, sides[[0, -1]])
    return np.stack([x[rim], y[rim]], axis=1)


def _laplacian(points: Points, triangles: Indices) -> tuple[Points, Points]:
    """Cotangent Laplacian (V, V) and vertex areas (V,)."""
    count = len(points)
    laplacian, areas = np.zeros((count, count)), np.zeros(count)
    for corner in range(3):
        i, j, k = (triangles[:, (corner + n) % 3] for n in range(3))
        u, v = points[j] - points[i], points[k] - points[i]
        cross = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
        cot = (u * v).sum(axis=1) / np.maximum(cross, 1e-9) / 2
        np.add.at(laplacian, (j, k), -cot)
        np.add.at(laplacian, (k, j), -cot)
        np.add.at(areas, i, cross / 6)
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    return laplacian, areas


def _thin_plate(points: Points, triangles: Indices, held: Indices) -> Points:
    """How every vertex follows the held ones: (V, len(held)), rows add up to 1."""
    laplacian, areas = _laplacian(points, triangles)
    energy = laplacian @ (laplacian / areas[:, None])
    free = np.setdiff1d(np.arange(len(points)), held)
    follow = np.zeros((len(points), len(held)))
    follow[held] = np.eye(len(held))
    follow[free] = np.linalg.solve(energy[np.ix_(free, free)], -energy[np.ix_(free, held)])
    return follow


@cache
def build() -> Mesh:
    """Build the mesh of the photograph; the same every time, kept for the life of the process."""
    landmarks = to_face(PORTRAIT_LANDMARKS)
    spline = np.eye(68)
    paths: dict[str, Indices] = {}
    for name, (path, steps) in _PATHS.items():
        rows = _spline_rows(landmarks, path, steps)
        extra = len(spline) + np.arange(len(rows)).reshape(len(path) - 1, steps - 1)
        filled = np.column_stack([np.array(path[:-1]), extra])
        paths[name] = np.append(filled.ravel(), path[-1]).astype(np.int64)
        spline = np.vstack([spline, rows])
    bound, hair, border = spline @ landmarks, to_face(PORTRAIT_OUTLINE[HAIR]), _border()
    held = np.vstack([bound, hair, border])
    rest = np.vstack([held, _grid(held, landmarks)])
    triangles = Delaunay(rest).simplices.astype(np.int64)
    holes = {name: np.concatenate([paths[up][:-1], paths[low][:0:-1]]) for name, (up, low) in _HOLES.items()}
    centroids = rest[triangles].mean(axis=1)
    for loop in holes.values():
        outline = rest[loop].astype(np.float32)
        inside = np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0 for x, y in centroids])
        triangles, centroids = triangles[~inside], centroids[~inside]
    follow = _thin_plate(rest, triangles, np.arange(len(held)))
    first = len(bound)
    follow = np.round(follow, 6)  # so that no difference between linear algebra libraries reaches a pixel
    return Mesh(rest, triangles, follow[:, :first] @ spline, follow[:, first : first + len(hair)], paths, holes)
