"""The drawing of 68 landmarks that stage 2 sees: MakeItTalk's colours and lines on white.

MakeItTalk keeps OpenCV's BGR throughout; here the same triples are RGB [D]. Training and inference draw alike, so
either order would do. Smaller sizes are the 256² drawing shrunk, which keeps positions finer than a pixel [D].
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

CANVAS = 256
_LINES = (  # first and last point, closed, colour
    (0, 16, False, (255, 144, 25)),  # jaw
    (17, 21, False, (50, 205, 50)),  # brows
    (22, 26, False, (50, 205, 50)),
    (27, 35, False, (208, 224, 63)),  # nose: one line, from the bridge's end (30) to the nostril (31)
    (36, 41, True, (71, 99, 255)),  # eyes
    (42, 47, True, (71, 99, 255)),
    (48, 59, True, (238, 130, 238)),  # mouth, outside and inside
    (60, 67, True, (238, 130, 238)),
)


def rasterise(landmarks: npt.NDArray[np.floating], size: int = CANVAS) -> npt.NDArray[np.uint8]:
    """Return landmarks (T, 68, 2), in pixels of a 256² frame, as drawings (T, size, size, 3) RGB.

    Coordinates are truncated to whole pixels, as in MakeItTalk; lines are 2 px wide and not smoothed. What lies outside
    the frame is cut off. ValueError where a point is missing: there is no drawing of half a face.
    """
    if landmarks.ndim != 3 or landmarks.shape[1:] != (68, 2):
        raise ValueError(f"landmarks: expected (T, 68, 2), got {landmarks.shape}")
    missing = np.flatnonzero(~np.isfinite(landmarks).all(axis=(1, 2)))
    if len(missing):
        raise ValueError(f"landmarks: expected finite numbers, got NaN or infinity in frame {missing[0]}")
    drawings = np.empty((len(landmarks), size, size, 3), np.uint8)
    for drawing, points in zip(drawings, np.clip(landmarks, -1e4, 1e4).astype(np.int32), strict=True):
        canvas = np.full((CANVAS, CANVAS, 3), 255, np.uint8)
        for first, last, closed, colour in _LINES:
            line = points[first : last + 1].tolist()
            for start, end in zip(line, line[1:] + line[:1] * closed, strict=False):
                cv2.line(canvas, start, end, colour, thickness=2)
        drawing[:] = canvas if size == CANVAS else cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return drawings
