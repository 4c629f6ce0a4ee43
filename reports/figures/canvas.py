"""What all figures share: the width of a paper's column, type, the footer, and files with the same bytes every time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...bench.results import Results

SINGLE, DOUBLE = 3.3, 6.9
"""Width in inches of one column of a two-column paper, and of both."""
SMALL, NORMAL = 6.0, 7.0
"""Type sizes in points, at the size of the figure; nothing is smaller than `SMALL`."""
_CHARACTER = 0.053
"""Width in inches of a letter of `SMALL` type, rather too much."""
FOOTER = 0.13
"""Height in inches of the line at the foot that says under which protocol the numbers were measured."""
SUFFIXES = (".pdf", ".png", ".svg")

_OTHER_SCRIPTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai")
"""Fonts, where they are installed, for letters that DejaVu Sans does not have."""
_SETTINGS: dict[str, Any] = {
    "font.size": NORMAL,
    "axes.labelsize": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "patch.linewidth": 0.6,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "talkbench",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in talkbench's style whatever the user's settings; they are as they were afterwards."""
    from matplotlib import font_manager, style

    installed = font_manager.get_font_names()
    fonts = ["DejaVu Sans", *(font for font in _OTHER_SCRIPTS if font in installed)]
    with style.context(["default", _SETTINGS | {"font.family": fonts}]), warnings.catch_warnings():
        # a letter that no font has is drawn as a box, which says as much
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(width: float, height: float, **arguments: Any) -> Figure:  # noqa: ANN401
    """Return an empty figure of this size in inches, drawn by Agg and known to no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white", **arguments)
    FigureCanvasAgg(figure)
    return figure


def charted(results: Results, width: float, height: float, names: Sequence[str]) -> Figure:
    """Return a signed figure whose axes are laid out above a legend of these names, which are `height` in inches."""
    foot = FOOTER + _legend_height(width, names)
    figure = new_figure(width, height + foot, layout="constrained")
    engine: Any = figure.get_layout_engine()
    share = foot / (height + foot)
    engine.set(rect=(0, share, 1, 1 - share), w_pad=0.03, h_pad=0.03)
    sign(figure, results)
    return figure


def sign(figure: Figure, results: Results) -> None:
    """Write the protocol and the digest of the signature at the foot; files carry all of it as metadata."""
    signature = str(results.run["signature"])
    name, _, rest = signature.partition("|")
    digest = rest.rpartition("|")[2]
    figure.set_gid(signature)
    height = figure.get_figheight()
    text = f"{name} | {digest}" if digest else name
    write(figure, figure.get_figwidth() - 0.03, height - 0.02, text, ha="right", va="bottom", color="#767676")


def write(figure: Figure, x: float, y: float, text: str, **look: Any) -> None:  # noqa: ANN401
    """Write one line at inches from the top left; `$` is a dollar, not mathematics."""
    width, height = figure.get_size_inches()
    style: dict[str, Any] = {"fontsize": SMALL, "ha": "center"} | look
    figure.text(x / width, 1 - y / height, plain(text), parse_math=False, **style)


def plain(text: str, longest: int | None = None) -> str:
    """Return one line without control characters, cut in the middle where it is longer than `longest`.

    >>> plain("W037/angry/level_2/008", 15)
    'W037/an…_2/008'
    """
    text = escape.one_line(text)
    if longest is None or len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 2) :]}"


def encoded(figure: Figure, suffix: str, *, dpi: int = 300, description: str | None = None) -> bytes:
    """Return a figure as the bytes of a `.pdf`, `.png` or `.svg` file, the same for the same input.

    `description` is written into the file's metadata, and the signature of the numbers with it.
    """
    about = " ".join(part for part in (description, _signature(figure)) if part)
    metadata: dict[str, Mapping[str, str | None]] = {
        ".png": {"Software": None, "Description": about},
        ".svg": {"Date": None, "Creator": None, "Description": about},
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Subject": about},
    }
    out = io.BytesIO()
    with house_style():
        chosen: Any = metadata[suffix]
        figure.savefig(out, format=suffix[1:], dpi=dpi, metadata=chosen)
    return out.getvalue()


def save(figure: Figure, out: Path, *, dpi: int = 300, description: str | None = None) -> None:
    """Write a figure to a file, all at once; the suffix chooses PDF, PNG or SVG. Raises ValueError for another one."""
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{out}: expected a file name that ends in {', '.join(SUFFIXES)}.")
    content = encoded(figure, out.suffix.lower(), dpi=dpi, description=description)
    out.write_bytes(content)


def _signature(figure: Figure) -> str | None:
    gid = figure.get_gid()
    return None if gid is None else f"Signature: {gid}"


def legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Draw the legend that `charted` made room for; a name is shown as it is, whatever it begins with."""
    width, height = figure.get_size_inches()
    # matplotlib leaves out what begins with "_": the names go in afterwards
    drawn = figure.legend(
        handles,
        [str(index) for index in range(len(names))],
        loc="lower center",
        bbox_to_anchor=(0.5, FOOTER / height),
        ncols=_legend_columns(width, names),
        handlelength=2.2,
        columnspacing=1.2,
        borderaxespad=0,
    )
    for text, name in zip(drawn.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(_legend_name(width, name))


def _legend_name(width: float, name: str) -> str:
    return plain(name, max(8, int(width / _CHARACTER) - 10))


def _legend_columns(width: float, names: Sequence[str]) -> int:
    longest = max((len(_legend_name(width, name)) for name in names), default=1)
    return max(1, min(len(names), int((width - 0.1) / (longest * _CHARACTER + 0.45))))


def _legend_height(width: float, names: Sequence[str]) -> float:
    return -(-len(names) // _legend_columns(width, names)) * 0.122 + 0.08
