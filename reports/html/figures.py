"""The figures of the page, as files beside it: how clips are distributed, and two metrics against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...bench.results import replacing
from ..columns import Column
from .clips import labels_in_use

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...bench.results import Results

FIGURES = "figures"
_MANY_POINTS = 4000
"""Beyond so many points a drawing with a mark for each is larger than a picture of it."""


@dataclass(frozen=True)
class Drawn:
    """A figure's file, relative to the page, what it shows in a few words, and its caption."""

    file: str
    title: str
    caption: str
    wide: bool = True


def draw(results: Results, columns: Sequence[Column], out: Path) -> list[Drawn]:
    """Draw the figures into out/figures; none for a run in which nothing was measured."""
    from ..figures import canvas

    if results.clips.empty:
        return []
    suffix = ".svg" if len(results.clips) * len(columns) <= _MANY_POINTS else ".png"
    (out / FIGURES).mkdir(exist_ok=True)
    drawn = []
    for name, title, caption, figure, wide in _figures(results, columns):
        file = f"{FIGURES}/{name}{suffix}"
        content = canvas.encoded(figure, suffix, description=f"{title}. {caption}")
        with replacing(out / file) as temporary:
            temporary.write_bytes(content)
        drawn.append(Drawn(file, title, caption, wide))
    return drawn


def _figures(results: Results, columns: Sequence[Column]) -> Iterator[tuple[str, str, str, Figure, bool]]:
    from ..figures.distribution import CAPTION, distribution_figure
    from ..figures.trade_off import CAPTION as TRADE_OFF
    from ..figures.trade_off import trade_off_figure

    names = [column.name for column in columns]
    yield "distribution", "Every clip", CAPTION, distribution_figure(results, names), True
    if "emotion" in labels_in_use(results) and results.clips["emotion"].nunique() > 1:
        yield "by-emotion", "Every clip by emotion", CAPTION, distribution_figure(results, names, by="emotion"), True
    lower = [column.name for column in columns if column.better == "lower"]
    higher = [column.name for column in columns if column.better == "higher"]
    if lower and higher:
        across, up = lower[-1], higher[-1]
        yield "trade-off", f"{up} against {across}", TRADE_OFF, trade_off_figure(results, across, up), False
