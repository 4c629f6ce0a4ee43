"""A paper's tables as printed there, and *reported* beside *measured* values.

A reported value stays in a column of its own, labelled `reported`: no mean, interval, coverage or bold print is shared
with measured values, because the two do not come from the same protocol. Markdown, LaTeX and HTML print a table per
sheet; CSV has a row per method and metric; JSON holds reported values both as printed and as numbers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ..baselines.published import Paper, PaperTable, method_key
from ..baselines.published import number as parsed
from ..bench.errors import TalkbenchError
from . import escape
from .formats import _STYLE, _json_number
from .table import Cell, Row, Table, number, percent


@dataclass(frozen=True)
class Line:
    """A method as the paper prints it, or as it was measured; `reported` is empty where the paper does not have it."""

    method: str
    reported: tuple[str, ...]
    measured: Row | None = None


@dataclass(frozen=True)
class Sheet:
    """A paper's table ready to be printed, alone or beside what was measured."""

    source: PaperTable
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    measured: Table | None = None

    @property
    def title(self) -> str:
        """Where the numbers are from: `Table 1 of msef-2023`."""
        name = f"{self.source.name} of {self.source.paper}"
        if self.measured is not None:
            return f"{name}, reported and measured"
        return f"{name}: {self.source.caption}" if self.source.caption else name

    @property
    def places(self) -> tuple[int | None, ...]:
        """Per column of the paper, the place of the same metric among those measured; None where there is none."""
        metrics = [] if self.measured is None else [metric.name for metric in self.measured.metrics]
        return tuple(metrics.index(column.name) if column.name in metrics else None for column in self.source.columns)


def sheets(paper: Paper, measured: Table | None = None) -> tuple[Sheet, ...]:
    """Return the paper's tables as printed or, where they share a metric with the run, side by side with it.

    Raises TalkbenchError where no table shares a metric with the run.
    """
    names = set() if measured is None else {metric.name for metric in measured.metrics}
    shared = [any(column.name in names for column in table.columns) for table in paper.tables]
    if measured is not None and not any(shared):
        raise _nothing_shared(paper.id, [column.name for table in paper.tables for column in table.columns], measured)
    made = []
    for table, common in zip(paper.tables, shared, strict=True):
        sheet = side_by_side(table, measured) if measured is not None and common else as_printed(table)
        made.append(replace(sheet, notes=(*sheet.notes, _citation(paper))))
    return tuple(made)


def as_printed(paper_table: PaperTable) -> Sheet:
    """Return a paper's table with nothing beside it."""
    lines = tuple(Line(row.method, row.values) for row in paper_table.rows)
    return Sheet(paper_table, lines, _provenance(paper_table))


def side_by_side(paper_table: PaperTable, measured: Table) -> Sheet:
    """Put a run's values beside a paper's: rows of one method name, ignoring case and a trailing citation.

    Methods that only the run has come last. Raises TalkbenchError where two methods of the run have the name of one
    row of the paper, or where the two tables share no metric.
    """
    unmatched = list(measured.rows)
    lines = []
    for printed in paper_table.rows:
        found = [row for row in unmatched if method_key(row.method) == method_key(printed.method)]
        if len(found) > 1:
            raise TalkbenchError(
                f"{found[0].method!r} and {found[1].method!r} of the run are both called as {printed.method!r} in "
                f"{paper_table.name} of {paper_table.paper}. Score one of them again under another --gen NAME."
            )
        lines.append(Line(printed.method, printed.values, found[0] if found else None))
        unmatched = [row for row in unmatched if row not in found]
    lines += [Line(row.method, (), row) for row in unmatched]
    sheet = Sheet(paper_table, tuple(lines), (), measured)
    if all(place is None for place in sheet.places):
        raise _nothing_shared(
            f"{paper_table.name} of {paper_table.paper}", [column.name for column in paper_table.columns], measured
        )
    return replace(sheet, notes=(*_provenance(paper_table), *_legend(sheet, measured)))


def to_markdown(printed: Sequence[Sheet]) -> str:
    """Print a GitHub table per sheet, under a line that says where it is from."""
    parts = []
    for sheet in printed:
        headings = [" ".join(filter(None, head)) for head in _headings(sheet)]
        lines = [[escape.markdown(text) for text in line] for line in (headings, *_cells(sheet))]
        widths = [max(3, *(len(line[at]) for line in lines)) for at in range(len(headings))]
        rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
        padded = [
            [line[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))]
            for line in [lines[0], rule, *lines[1:]]
        ]
        grid = "\n".join(f"| {' | '.join(line)} |" for line in padded)
        below = _below(sheet, escape.markdown, escape.markdown_code)
        parts.append("\n\n".join([escape.markdown(sheet.title), grid, *below]) + "\n")
    return "\n".join(parts)


def to_latex(printed: Sequence[Sheet]) -> str:
    """Print a `table` environment per sheet; they need booktabs and nothing else."""
    return "\n".join(_latex_table(sheet) for sheet in printed)


def to_csv(printed: Sequence[Sheet]) -> str:
    """Print a row per method and metric: `reported` as printed, `measured` in full precision, empty where missing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_ORIGIN, "method", "metric", "reported", *_CELL, "measured_protocol", "signature"])
    for sheet in printed:
        source, run = sheet.source, sheet.measured
        origin = [escape.csv(getattr(source, name) or "") for name in _ORIGIN]
        measured_as = ["", ""] if run is None else [escape.csv(run.protocol), escape.csv(run.signature)]
        for line in sheet.lines:
            for at, (column, place) in enumerate(zip(source.columns, sheet.places, strict=True)):
                reported = line.reported[at] if line.reported else ""
                cell = None if line.measured is None or place is None else line.measured.cells[place]
                values = [""] * len(_CELL) if cell is None else [getattr(cell, name) for name in _CELL.values()]
                signed = measured_as if cell is not None else ["", ""]
                names = [escape.csv(line.method), escape.csv(column.name)]
                writer.writerow([*origin, *names, reported, *values, *signed])
    return text.getvalue()


def to_html(printed: Sequence[Sheet]) -> str:
    """Print a page that opens from disk, with a `<figure>` per sheet."""
    title = escape.html("; ".join(sheet.title for sheet in printed))
    figures = "".join(_html_figure(sheet) for sheet in printed)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n{figures}</body>\n</html>\n"
    )


def to_json(printed: Sequence[Sheet]) -> str:
    """Print strict JSON: what the source prints as missing has the value null, ∞ is the string "inf"."""
    tables = [
        {
            **sheet.source.model_dump(exclude={"rows"}),
            "measured": None
            if sheet.measured is None
            else {"protocol": sheet.measured.protocol, "signature": sheet.measured.signature},
            "rows": [_json_row(sheet, line) for line in sheet.lines],
            "notes": [*sheet.notes, *([] if sheet.measured is None else [_warning(sheet.source, sheet.measured)])],
        }
        for sheet in printed
    ]
    return json.dumps({"tables": tables}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Sheet]], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "html": to_html,
    "json": to_json,
}

_ORIGIN = ("paper", "name", "dataset", "protocol", "obtained", "via")
_CELL = {
    "measured": "value",
    "ci_low": "ci_low",
    "ci_high": "ci_high",
    "coverage": "coverage",
    "n_clips": "n_clips",
}
"""Fields of a measured value in CSV, and where a cell has them."""


def _provenance(source: PaperTable) -> tuple[str, ...]:
    how = "read at its source" if source.via is None else f"second-hand, via {source.via}"
    said = f"Reported in {source.name} of {source.paper} on {source.dataset}, protocol {source.protocol}; {how}."
    return (said, f"{source.note}.") if source.note else (said,)


def _citation(paper: Paper) -> str:
    authors = f"{', '.join(paper.authors)}: " if paper.authors else ""
    return f"{paper.id}: {authors}{paper.title}.{f' {paper.venue}.' if paper.venue else ''}"


def _legend(sheet: Sheet, measured: Table) -> tuple[str, ...]:
    parts = ["Methods are matched by name alone. Empty: not in the paper's table, or not in the run."]
    if any(row.cells[place].partial for row in measured.rows for place in sheet.places if place is not None):
        parts.append("† Scored on too few of the planned frames: see the run's own table.")
    reported = {column.name for column in sheet.source.columns}
    if others := [metric.name for metric in measured.metrics if metric.name not in reported]:
        parts.append(f"Measured and not in the paper's table: {', '.join(others)}.")
    return (" ".join(parts),)


def _warning(source: PaperTable, measured: Table) -> str:
    """Say why the two kinds of columns do not compare; the signature of those measured belongs right behind it."""
    if source.protocol == measured.protocol:
        why = f"both name the protocol {source.protocol}, but clips, codecs and libraries may differ"
    else:
        why = f"their protocols differ (reported: {source.protocol}; measured: {measured.protocol})"
    return f"Warning: reported and measured values are not comparable: {why}. Signature of the measured values:"


def _nothing_shared(what: str, names: Sequence[str], measured: Table) -> TalkbenchError:
    return TalkbenchError(
        f"{what} and the run have no metric in common: expected one of {', '.join(dict.fromkeys(names))}, "
        f"got {', '.join(metric.name for metric in measured.metrics)}. Print them as two tables."
    )


def _headings(sheet: Sheet) -> list[tuple[str, str]]:
    """Title and label of every column; a table as printed has no labels."""
    headings = [("Method", "")]
    for column, place in zip(sheet.source.columns, sheet.places, strict=True):
        title = f"{column.name} {'↓' if column.better == 'lower' else '↑'}"
        headings.append((title, "" if sheet.measured is None else _label("reported", column.unit)))
        if sheet.measured is not None and place is not None:
            headings.append((title, _label("measured", sheet.measured.metrics[place].unit)))
    return headings if sheet.measured is None else [*headings, ("Coverage", "measured")]


def _label(origin: str, unit: str) -> str:
    return f"{origin} ({unit})" if unit else origin


def _cells(sheet: Sheet) -> list[list[str]]:
    """The lines as plain text, in the order of the headings."""
    printed = []
    for line in sheet.lines:
        texts = [line.method]
        for at, place in enumerate(sheet.places):
            texts.append(line.reported[at] if line.reported else "")
            if sheet.measured is not None and place is not None:
                decimals = sheet.measured.metrics[place].decimals
                texts.append("" if line.measured is None else _measured(line.measured.cells[place], decimals))
        if sheet.measured is not None:
            texts.append("" if line.measured is None else percent(line.measured.coverage))
        printed.append(texts)
    return printed


def _measured(cell: Cell, decimals: int) -> str:
    """A measured value without its interval and never bold: here it has no rival."""
    return number(cell.value, decimals) + ("†" if cell.partial else "")


def _below(sheet: Sheet, text: Callable[[str], str], code: Callable[[str], str]) -> list[str]:
    """What stands under the table: the warning with the signature first."""
    notes = [text(note) for note in sheet.notes]
    if sheet.measured is None:
        return notes
    return [f"{text(_warning(sheet.source, sheet.measured))} {code(sheet.measured.signature)}", *notes]


def _latex_table(sheet: Sheet) -> str:
    headings = _headings(sheet)
    titles = [(title, len(list(group))) for title, group in groupby(headings, key=lambda heading: heading[0])]
    over = [
        rf"\multicolumn{{{wide}}}{{c}}{{{escape.latex(title)}}}" if wide > 1 else escape.latex(title)
        for title, wide in titles
    ]
    labels = [rf"\scriptsize {escape.latex(label)}" if label else "" for _, label in headings]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{sheet.source.paper} {sheet.source.name}".lower()).strip("-")
    lines = [
        r"% Needs \usepackage{booktabs}. Method names beyond Latin script need LuaLaTeX or XeLaTeX.",
        r"\begin{table}[t]",
        r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{escape.latex(sheet.title)}}}",
        rf"  \label{{tab:{slug}}}",
        r"  \begin{tabular}{@{}l" + "c" * (len(headings) - 1) + r"@{}}",
        r"    \toprule",
        f"    {' & '.join(over)} \\\\",
        *([f"    {' & '.join(labels)} \\\\"] if any(labels) else []),
        r"    \midrule",
        *(f"    {' & '.join(escape.latex(text) for text in line)} \\\\" for line in _cells(sheet)),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\smallskip\raggedright\scriptsize",
        *(rf"  {text}\par" for text in _below(sheet, escape.latex, _latex_code)),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_code(text: str) -> str:
    return rf"{{\ttfamily {escape.latex_breakable(text)}}}"


def _html_figure(sheet: Sheet) -> str:
    head = "".join(f'<th scope="col">{escape.html(" ".join(filter(None, head)))}</th>' for head in _headings(sheet))
    body = []
    for name, *texts in _cells(sheet):
        cells = "".join(f"<td>{escape.html(text)}</td>" for text in texts)
        body.append(f'<tr><th scope="row">{escape.html(name)}</th>{cells}</tr>\n')
    below = "".join(f"<p>{text}</p>\n" for text in _below(sheet, escape.html, _html_code))
    return (
        f'<figure class="talkbench">\n<table>\n<caption>{escape.html(sheet.title)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(body)}</tbody>\n"
        f"</table>\n<figcaption>\n{below}</figcaption>\n</figure>\n"
    )


def _html_code(text: str) -> str:
    return f"<code>{escape.html(text)}</code>"


def _json_row(sheet: Sheet, line: Line) -> dict[str, object]:
    row: dict[str, object] = {"method": line.method}
    if sheet.measured is not None:
        row["measured_as"] = None if line.measured is None else line.measured.method
    for at, (column, place) in enumerate(zip(sheet.source.columns, sheet.places, strict=True)):
        printed = line.reported[at] if line.reported else None
        values: dict[str, object] = {
            "reported": None if printed is None else {"printed": printed, "value": parsed(printed)}
        }
        if place is not None:
            cell = None if line.measured is None else line.measured.cells[place]
            values["measured"] = None if cell is None else _json_cell(cell)
        row[column.name] = values
    return row


def _json_cell(cell: Cell) -> dict[str, object]:
    return {
        "value": _json_number(cell.value),
        "ci_low": _json_number(cell.ci_low),
        "ci_high": _json_number(cell.ci_high),
        "coverage": cell.coverage,
        "n_clips": cell.n_clips,
    }
