"""What the metrics on pixels ask of a pair of frames."""

from __future__ import annotations

from .contract import Frame


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
