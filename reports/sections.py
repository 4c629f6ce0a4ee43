"""A report of several small tables as text: terminal, Markdown, LaTeX, CSV, HTML and JSON, each with the signature.

Markdown, LaTeX, HTML and the terminal show printed decimals; CSV and JSON hold full precision.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from . import escape
from .agreement import Estimate
from .formats import STYLE, json_number
from .printed import number

if TYPE_CHECKING:
    import rich.console

Value = str | int | float | Estimate | None


@dataclass(frozen=True)
class Field:
    """A column: its key in CSV and JSON, its heading, and how it is printed; `label` columns name the row."""

    key: str
    heading: str
    kind: Literal["label", "text", "number", "p"] = "number"
    decimals: int = 2

    @property
    def left(self) -> bool:
        """Whether it is text, which stands left."""
        return self.kind in ("label", "text")


@dataclass(frozen=True)
class Section:
    """One table with its notes; `key` names it in CSV and JSON."""

    key: str
    title: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def breaks(self) -> set[int]:
        """Rows before which a rule sets a new group apart: the first column changes, and groups are of several rows."""
        first = [row[0] for row in self.rows]
        changes = {at for at in range(1, len(first)) if first[at] != first[at - 1]}
        return changes if len(changes) < len(first) - 1 else set()


@dataclass(frozen=True)
class Report:
    """Sections under a title; `text` are paragraphs that stand before them."""

    title: str
    signature: str
    sections: tuple[Section, ...]
    text: tuple[str, ...] = ()


def printed(value: Value, field: Field) -> str:
    """Return a value as text: `0.58 [0.50, 0.66]`, `< 0.001`, `–` for none."""
    if isinstance(value, Estimate):
        text = number(_known(value.value), field.decimals)
        if value.low is None or value.high is None:
            return text
        return f"{text} [{number(value.low, field.decimals)}, {number(value.high, field.decimals)}]"
    if isinstance(value, float):
        if field.kind == "p" and value < 0.001:
            return "< 0.001"
        return number(_known(value), 3 if field.kind == "p" else field.decimals)
    return "–" if value is None else str(value)


def to_markdown(report: Report) -> str:
    """Print a GitHub table per section, under its heading."""
    parts = [f"# {escape.markdown(report.title)}", *map(escape.markdown, report.text)]
    for section in report.sections:
        lines = [[escape.markdown(text) for text in line] for line in _lines(section)]
        widths = [max(3, *(len(line[at]) for line in lines)) for at in range(len(section.fields))]
        left = [field.left for field in section.fields]
        rule = [
            ":" + "-" * (width - 1) if one else "-" * (width - 1) + ":" for width, one in zip(widths, left, strict=True)
        ]
        padded = [
            [
                text.ljust(width) if one else text.rjust(width)
                for text, width, one in zip(line, widths, left, strict=True)
            ]
            for line in (lines[0], rule, *lines[1:])
        ]
        grid = "\n".join(f"| {' | '.join(line)} |" for line in padded)
        parts += [f"## {escape.markdown(section.title)}", grid, *map(escape.markdown, section.notes)]
    return "\n\n".join([*parts, f"Signature: {escape.markdown_code(report.signature)}"]) + "\n"


def to_latex(report: Report) -> str:
    """Print a `table` environment per section, or several for a long one; they need booktabs and nothing else."""
    parts = [
        "% Needs \\usepackage{booktabs}. Names beyond Latin script need LuaLaTeX or XeLaTeX.\n",
        *(f"{escape.latex(text)}\n" for text in report.text),
    ]
    for section in (part for whole in report.sections for part in _pages(whole)):
        head, *body = _lines(section)
        left = [field.left for field in section.fields]
        lines = [
            r"\begin{table}[t]",
            r"  \centering\scriptsize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{escape.latex(section.title)}.}}",
            rf"  \label{{tab:talkbench-study-{section.key}}}",
            rf"  \begin{{tabular}}{{@{{}}{''.join('l' if one else 'r' for one in left)}@{{}}}}",
            r"    \toprule",
            f"    {' & '.join(map(escape.latex, head))} \\\\",
            r"    \midrule",
        ]
        for at, line in enumerate(body):
            cells = (
                escape.latex(text) if one else escape.latex(text).replace("-", "$-$")
                for text, one in zip(line, left, strict=True)
            )
            if at in section.breaks:
                lines.append(r"    \midrule")
            lines.append(f"    {' & '.join(cells)} \\\\")
        lines += [r"    \bottomrule", r"  \end{tabular}", r"  \par\smallskip\raggedright\scriptsize"]
        lines += [rf"  {escape.latex(note)}\par" for note in section.notes]
        lines += [rf"  Signature: {{\ttfamily {escape.latex_breakable(report.signature)}}}\par", r"\end{table}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def to_csv(report: Report) -> str:
    """Print a line per number: section, row, column, value, ends of its interval, and the signature."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["section", "row", "column", "value", "low", "high", "signature"])
    signature = escape.csv(report.signature)
    for section in report.sections:
        for row in section.rows:
            cells = list(zip(section.fields, row, strict=True))
            label = escape.csv(" / ".join(str(value) for field, value in cells if field.kind == "label"))
            for field, value in cells:
                if field.kind != "label":
                    ends = (value.value, value.low, value.high) if isinstance(value, Estimate) else (value, None, None)
                    shown = (escape.csv(one) if isinstance(one, str) else one for one in ends)
                    writer.writerow([section.key, label, field.key, *shown, signature])
    return text.getvalue()


def to_html(report: Report) -> str:
    """Print a page that opens from disk, with a `<figure>` per section."""
    title = escape.html(report.title)
    text = "".join(f"<p>{escape.html(one)}</p>\n" for one in report.text)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{text}"
        f"{''.join(_figure(section) for section in report.sections)}"
        f"<p>Signature: <code>{escape.html(report.signature)}</code></p>\n</body>\n</html>\n"
    )


def to_json(report: Report) -> str:
    """Print strict JSON: a list of rows per section; a value that there is not is null."""
    sections = {
        section.key: [
            {field.key: _plain(value) for field, value in zip(section.fields, row, strict=True)} for row in section.rows
        ]
        for section in report.sections
    }
    notes = {section.key: list(section.notes) for section in report.sections}
    data = {"title": report.title, "signature": report.signature, "text": list(report.text), **sections, "notes": notes}
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_rich(report: Report) -> rich.console.Group:
    """Build the terminal output; the signature is left to the caller, who must print it unwrapped."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    shown: list[Text | RichTable] = [Text(escape.one_line(text) + "\n") for text in report.text]
    for section in report.sections:
        caption = Text("\n".join(map(escape.one_line, section.notes)), style="dim")
        table = RichTable(
            title=Text(section.title, style="bold"), title_justify="left", box=SIMPLE_HEAD, caption=caption,
            caption_justify="left", pad_edge=False,
        )  # fmt: skip
        head, *body = _lines(section)
        for field, heading in zip(section.fields, head, strict=True):
            table.add_column(Text(heading), justify="left" if field.left else "right", overflow="fold")
        for at, line in enumerate(body):
            if at in section.breaks:
                table.add_section()
            table.add_row(*(Text(escape.one_line(text)) for text in line))
        shown.append(table)
    return Group(*shown)


FORMATS: dict[str, Callable[[Report], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "html": to_html,
    "json": to_json,
}

_LATEX_ROWS = 48
_STYLE = """\
h1 { font-size: 1.4rem; }
figure { margin-block: 2rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
th.text, td.text { text-align: left; }
"""


def _pages(section: Section) -> Iterator[Section]:
    """Cut a section to the height of a page."""
    starts = range(0, len(section.rows), _LATEX_ROWS)
    for page, start in enumerate(starts, start=1):
        part = f", part {page} of {len(starts)}" if len(starts) > 1 else ""
        key = section.key if page == 1 else f"{section.key}-{page}"
        rows = section.rows[start : start + _LATEX_ROWS]
        yield replace(section, key=key, title=f"{section.title}{part}", rows=rows)


def _lines(section: Section) -> Iterator[list[str]]:
    """Yield the headings, then every row as text."""
    yield [field.heading for field in section.fields]
    for row in section.rows:
        yield [printed(value, field) for value, field in zip(row, section.fields, strict=True)]


def _figure(section: Section) -> str:
    head, *body = _lines(section)
    kinds = [' class="text"' if field.left else "" for field in section.fields]
    headings = "".join(
        f'<th scope="col"{kind}>{escape.html(text)}</th>' for text, kind in zip(head, kinds, strict=True)
    )
    rows = "".join(
        ("</tbody>\n<tbody>\n<tr>" if at in section.breaks else "<tr>")
        + "".join(f"<td{kind}>{escape.html(text)}</td>" for text, kind in zip(line, kinds, strict=True))
        + "</tr>\n"
        for at, line in enumerate(body)
    )
    below = "".join(f"<p>{escape.html(note)}</p>\n" for note in section.notes)
    return (
        f'<figure class="talkbench" id="{section.key}">\n<table>\n<caption>{escape.html(section.title)}</caption>\n'
        f"<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n<figcaption>\n{below}</figcaption>\n"
        "</figure>\n"
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _plain(value: Value) -> object:
    if isinstance(value, Estimate):
        return {"value": json_number(_known(value.value)), "low": value.low, "high": value.high}
    return json_number(_known(value)) if isinstance(value, float) else value
