"""Table 1 as text: Markdown, LaTeX, CSV, HTML, JSON, and the summary on the terminal.

Markdown, LaTeX, HTML and the terminal show printed decimals, intervals and marks; CSV and JSON hold full precision and
every cell's own coverage and number of clips. Each carries the signature: a number never travels without it.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from . import escape
from .columns import Column
from .groups import Label
from .printed import number, percent
from .table import Cell, Row, Table

if TYPE_CHECKING:
    import rich.table
    from rich.text import Text


def to_markdown(table: Table) -> str:
    """Print a GitHub table, its columns aligned in the source too."""
    lines = [[escape.markdown(heading) for heading in _headings(table)]]
    for row, new in _led(table):
        lead = [] if table.by is None else [escape.markdown(new.value) if new else ""]
        cells = (_markdown_cell(cell, column) for cell, column in zip(row.cells, table.metrics, strict=True))
        lines.append([*lead, escape.markdown(row.method), *cells, percent(row.coverage), _clips(row)])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    left = 1 if table.by is None else 2
    rule = [":" + "-" * (width - 1) for width in widths[:left]] + ["-" * (width - 1) + ":" for width in widths[left:]]
    padded = [
        [text.ljust(widths[at]) if at < left else text.rjust(widths[at]) for at, text in enumerate(line)]
        for line in [lines[0], rule, *lines[1:]]
    ]
    below = [*(escape.markdown(note) for note in table.notes), f"Signature: {escape.markdown_code(table.signature)}"]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded) + "\n\n" + "\n\n".join(below) + "\n"


def to_latex(table: Table) -> str:
    """Print a `table` environment that needs booktabs and nothing else and fits the width of an article's page.

    Groups that are too many for the height of a page go on in another one, with the notes under the last.
    """
    pages: list[list[str]] = [[]]
    for lines in _latex_blocks(table):
        if pages[-1] and len(pages[-1]) + len(lines) > _LATEX_LINES:
            pages.append([])
        pages[-1] += [r"    \midrule", *lines]
    return "\n".join(_latex_page(table, lines, at, len(pages)) for at, lines in enumerate(pages, start=1))


def to_csv(table: Table) -> str:
    """Print a row per method with full precision; an empty field is a missing value, `inf` an infinite one."""
    parts = ["", " ci_low", " ci_high", " coverage", " n_clips"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [escape.csv(f"{column.name}{part}") for column in table.metrics for part in parts]
    by = [] if table.by is None else [table.by]
    writer.writerow([*by, "method", *names, "measured", "planned", "protocol", "signature"])
    for row in table.rows:
        numbers = [
            field
            for cell in row.cells
            for field in (cell.value, cell.ci_low, cell.ci_high, cell.coverage, cell.n_clips)
        ]
        origin = [escape.csv(table.protocol), escape.csv(table.signature)]
        group = [] if row.group is None else [escape.csv(row.group.value)]
        writer.writerow([*group, escape.csv(row.method), *numbers, row.measured, row.planned, *origin])
    return text.getvalue()


def to_html(table: Table) -> str:
    """Print a page that opens from disk; `html_table` is its table alone, for a page of your own."""
    title = escape.html(_title(table))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{html_table(table)}</body>\n</html>\n"
    )


def html_table(table: Table) -> str:
    """Print the table and what stands under it as one `<figure>`, without style."""
    headings = ["Method", *(column.heading for column in table.metrics), "Coverage", "Clips"]
    head = "".join(f'<th scope="col">{escape.html(heading)}</th>' for heading in headings)
    body = ""
    for row, new in _led(table):
        if new:
            body += "</tbody>\n<tbody>\n" if body else ""
            body += f'<tr><th scope="rowgroup" colspan="{len(headings)}">{escape.html(new.title)}</th></tr>\n'
        cells = "".join(
            f"<td>{_html_cell(cell, column)}</td>" for cell, column in zip(row.cells, table.metrics, strict=True)
        )
        ends = f"<td>{percent(row.coverage)}</td><td>{_clips(row)}</td>"
        kind = ' class="reference"' if row.reference else ""
        body += f'<tr{kind}><th scope="row">{escape.html(row.method)}</th>{cells}{ends}</tr>\n'
    below = "".join(f"<p>{escape.html(note)}</p>\n" for note in table.notes)
    return (
        f'<figure class="talkbench">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{"".join(body)}</tbody>\n'
        f"</table>\n<figcaption>\n{below}"
        f"<p>Signature: <code>{escape.html(table.signature)}</code></p>\n</figcaption>\n</figure>\n"
    )


def to_json(table: Table) -> str:
    """Print strict JSON: ∞ is the string "inf", a missing value is null; `reasons` counts the clips without one."""
    rows = [
        {
            **({} if row.group is None else {"group": row.group.value}),
            "method": row.method,
            **{
                column.name: cell_json(cell) | ({"reasons": dict(cell.reasons)} if cell.reasons else {})
                for cell, column in zip(row.cells, table.metrics, strict=True)
            },
        }
        for row in table.rows
    ]
    by = {} if table.by is None else {"by": table.by}
    data = {"protocol": table.protocol, "signature": table.signature, **by, "rows": rows, "notes": list(table.notes)}
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_rich(table: Table) -> rich.table.Table:
    """Build the terminal summary, each interval under its value, with the notes as caption.

    More metrics than stand side by side in a terminal stand below each other, a column per method. The signature is
    left to the caller: it must be printed unwrapped, so that it can be copied.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    caption = "\n".join(map(escape.one_line, table.notes))
    shown = RichTable(box=SIMPLE_HEAD, caption=Text(caption, style="dim"), caption_justify="left", pad_edge=False)
    if table.by is None and len(table.metrics) > _ABREAST:
        _fill_by_metric(shown, table)
        return shown
    longest = max(len(escape.one_line(row.method)) for row in table.rows)
    if table.by is not None:
        shown.add_column(table.by.capitalize(), overflow="fold")
    shown.add_column("Method", overflow="fold", min_width=min(longest, 24))
    for heading in (*(column.heading for column in table.metrics), "Coverage", "Clips"):
        shown.add_column(Text(escape.one_line(heading)), justify="right")
    for row, new in _led(table):
        if new:
            shown.add_section()
        cells = [_rich_cell(cell, column) for cell, column in zip(row.cells, table.metrics, strict=True)]
        lead = [] if table.by is None else [Text(escape.one_line(new.value) if new else "")]
        name = Text(escape.one_line(row.method), style="dim" if row.reference else "")
        shown.add_row(*lead, name, *cells, percent(row.coverage), _clips(row))
    return shown


def _fill_by_metric(shown: rich.table.Table, table: Table) -> None:
    """Fill a terminal table with a row per metric and a column per method."""
    from rich.text import Text

    shown.add_column("Metric", overflow="fold", min_width=max(len(column.heading) for column in table.metrics))
    for row in table.rows:
        heading = Text(escape.one_line(row.method), style="dim" if row.reference else "")
        shown.add_column(heading, justify="right", overflow="fold")
    for at, column in enumerate(table.metrics):
        shown.add_row(Text(escape.one_line(column.heading)), *(_rich_cell(row.cells[at], column) for row in table.rows))
    shown.add_section()
    shown.add_row("Coverage", *(percent(row.coverage) for row in table.rows))
    shown.add_row("Clips", *(_clips(row) for row in table.rows))


def _rich_cell(cell: Cell, column: Column) -> Text:
    from rich.text import Text

    text = Text(number(cell.value, column.decimals), style="bold" if cell.best else "")
    text.append(_dagger(cell), style="not bold")
    if interval := _interval(cell, column):
        text.append(f"\n{interval}", style="dim not bold")
    return text


_ABREAST = 6
"""Metrics that stand side by side in a terminal."""
_LATEX_LINES = 40
"""Lines of a page's table that leave room for its notes."""
FORMATS: dict[str, Callable[[Table], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "html": to_html,
    "json": to_json,
}

STYLE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
figure { margin: 0; overflow-x: auto; }
table { border-collapse: collapse; border-block: 2px solid; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; font-weight: normal; white-space: nowrap; }
th:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
thead th { border-bottom: 1px solid; vertical-align: bottom; }
tbody + tbody { border-top: 1px solid; }
th[scope=rowgroup] { font-style: italic; }
.reference { opacity: .7; }
.ci { font-size: .8em; opacity: .7; }
figcaption { font-size: .85em; margin-top: .75rem; }
figcaption p { margin: .25rem 0; }
sup { line-height: 0; }
code { overflow-wrap: anywhere; }
"""


def _title(table: Table) -> str:
    by = "" if table.by is None else f" by {table.by}"
    return f"{table.title}{by} (protocol {table.protocol})"


def _headings(table: Table) -> list[str]:
    lead = [] if table.by is None else [table.by.capitalize()]
    return [*lead, "Method", *(column.heading for column in table.metrics), "Coverage", "Clips"]


def _led(table: Table) -> Iterator[tuple[Row, Label | None]]:
    """Yield every row, and its group where a new one begins."""
    group = None
    for row in table.rows:
        yield row, None if row.group == group else row.group
        group = row.group


def _clips(row: Row) -> str:
    return str(row.measured) if row.reference else f"{row.measured}/{row.planned}"


def _interval(cell: Cell, column: Column) -> str:
    if cell.ci_low is None or cell.ci_high is None:
        return ""
    return f"[{number(cell.ci_low, column.decimals)}, {number(cell.ci_high, column.decimals)}]"


def _dagger(cell: Cell) -> str:
    return "†" if cell.partial else ""


def _markdown_cell(cell: Cell, column: Column) -> str:
    value = number(cell.value, column.decimals)
    value = f"**{value}**" if cell.best else value
    return f"{value}{_dagger(cell)} {_interval(cell, column)}".rstrip()


def _latex_blocks(table: Table) -> Iterator[list[str]]:
    """Yield the lines of every group, headed by its name, or of the whole table where it has no groups."""
    for group, rows in groupby(table.rows, key=lambda row: row.group):
        width = len(table.metrics) + 3
        name = (
            []
            if group is None
            else [rf"    \multicolumn{{{width}}}{{@{{}}l}}{{\emph{{{escape.latex(group.title)}}}}} \\"]
        )
        yield name + [line for row in rows for line in _latex_row(row, table.metrics)]


def _latex_row(row: Row, metrics: Sequence[Column]) -> list[str]:
    cells = list(zip(row.cells, metrics, strict=True))
    values = [_latex_value(cell, column) for cell, column in cells]
    ends = [percent(row.coverage).replace(" %", r"\,\%"), _clips(row)]
    intervals = [_interval(cell, column).replace("-", "$-$") for cell, column in cells]
    return _latex_lines([escape.latex(row.method), *values, *ends], intervals)


def _latex_page(table: Table, body: list[str], page: int, pages: int) -> str:
    label = f"{table.label}{'' if table.by is None else f'-by-{table.by}'}{'' if page == 1 else f'-{page}'}"
    lines = [
        r"% Needs \usepackage{booktabs}. Names beyond Latin script need LuaLaTeX or XeLaTeX with a font that has them.",
        r"\begin{table}[t]",
        r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{escape.latex(_title(table))}{f', part {page} of {pages}' if pages > 1 else ''}.}}",
        rf"  \label{{tab:{label}}}",
        r"  \begin{tabular}{@{}l" + "c" * len(table.metrics) + r"rr@{}}",
        r"    \toprule",
        *_latex_lines(
            ["Method", *(escape.latex(column.title) for column in table.metrics), "Coverage", "Clips"],
            [f"({escape.latex(column.unit)})" if column.unit else "" for column in table.metrics],
        ),
        *body,
        r"    \bottomrule",
        r"  \end{tabular}",
    ]
    if page == pages:
        lines.append(r"  \par\smallskip\raggedright\scriptsize")
        lines += [rf"  {escape.latex(note)}\par" for note in table.notes]
        lines.append(rf"  Signature: {{\ttfamily {escape.latex_breakable(table.signature)}}}\par")
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _latex_lines(line: list[str], small: list[str]) -> list[str]:
    """A row of the table, and under it what stands small under the metrics' cells, where there is anything."""
    if not any(small):
        return [f"    {' & '.join(line)} \\\\"]
    below = ["", *(rf"\scriptsize {text}" if text else "" for text in small), "", ""]
    return [f"    {' & '.join(line)} \\\\[-2pt]", f"    {' & '.join(below)} \\\\[1pt]"]


def _latex_value(cell: Cell, column: Column) -> str:
    """The dagger takes no room, so that the digits stay under each other."""
    value = "--" if cell.value is None else number(cell.value, column.decimals).replace("-", "$-$")
    value = rf"\textbf{{{value}}}" if cell.best else value
    value = value.replace("∞", r"{\boldmath$\infty$}" if cell.best else r"$\infty$")
    return value + (r"\rlap{\textsuperscript{\dag}}" if cell.partial else "")


def _html_cell(cell: Cell, column: Column) -> str:
    value = number(cell.value, column.decimals)
    value = f"<strong>{value}</strong>" if cell.best else value
    interval = _interval(cell, column)
    dagger = "<sup>†</sup>" if cell.partial else ""
    return f'{value}{dagger} <span class="ci">{interval}</span>' if interval else f"{value}{dagger}"


def cell_json(cell: Cell) -> dict[str, float | str | int | None]:
    """Return a cell for strict JSON: ∞ is the string "inf", a missing value is null."""
    return {
        "value": json_number(cell.value),
        "ci_low": json_number(cell.ci_low),
        "ci_high": json_number(cell.ci_high),
        "coverage": cell.coverage,
        "n_clips": cell.n_clips,
    }


def json_number(value: float | None) -> float | str | None:
    """Return a number that strict JSON can hold: ∞ becomes the string "inf"."""
    if value is None or math.isfinite(value):
        return value
    return "inf" if value > 0 else "-inf"
