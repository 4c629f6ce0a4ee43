"""What the metrics on pixels ask of a pair of frames, and what they do to one before measuring."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .contract import Frame

Colour = Literal["rgb", "grey"]


def check_frames(gt: Frame, gen: Frame, *, at_least: int = 1) -> None:
    """Raise ValueError unless both are uint8 of one shape, (H, W, 3) or (H, W), at least so many px a side."""
    for side, frame in (("gt", gt), ("gen", gen)):
        if frame.dtype != "uint8":
            raise ValueError(f"{side}: expected uint8 values from 0 to 255, got {frame.dtype}")
    if gt.shape != gen.shape:
        raise ValueError(f"frames: expected equal shapes, got {gt.shape} and {gen.shape}")
    if not (gt.ndim == 2 or (gt.ndim == 3 and gt.shape[2] == 3)):
        raise ValueError(f"frames: expected (H, W, 3) or (H, W), got {gt.shape}")
    if min(gt.shape[:2]) < at_least:
        raise ValueError(f"frames: expected at least {at_least} × {at_least} px, got {gt.shape[0]} × {gt.shape[1]}")


def prepared(frame: Frame, *, size: int | None, colour: Colour) -> Frame:
    """Return the frame scaled to size × size (None: as it is; OpenCV's INTER_AREA), then in grey where asked.

    Grey is OpenCV's: rounded 0.299 R + 0.587 G + 0.114 B. A grey frame stays one.
    """
    if size is None and (colour == "rgb" or frame.ndim == 2):
        return frame
    import cv2

    if size is not None:
        frame = cv2.resize(np.ascontiguousarray(frame), (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if colour == "grey" and frame.ndim == 3:
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    return frame
