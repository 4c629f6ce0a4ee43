"""One frame of a talking face: a pose in, the picture and its true 68 landmarks out.

The landmarks are vertices of the mesh that bends the photograph, so they are true by construction: the skin at a
landmark is always the same skin. The picture is sampled backwards through the mesh, bicubically, in one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ...metrics.contract import Frame
from .inside import Place, draw_eye, draw_mouth
from .mesh import HAIR, Mesh, build
from .portrait import FACE_SIZE, MARGIN, PORTRAIT_LANDMARKS, PORTRAIT_OUTLINE, Plane, Points, to_face
from .pose import Pose, pose_landmarks
from .retouch import speaker_texture
from .speakers import Speaker, mirrored_landmarks, speaker_landmarks, speaker_named

_NECK = np.array([128.0, 196.0])
_FALLOFF = 58.0  # face pixels around the head over which the backdrop and the shoulders stop following it


@dataclass(frozen=True)
class _Head:
    """A speaker's mesh at rest: `landmarks` (68, 2), `vertices` (V, 2), `depth` (V,), how far each follows."""

    mesh: Mesh
    landmarks: Points
    vertices: Points
    depth: Points
    follows: Points


def _depth(points: Points) -> Points:
    """Height of the head above the plane of the ears at points (N, 2), face pixels: an ellipsoid and a nose."""
    x, y = (points[:, 0] - 128.0) / 82.0, (points[:, 1] - 138.0) / 108.0
    dome = 54.0 * np.sqrt(np.clip(1 - x * x - y * y, 0, None))
    nose = 15.0 * np.exp(-(((points[:, 0] - 128.0) / 9.0) ** 2) - ((points[:, 1] - 156.0) / 14.0) ** 2)
    return np.asarray(dome + nose, dtype=np.float64)


def _following(points: Points) -> Points:
    """1 on the head, falling smoothly to 0 away from it."""
    head = np.vstack([to_face(PORTRAIT_LANDMARKS[3:14]), to_face(PORTRAIT_OUTLINE)[::-1]]).astype(np.float32)
    away = np.array([-cv2.pointPolygonTest(head, (float(x), float(y)), True) for x, y in points])
    share = np.clip(1 - away / _FALLOFF, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float64)


@lru_cache(maxsize=32)
def _head(speaker: Speaker) -> _Head:
    mesh = build()
    landmarks = speaker_landmarks(speaker)
    outline = to_face(PORTRAIT_OUTLINE[HAIR])
    centre = np.array([128.0, 130.0])
    hair = (outline - centre) * (speaker.hair_size * (1 + 0.6 * (speaker.face_width - 1)) - 1)
    vertices = mesh.rest + mesh.weights @ (landmarks - mesh.rest[:68]) + mesh.hair_weights @ hair
    return _Head(mesh, landmarks, vertices, _depth(vertices), _following(mesh.rest))


def _turned(points: Points, depth: Points, pose: Pose) -> Points:
    """Points (N, 2) with heights (N,) after the head's rigid movement, face pixels, seen from far away."""
    yaw, pitch, roll = np.radians([pose.yaw, pose.pitch, pose.roll])
    x, y = (points - _NECK).T
    x, z = x * np.cos(yaw) + depth * np.sin(yaw), depth * np.cos(yaw) - x * np.sin(yaw)
    y = y * np.cos(pitch) + z * np.sin(pitch)
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    moved = np.stack([x, y], axis=1) * (1 + pose.zoom) + _NECK
    return np.asarray(moved + np.array([pose.shift_x, pose.shift_y]), dtype=np.float64)


def pose_vertices(speaker: Speaker, pose: Pose) -> tuple[Points, npt.NDArray[np.int64]]:
    """Where the mesh is: vertices (V, 2) in face pixels before mirroring, and triangles (F, 3)."""
    head = _head(speaker)
    bend = pose_landmarks(head.landmarks, pose) - head.landmarks
    follows = head.follows[:, None]  # the backdrop follows neither the head nor the features
    bent = head.vertices + follows * (head.mesh.weights @ bend)
    moved = bent + follows * (_turned(bent, head.depth, pose) - bent)
    return moved, head.mesh.triangles


def _sampling_map(vertices: Points, mesh: Mesh, size: int, side: int) -> tuple[Plane, Plane]:
    """For every pixel of the frame, where in the texture (side×side) it comes from."""
    target = (vertices + 0.5) * (size / FACE_SIZE) - 0.5
    source = (mesh.rest + MARGIN + 0.5) * (side / (FACE_SIZE + 2 * MARGIN)) - 0.5
    corners, origin = target[mesh.triangles], source[mesh.triangles]
    (a, b), (c, d) = (np.moveaxis(corners[:, n] - corners[:, 0], 1, 0) for n in (1, 2))
    area = a * d - b * c
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    p, q = origin[:, 1] - origin[:, 0], origin[:, 2] - origin[:, 0]
    along_x = (p * d[:, None] - q * b[:, None]) / area[:, None]
    along_y = (q * a[:, None] - p * c[:, None]) / area[:, None]
    start = origin[:, 0] - along_x * corners[:, 0, :1] - along_y * corners[:, 0, 1:]
    affine = np.concatenate([along_x, along_y, start], axis=1).astype(np.float32)
    owner = np.zeros((size, size), np.int32)
    seen = ((corners.max(axis=1) > -1) & (corners.min(axis=1) < size)).all(axis=1)
    fixed = np.round(corners * 64).astype(np.int32)
    for index, triangle in zip(np.flatnonzero(seen).tolist(), fixed[seen], strict=True):
        cv2.fillConvexPoly(owner, triangle, index, cv2.LINE_8, 6)
    x, y = np.arange(size, dtype=np.float32)[None, :], np.arange(size, dtype=np.float32)[:, None]
    a_x, a_y, b_x, b_y, c_x, c_y = (np.take(column, owner, mode="clip") for column in affine.T.copy())
    return a_x * x + b_x * y + c_x, a_y * x + b_y * y + c_y


def _draw_insides(frame: Frame, vertices: Points, speaker: Speaker, pose: Pose) -> None:
    head = _head(speaker)
    paths, holes = head.mesh.paths, head.mesh.holes
    roll, zoom = float(np.radians(pose.roll)), 1 + pose.zoom
    anchors = np.array([head.landmarks[[a, b]].mean(axis=0) for a, b in ((62, 66), (36, 39), (42, 45))])
    anchors[1:, 1] -= 1.6 * speaker.eye_size
    mouth, left, right = _turned(anchors, _depth(anchors), pose)
    drop = float(pose_landmarks(head.landmarks, Pose(jaw=pose.jaw))[66, 1] - head.landmarks[66, 1])
    draw_mouth(
        frame, vertices[holes["mouth"]], vertices[paths["upper_lip_in"]], Place(mouth, roll, zoom),
        drop=drop, tongue=pose.tongue, size=speaker.mouth_width, light=speaker.light,
    )  # fmt: skip
    for name, middle in (("left", left), ("right", right)):
        draw_eye(
            frame, vertices[holes[f"eye_{name}"]], vertices[paths[f"upper_lid_{name}"]], Place(middle, roll, zoom),
            gaze=(2.4 * pose.gaze_x, 1.4 * pose.gaze_y), iris=np.array(speaker.iris), size=speaker.eye_size,
            light=speaker.light,
        )  # fmt: skip


def render(speaker: Speaker | str, pose: Pose, *, size: int = FACE_SIZE) -> tuple[Frame, Points]:
    """Render one frame.

    Returns the picture, (size, size, 3) uint8 RGB, C-contiguous, and the true landmarks, (68, 2) float64, in pixels of
    that picture (whole numbers at pixel centres), iBUG order.
    """
    speaker = speaker_named(speaker) if isinstance(speaker, str) else speaker
    turned = pose.mirrored() if speaker.mirror else pose
    vertices, _ = pose_vertices(speaker, turned)
    picture = speaker_texture(speaker, size)
    xs, ys = _sampling_map(vertices, build(), size, picture.shape[0])
    frame = cv2.remap(picture, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    _draw_insides(frame, vertices, speaker, turned)
    landmarks = (vertices[:68] + 0.5) * (size / FACE_SIZE) - 0.5
    if speaker.mirror:
        return np.ascontiguousarray(frame[:, ::-1]), mirrored_landmarks(landmarks, size)
    return frame, landmarks
