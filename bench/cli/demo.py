"""`talkbench demo`: the main job on a small talking-face corpus that talkbench makes itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = "Examples:\n\ntalkbench demo\n\ntalkbench demo -o /tmp/talkbench-demo"


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the videos and the results.")] = Path(
        "talkbench-demo"
    ),
) -> None:
    """Make the demo corpus, score five simulated failures on it, and print Table 1."""
