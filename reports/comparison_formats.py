"""Comparisons with a baseline as text: terminal, Markdown, LaTeX, CSV and JSON, each with the signature."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from . import escape
from .comparison import Comparison, Comparisons
from .printed import number

if TYPE_CHECKING:
    import rich.table

_LEFT = (0, 1, 8)
"""Columns of text; the others hold numbers and stand right."""
_FIELDS = (
    "baseline", "method", "metric", "difference", "ci_low", "ci_high", "standardised", "better_on", "n_clips",
    "n_units", "p", "p_holm", "smallest_p", "exact", "verdict", "baseline_mean", "method_mean",
)  # fmt: skip


def to_markdown(made: Comparisons) -> str:
    """Print a GitHub table, its columns aligned in the source too."""
    lines = [[escape.markdown(text) for text in line] for line in (_headings(made), *_lines(made))]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    rule = [":" + "-" * (width - 1) if at in _LEFT else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    padded = [
        [text.ljust(widths[at]) if at in _LEFT else text.rjust(widths[at]) for at, text in enumerate(line)]
        for line in (lines[0], rule, *lines[1:])
    ]
    below = [*map(escape.markdown, made.notes), f"Signature: {escape.markdown_code(made.signature)}"]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded) + "\n\n" + "\n\n".join(below) + "\n"


def to_latex(made: Comparisons) -> str:
    """Print a `table` environment that needs booktabs and nothing else and fits the width of an article's page."""
    short = {"Difference": "Diff.", "Better on": "Better", f"Against {made.baseline}": "Method"}
    head = [escape.latex(short.get(text, text)) for text in _headings(made)[1:]]
    lines = [
        r"% Needs \usepackage{booktabs}. Names beyond Latin script need LuaLaTeX or XeLaTeX with a font that has them.",
        r"\begin{table}[t]",
        r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"  \caption{{Comparison with {escape.latex(made.baseline)} (protocol {escape.latex(made.protocol)}).}}",
        r"  \label{tab:talkbench-comparison}",
        r"  \begin{tabular}{@{}lrrrrrrl@{}}",
        r"    \toprule",
        f"    {' & '.join(head)} \\\\",
    ]
    for metric, *cells in _lines(made):
        if metric:
            lines += [r"    \midrule", rf"    \multicolumn{{8}}{{@{{}}l}}{{\emph{{{escape.latex(metric)}}}}} \\"]
        texts = [escape.latex(text).replace("-", "$-$") if at else escape.latex(text) for at, text in enumerate(cells)]
        lines.append(f"    {' & '.join(texts)} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"  \par\smallskip\raggedright\scriptsize"]
    lines += [rf"  {escape.latex(note)}\par" for note in made.notes]
    lines += [rf"  Signature: {{\ttfamily {escape.latex_breakable(made.signature)}}}\par", r"\end{table}"]
    return "\n".join(lines) + "\n"


def to_csv(made: Comparisons) -> str:
    """Print a row per comparison with full precision; an empty field is a value that there is not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FIELDS, "unit", "resamples", "seed", "protocol", "signature"])
    origin = [made.unit, made.resamples, made.seed, escape.csv(made.protocol), escape.csv(made.signature)]
    for one in made.comparisons:
        values = _data(made, one).values()
        writer.writerow([*(escape.csv(value) if isinstance(value, str) else value for value in values), *origin])
    return text.getvalue()


def to_json(made: Comparisons) -> str:
    """Print strict JSON; a value that there is not is null."""
    data = {
        "protocol": made.protocol,
        "signature": made.signature,
        "unit": made.unit,
        "level": made.level,
        "resamples": made.resamples,
        "seed": made.seed,
        "family": "the comparisons with the baseline on one metric",
        "comparisons": [_data(made, one) for one in made.comparisons],
        "notes": list(made.notes),
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_rich(made: Comparisons) -> rich.table.Table:
    """Build the terminal table; the signature is left to the caller, who must print it unwrapped."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    caption = Text("\n".join(map(escape.one_line, made.notes)), style="dim")
    shown = RichTable(box=SIMPLE_HEAD, caption=caption, caption_justify="left", pad_edge=False)
    for at, heading in enumerate(_headings(made)[1:], start=1):
        shown.add_column(
            Text(escape.one_line(heading)), justify="left" if at in _LEFT else "right", no_wrap=at > 1, overflow="fold"
        )
    for metric, method, *cells in _lines(made):
        if metric:
            shown.add_section()
            shown.add_row(Text(metric, style="bold"))
        shown.add_row(Text(f"  {escape.one_line(method)}"), *map(Text, cells))
    return shown


FORMATS: dict[str, Callable[[Comparisons], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "json": to_json,
}


def _headings(made: Comparisons) -> list[str]:
    interval = f"{made.level * 100:g} % interval"
    return ["Metric", f"Against {made.baseline}", "Difference", interval, "d", "Better on", "p", "Holm", "Verdict"]


def _lines(made: Comparisons) -> Iterator[list[str]]:
    """Yield the printed cells of every comparison; the metric stands in the first row of its block alone."""
    metric = None
    for one in made.comparisons:
        first = "" if one.column == metric else one.column.heading
        metric = one.column
        decimals = one.column.decimals
        interval = "–"
        if one.ci_low is not None and one.ci_high is not None:
            interval = f"[{_signed(one.ci_low, decimals)}, {_signed(one.ci_high, decimals)}]"
        yield [
            first,
            one.method,
            _signed(one.paired.difference, decimals),
            interval,
            _signed(None if one.test is None else one.test.standardised, 2),
            f"{one.better_on}/{one.paired.n_clips}",
            _p(None if one.test is None else one.test.p),
            _p(one.p_holm),
            one.verdict,
        ]


def _signed(value: float | None, decimals: int) -> str:
    text = number(value, decimals)
    return f"+{text}" if value is not None and value > 0 and float(text) else text


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _data(made: Comparisons, one: Comparison) -> dict[str, float | int | str | None]:
    """Return a comparison as plain data, in the order of `_FIELDS`; a mean made infinite is null."""
    test, pair = one.test, one.paired
    means = [mean if mean is None or abs(mean) != float("inf") else None for mean in (pair.baseline, pair.other)]
    found = (None,) * 5 if test is None else (test.difference, test.standardised, test.p, test.smallest_p, test.exact)
    difference, standardised, p, smallest, exact = found
    values = (
        made.baseline, one.method, one.column.name, difference, one.ci_low, one.ci_high, standardised, one.better_on,
        pair.n_clips, pair.n_units, p, one.p_holm, smallest, exact, one.verdict, *means,
    )  # fmt: skip
    return dict(zip(_FIELDS, values, strict=True))
