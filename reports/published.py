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
from .formats import STYLE, cell_json
from .printed import number, percent
from .table import Cell, Row, Table


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
        columns = []
        for at, (title, label, cells) in enumerate(_columns(sheet)):
            texts = [escape.markdown(text) for text in (f"{title} {label}", *cells)]
            width = max(3, *map(len, texts))
            rule = ":" + "-" * (width - 1) if at == 0 else "-" * (width - 1) + ":"
            adjust = str.rjust if at else str.ljust
            columns.append([adjust(texts[0], width), rule, *(adjust(text, width) for text in texts[1:])])
        grid = "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))
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
    origin = ["paper", "table", "dataset", "protocol", "obtained", "via"]
    measured = ["measured", "ci_low", "ci_high", "coverage", "n_clips", "measured_protocol", "signature"]
    writer.writerow([*origin, "method", "metric", "reported", *measured])
    for sheet in printed:
        source, run = sheet.source, sheet.measured
        at_home = [source.paper, source.name, source.dataset, source.protocol, source.obtained, source.via or ""]
        for line in sheet.lines:
            for at, (column, place) in enumerate(zip(source.columns, sheet.places, strict=True)):
                cell = _cell(line, place)
                names = [escape.csv(name) for name in (*at_home, line.method, column.name)]
                ours: list[float | str | None] = [None] * len(measured)
                if run is not None and cell is not None:
                    ours = [*cell_json(cell).values(), escape.csv(run.protocol), escape.csv(run.signature)]
                writer.writerow([*names, line.reported[at] if line.reported else "", *ours])
    return text.getvalue()


def to_html(printed: Sequence[Sheet]) -> str:
    """Print a page that opens from disk, with a `<figure>` per sheet."""
    title = escape.html("; ".join(sheet.title for sheet in printed))
    figures = "".join(_html_figure(sheet) for sheet in printed)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{figures}</body>\n</html>\n"
    )


def to_json(printed: Sequence[Sheet]) -> str:
    """Print strict JSON: what the source prints as missing has the value null, ∞ is the string "inf"."""
    tables = []
    for sheet in printed:
        run = sheet.measured
        beside = None if run is None else {"protocol": run.protocol, "signature": run.signature}
        rows = [_json_row(sheet, line) for line in sheet.lines]
        told = {"measured": beside, "rows": rows, "notes": _below(sheet, str, str)}
        tables.append({**sheet.source.model_dump(exclude={"rows", "note"}), **told})
    return json.dumps({"tables": tables}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Sheet]], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "html": to_html,
    "json": to_json,
}


def _provenance(source: PaperTable) -> tuple[str, ...]:
    how = "read at its source" if source.via is None else f"second-hand, via {source.via}"
    said = f"Reported in {source.name} of {source.paper} on {source.dataset}, protocol {source.protocol}; {how}."
    return (said, f"{source.note}.") if source.note else (said,)


def _citation(paper: Paper) -> str:
    authors = f"{', '.join(paper.authors)}: " if paper.authors else ""
    return f"{paper.id}: {authors}{paper.title}.{f' {paper.venue}.' if paper.venue else ''}"


def _legend(sheet: Sheet, measured: Table) -> tuple[str, ...]:
    parts = ["Methods are matched by name alone: see that they are the same system."]
    parts.append("Empty: not in the paper's table, or not in the run.")
    if any(row.cells[place].partial for row in measured.rows for place in sheet.places if place is not None):
        parts.append("† Scored on too few of the planned frames: see the run's own table.")
    reported = {column.name for column in sheet.source.columns}
    if others := [metric.name for metric in measured.metrics if metric.name not in reported]:
        parts.append(f"Measured and not in the paper's table: {', '.join(others)}.")
    return (" ".join(parts),)


def _nothing_shared(what: str, names: Sequence[str], measured: Table) -> TalkbenchError:
    return TalkbenchError(
        f"{what} and the run have no metric in common: expected one of {', '.join(dict.fromkeys(names))}, "
        f"got {', '.join(metric.name for metric in measured.metrics)}. Print them as two tables."
    )


def _columns(sheet: Sheet) -> list[tuple[str, str, list[str]]]:
    """Title, label and cells of every column as plain text; a table as printed has no labels."""
    run, lines = sheet.measured, sheet.lines
    columns = [("Method", "", [line.method for line in lines])]
    for at, (column, place) in enumerate(zip(sheet.source.columns, sheet.places, strict=True)):
        title = f"{column.name} {'↓' if column.better == 'lower' else '↑'}"
        reported = [line.reported[at] if line.reported else "" for line in lines]
        columns.append((title, "" if run is None else _label("reported", column.unit), reported))
        if run is not None and place is not None:
            metric = run.metrics[place]
            measured = [_measured(_cell(line, place), metric.decimals) for line in lines]
            columns.append((title, _label("measured", metric.unit), measured))
    if run is not None:
        coverage = ["" if line.measured is None else percent(line.measured.coverage) for line in lines]
        columns.append(("Coverage", "measured", coverage))
    return columns


def _label(origin: str, unit: str) -> str:
    return f"{origin} ({unit})" if unit else origin


def _measured(cell: Cell | None, decimals: int) -> str:
    """A measured value without its interval and never bold: here it has no rival."""
    return "" if cell is None else number(cell.value, decimals) + ("†" if cell.partial else "")


def _below(sheet: Sheet, text: Callable[[str], str], code: Callable[[str], str]) -> list[str]:
    """What stands under the table: first why the two kinds of columns do not compare, with the run's signature."""
    notes = [text(note) for note in sheet.notes]
    if sheet.measured is None:
        return notes
    reported, measured = sheet.source.protocol, sheet.measured.protocol
    why = "their protocols differ" if reported != measured else "clips, codecs and libraries may differ"
    warning = (
        f"Warning: reported and measured values are not comparable: {why}. "
        f"Reported under protocol {reported}; measured under protocol {measured}, signature"
    )
    return [f"{text(warning)} {code(sheet.measured.signature)}", *notes]


def _latex_table(sheet: Sheet) -> str:
    titles, labels, cells = zip(*_columns(sheet), strict=True)
    spans = [(escape.latex(title), len(list(same))) for title, same in groupby(titles)]
    over = [rf"\multicolumn{{{wide}}}{{c}}{{{title}}}" if wide > 1 else title for title, wide in spans]
    small = [rf"\scriptsize {escape.latex(label)}" if label else "" for label in labels]
    body = [[escape.latex(text) for text in line] for line in zip(*cells, strict=True)]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{sheet.source.paper} {sheet.source.name}".lower()).strip("-")
    lines = [
        r"% Needs \usepackage{booktabs}. Names beyond Latin script need LuaLaTeX or XeLaTeX with a font that has them.",
        r"\begin{table}[t]",
        r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{escape.latex(sheet.title)}}}",
        rf"  \label{{tab:{slug}}}",
        r"  \begin{tabular}{@{}l" + "c" * (len(titles) - 1) + r"@{}}",
        r"    \toprule",
        *(f"    {' & '.join(line)} \\\\" for line in (over, small) if any(line)),
        r"    \midrule",
        *(f"    {' & '.join(line)} \\\\" for line in body),
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
    titles, labels, cells = zip(*_columns(sheet), strict=True)
    headings = [escape.html(f"{title} {label}") for title, label in zip(titles, labels, strict=True)]
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = []
    for name, *texts in zip(*cells, strict=True):
        values = "".join(f"<td>{escape.html(text)}</td>" for text in texts)
        body.append(f'<tr><th scope="row">{escape.html(name)}</th>{values}</tr>\n')
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
        text = line.reported[at] if line.reported else None
        values: dict[str, object] = {"reported": None if text is None else {"printed": text, "value": parsed(text)}}
        if place is not None:
            cell = _cell(line, place)
            values["measured"] = None if cell is None else cell_json(cell)
        row[column.name] = values
    return row


def _cell(line: Line, place: int | None) -> Cell | None:
    return None if line.measured is None or place is None else line.measured.cells[place]
