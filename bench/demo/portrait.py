"""The one photograph behind every demo face, and the layers cut from it.

The photograph is the portrait of Eileen Collins that scikit-image ships as `skimage/data/astronaut.png` (NASA, public
domain). It is read from the installed wheel; nothing is downloaded.

Two coordinate systems, both with whole numbers at pixel centres:

* *portrait* pixels: the 512×512 photograph;
* *face* pixels: the upright head crop at 256×256, in which everything else of the demo is written.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from ...metrics.contract import Frame

Points = npt.NDArray[np.float64]
"""(N, 2) x and y."""
Plane = npt.NDArray[np.floating]
"""A picture or mask in floating point (float32)."""

FACE_SIZE = 256
"""Side of the head crop in face pixels."""

MARGIN = 48
"""Face pixels kept around the crop, so that a moving head finds texture there."""

DETAIL = 2
"""Texture pixels per face pixel in the working texture."""

_CROP_CENTRE = (225.0, 105.0)
_CROP_SIDE = 200.0
_CROP_ROLL_DEG = 3.4  # the photographed head leans to its left by this much

# iBUG order, portrait pixels. Medians of 480 runs of dlib 20.0.1's 68-point predictor (60 rotations, scales, shifts and
# their mirror images, 3 to 5 times enlarged, four boxes each; spread 0.2 px), then corrected by eye on an eightfold
# enlargement: the inner lower lip (65 to 67) sat 0.8 px inside the lip, the mouth corner 48 1.0 px outside it.
PORTRAIT_LANDMARKS: Points = np.array(
    [
        (179.2, 104.2), (179.4, 115.9), (180.3, 127.2), (181.3, 138.8), (184.5, 150.3), (190.9, 160.1), (199.6, 168.4),
        (209.2, 175.5), (220.4, 178.2), (232.2, 176.7), (243.2, 170.9), (253.2, 163.3), (260.5, 153.7), (265.1, 142.6),
        (267.9, 131.0), (270.3, 119.7), (271.8, 107.6),
        (186.2, 94.2), (191.9, 88.3), (200.3, 87.1), (208.6, 88.7), (216.4, 92.4),
        (236.0, 93.5), (243.9, 90.7), (252.1, 90.3), (260.2, 92.1), (265.3, 98.5),
        (225.7, 102.2), (225.4, 110.6), (225.2, 118.8), (225.0, 127.3),
        (214.1, 130.9), (219.1, 132.5), (224.1, 134.4), (229.4, 133.0), (234.3, 131.9),
        (194.9, 101.1), (200.3, 97.9), (206.8, 98.5), (212.4, 103.8), (206.1, 104.2), (199.6, 103.7),
        (237.5, 105.1), (243.4, 100.4), (250.0, 100.4), (255.4, 104.2), (250.1, 106.3), (243.6, 106.1),
        (201.5, 139.2), (209.1, 139.1), (217.6, 139.4), (223.2, 140.7), (229.1, 139.8), (237.0, 140.1), (245.1, 140.9),
        (237.1, 151.0), (228.6, 155.0), (222.2, 155.5), (216.0, 154.4), (207.8, 149.5),
        (203.3, 140.2), (217.2, 142.8), (223.0, 143.9), (228.9, 143.3), (242.2, 141.8),
        (228.8, 149.0), (222.7, 149.5), (216.6, 148.5),
    ]
)  # fmt: skip

# Outline of hair and ears, portrait pixels, from the lower end of the image-left ear over the crown to the other ear.
PORTRAIT_OUTLINE: Points = np.array(
    [
        (181, 133), (176, 132), (171, 127), (166, 119), (160, 110), (155, 101), (153, 88), (153, 72), (156, 60),
        (165, 50), (176, 41), (187, 37), (191, 30), (199, 25), (210, 20), (222, 17), (235, 16), (247, 17), (262, 23),
        (276, 31), (286, 40), (292, 52), (297, 62), (300, 75), (301, 86), (298, 100), (294, 112), (285, 122),
        (279, 130), (274, 135), (267, 136),
    ],
    dtype=np.float64,
)  # fmt: skip

# Lower edge of the hair against the forehead and cheeks, portrait pixels, image left to right.
PORTRAIT_HAIRLINE: Points = np.array(
    [
        (180, 133), (179, 118), (180, 104), (184, 90), (188, 78), (198, 80), (212, 80), (224, 82), (240, 82),
        (250, 85), (264, 90), (268, 100), (271, 112), (269, 124), (267, 136),
    ],
    dtype=np.float64,
)  # fmt: skip

_COLLAR: Points = np.array([(185, 176), (189, 182), (200, 185), (220, 187), (238, 190), (252, 186), (255, 172)], float)


def face_transform() -> Points:
    """The 2×3 similarity from portrait pixels to face pixels."""
    scale = FACE_SIZE / _CROP_SIDE
    matrix = np.asarray(cv2.getRotationMatrix2D(_CROP_CENTRE, _CROP_ROLL_DEG, scale), dtype=np.float64)
    matrix[:, 2] += (FACE_SIZE - 1) / 2 - np.array(_CROP_CENTRE)
    return matrix


def to_face(points: Points) -> Points:
    """Move points (N, 2) from portrait to face pixels."""
    matrix = face_transform()
    return points @ matrix[:, :2].T + matrix[:, 2]


def to_texture(points: Points) -> Points:
    """Move points (N, 2) from face pixels to pixels of the working texture."""
    return (points + MARGIN + 0.5) * DETAIL - 0.5


@cache
def photograph() -> Frame:
    """The portrait as (512, 512, 3) uint8 RGB, read from the installed scikit-image."""
    data = np.frombuffer((files("skimage") / "data" / "astronaut.png").read_bytes(), dtype=np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if bgr is None or bgr.shape != (512, 512, 3):
        raise RuntimeError("skimage/data/astronaut.png: expected a 512x512 picture in the installed scikit-image")
    return np.ascontiguousarray(bgr[..., ::-1])


def _straighten(image: Frame | Plane, interpolation: int) -> Plane:
    """Resample a portrait-sized picture into the working texture; float32, same channels."""
    side = (FACE_SIZE + 2 * MARGIN) * DETAIL
    matrix = face_transform() * DETAIL
    matrix[:, 2] += (MARGIN + 0.5) * DETAIL - 0.5
    source = image.astype(np.float32)
    warped = cv2.warpAffine(source, matrix, (side, side), flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.float32)


def _fill(polygons: list[Points], *, grow: float = 0.0) -> Plane:
    """Fill polygons (N, 2) given in face pixels, grown by `grow` face pixels; soft-edged, 0 to 1, on the texture."""
    side = (FACE_SIZE + 2 * MARGIN) * DETAIL
    mask = np.zeros((side, side), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(to_texture(polygon) * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    reach = 2 * round(grow * DETAIL) + 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 1.0), dtype=np.float32)


def _backdrop_key() -> Plane:
    """1 on the studio backdrop, 0 on the sitter, from colour: the backdrop is the light, colourless part at the top."""
    lab = cv2.cvtColor(photograph(), cv2.COLOR_RGB2LAB).astype(np.float32)
    distance = np.hypot(lab[..., 1] - 132, lab[..., 2] - 130) + np.maximum(0, 165 - lab[..., 0]) / 2
    soft = np.clip((20 - cv2.GaussianBlur(distance, (0, 0), 0.6)) / 14, 0, 1)
    _, labels = cv2.connectedComponents((soft > 0.4).astype(np.uint8))
    connected = (labels == labels[20, 130]).astype(np.uint8)
    near = cv2.dilate(connected, np.ones((5, 5), np.uint8))
    inside = cv2.erode(connected, np.ones((7, 7), np.uint8))
    return np.maximum(soft * near, inside).astype(np.float32)


@cache
def layers() -> dict[str, Plane]:
    """Soft masks on the working texture, values 0 to 1: `backdrop`, `skin`, `hair` and `clothes` (they add up to 1)."""
    jaw = PORTRAIT_LANDMARKS[3:14]
    head = to_face(np.vstack([jaw, PORTRAIT_OUTLINE[::-1]]))
    face = to_face(np.vstack([jaw, PORTRAIT_HAIRLINE[::-1]]))
    neck = to_face(np.vstack([_COLLAR, PORTRAIT_LANDMARKS[12:3:-1]]))
    left_ear = to_face(np.vstack([PORTRAIT_OUTLINE[:4], PORTRAIT_HAIRLINE[[1, 0]]]))
    right_ear = to_face(np.vstack([PORTRAIT_OUTLINE[-4:], PORTRAIT_HAIRLINE[[-1, -2]]]))
    backdrop = _straighten(_backdrop_key(), cv2.INTER_LINEAR) * (
        1 - _fill([(head - head.mean(0)) * 0.97 + head.mean(0)])
    )
    skin = np.minimum(_fill([face, neck, left_ear, right_ear], grow=1.0), 1 - backdrop)
    hair = np.minimum(_fill([head], grow=3.0), 1 - backdrop - skin)
    return {"backdrop": backdrop, "skin": skin, "hair": hair, "clothes": 1 - backdrop - skin - hair}


@cache
def texture() -> Plane:
    """The straightened photograph as (704, 704, 3) float32 RGB, 0 to 255, two pixels per face pixel, with margins."""
    return np.clip(_straighten(photograph(), cv2.INTER_LANCZOS4), 0, 255)
