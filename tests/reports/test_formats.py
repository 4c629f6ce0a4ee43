import csv
import io
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from talkbench.reports import escape
from talkbench.reports.columns import Column
from talkbench.reports.formats import FORMATS, to_csv, to_html, to_json, to_latex, to_markdown, to_rich
from talkbench.reports.groups import Label
from talkbench.reports.table import Cell, Row, Table

INF = math.inf
F_LMD = Column("F-LMD", "lower", "px", 2, 0.0, "landmarks")
PSNR = Column("PSNR", "higher", "dB", 1, INF, "frames")
TABLE = Table(
    "p-1",
    "p-1|id:0",
    (F_LMD, PSNR),
    (
        Row("Ground Truth", (Cell(0.0, None, None, 1.0, 20), Cell(INF, None, None, 1.0, 20)), 20, 20, reference=True),
        Row(
            "A_b",
            (
                Cell(2.345678, 2.1, 2.6, 0.9, 18, best=True, partial=True),
                Cell(30.04, 29.5, 31.25, 0.95, 19),
            ),
            19,
            20,
        ),
        Row("C", (Cell(None, None, None, 0.0, 0, applies=False), Cell(31.0, None, None, 1.0, 20, best=True)), 20, 20),
    ),
    ("Mean over clips.", "† Scored on less than 95 % (A_b, F-LMD: 90 %)."),
)
NASTY = [
    r"\input{/etc/passwd}",
    "<script>alert(1)</script>",
    "a|b",
    "*bold* _it_ `code` ~~no~~",
    "100 % of $x_1^2$ & #7 {~}",
    "=HYPERLINK(1)",
    "&lt;",
    "[13] EVP",
    "*",
    r"\\",
    "a -- b --- c",
    "line\nbreak\tand\x1b[31mred",
    "[link](http://example.org)",
    "quotes \" and ' and ``",
    "É – ü",
]
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def named(name):
    """The table with a method of that name, mentioned in a note as well."""
    row = Row(name, TABLE.rows[1].cells, 19, 20)
    return Table(TABLE.protocol, TABLE.signature, TABLE.metrics, (TABLE.rows[0], row), (f"Mean ({name}).",))


def test_markdown():
    assert to_markdown(TABLE) == (
        "| Method       |           F-LMD ↓ (px) |       PSNR ↑ (dB) | Coverage | Clips |\n"
        "| :----------- | ---------------------: | ----------------: | -------: | ----: |\n"
        "| Ground Truth |                   0.00 |                 ∞ |    100 % |    20 |\n"
        "| A\\_b         | **2.35**† [2.10, 2.60] | 30.0 [29.5, 31.2] |     90 % | 19/20 |\n"
        "| C            |                      – |          **31.0** |    100 % | 20/20 |\n"
        "\n"
        "Mean over clips.\n"
        "\n"
        "† Scored on less than 95 % (A\\_b, F-LMD: 90 %).\n"
        "\n"
        "Signature: `p-1|id:0`\n"
    )


def test_latex():
    lines = to_latex(TABLE).splitlines()
    assert lines[6:17] == [
        r"    \toprule",
        r"    Method & F-LMD $\downarrow$ & PSNR $\uparrow$ & Coverage & Clips \\[-2pt]",
        r"     & \scriptsize (px) & \scriptsize (dB) &  &  \\[1pt]",
        r"    \midrule",
        r"    Ground Truth & 0.00 & $\infty$ & 100\,\% & 20 \\",
        r"    A\_b & \textbf{2.35}\rlap{\textsuperscript{\dag}} & 30.0 & 90\,\% & 19/20 \\[-2pt]",
        r"     & \scriptsize [2.10, 2.60] & \scriptsize [29.5, 31.2] &  &  \\[1pt]",
        r"    C & -- & \textbf{31.0} & 100\,\% & 20/20 \\",
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\smallskip\raggedright\scriptsize",
    ]
    assert r"  \dag{} Scored on less than 95 \% (A\_b, F-LMD: 90 \%).\par" in lines
    assert r"  Signature: {\ttfamily p-1\textbar{}\allowbreak id:0}\par" in lines


def test_csv_holds_full_precision():
    header, truth, a, c = csv.reader(io.StringIO(to_csv(TABLE)))
    assert header[:6] == ["method", "F-LMD", "F-LMD ci_low", "F-LMD ci_high", "F-LMD coverage", "F-LMD n_clips"]
    assert truth[:7] == ["Ground Truth", "0.0", "", "", "1.0", "20", "inf"]
    assert ",".join(a) == "A_b,2.345678,2.1,2.6,0.9,18,30.04,29.5,31.25,0.95,19,19,20,p-1,p-1|id:0"
    assert c[1:6] == ["", "", "", "0.0", "0"]


def test_csv_leaves_negative_numbers_alone():
    row = Row("A", (Cell(-1.5, -2.0, -1.0, 1.0, 3), TABLE.rows[1].cells[1]), 3, 3)
    assert "\nA,-1.5,-2.0,-1.0," in to_csv(Table("p", "s", TABLE.metrics, (row,), ()))


def test_html():
    page = to_html(TABLE)
    assert (
        '<th scope="row">A_b</th><td><strong>2.35</strong><sup>†</sup> <span class="ci">[2.10, 2.60]</span></td>'
        in page
    )
    assert "<td>–</td><td><strong>31.0</strong></td><td>100 %</td><td>20/20</td>" in page
    assert "<code>p-1|id:0</code>" in page
    assert "http" not in page  # opens from disk, and asks nobody


def test_json():
    def refuse(token):
        raise AssertionError(f"{token} is no JSON")

    assert json.loads(to_json(TABLE), parse_constant=refuse) == {
        "protocol": "p-1",
        "signature": "p-1|id:0",
        "rows": [
            {
                "method": "Ground Truth",
                "F-LMD": {"value": 0.0, "ci_low": None, "ci_high": None, "coverage": 1.0, "n_clips": 20},
                "PSNR": {"value": "inf", "ci_low": None, "ci_high": None, "coverage": 1.0, "n_clips": 20},
            },
            {
                "method": "A_b",
                "F-LMD": {"value": 2.345678, "ci_low": 2.1, "ci_high": 2.6, "coverage": 0.9, "n_clips": 18},
                "PSNR": {"value": 30.04, "ci_low": 29.5, "ci_high": 31.25, "coverage": 0.95, "n_clips": 19},
            },
            {
                "method": "C",
                "F-LMD": {"value": None, "ci_low": None, "ci_high": None, "coverage": 0.0, "n_clips": 0},
                "PSNR": {"value": 31.0, "ci_low": None, "ci_high": None, "coverage": 1.0, "n_clips": 20},
            },
        ],
        "notes": list(TABLE.notes),
    }


def printed(table, width=100):
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(to_rich(table))
    return console.file.getvalue()


def test_terminal():
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(TABLE))
    assert re.search(r"A_b +2\.35† +30\.0 +90 % +19/20", text)
    assert re.search(r"\[2\.10, 2\.60\] +\[29\.5, 31\.2\]", text)
    assert re.search(r"\x1b\[1m *2\.35\x1b\[0m†", printed(TABLE))


def test_terminal_names_many_metrics_in_full():
    names = [f"a-metric-of-its-own-{at}" for at in range(12)]
    columns = tuple(replace(F_LMD, name=name) for name in names)
    rows = tuple(replace(row, cells=(row.cells[0],) * 12) for row in TABLE.rows)
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(replace(TABLE, metrics=columns, rows=rows)))
    for name in names:
        assert re.search(rf"{name} ↓ \(px\) +0\.00 +2\.35†", text), name
    assert re.search(r"Coverage +100 % +90 %", text)
    assert re.search(r"Clips +20 +19/20", text)


def test_terminal_prints_markup_and_control_codes_in_names_as_text():
    text = printed(named("[red]x[/red] \x1b[31my"))
    assert "[red]x[/red] [31my" in text
    assert "\x1b[31m" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_carries_the_signature(name):
    text = FORMATS[name](TABLE)
    assert "p-1|id:0" in text or r"p-1\textbar{}\allowbreak id:0" in text
    assert text.endswith("\n")


@settings(max_examples=150, deadline=None)
@given(TEXT)
@example("a|b")
@example("\\|")
@example("\\\\|*x* `a|b` <b> &amp; [a](b) ~~c~~ $d$")
def test_markdown_prints_any_name_as_text(name):
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    tokens = parser.parse(to_markdown(named(name)))
    inline = [token for token in tokens if token.type == "inline"]
    headings = 5
    cell = inline[2 * headings]
    assert "".join(child.content for child in cell.children) == escape.one_line(name)
    assert {child.type for child in cell.children} <= {"text", "text_special"}
    assert len([token for token in tokens if token.type == "td_open"]) == 2 * headings


class _Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.names, self.inside = [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = ("scope", "row") in attrs
        if self.inside:
            self.names.append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.names[-1] += data


@settings(max_examples=100, deadline=None)
@given(TEXT)
@example("<script>alert(1)</script>")
@example('" onload="x')
def test_html_prints_any_name_as_text(name):
    page, plain = _Cells(), _Cells()
    page.feed(to_html(named(name)))
    plain.feed(to_html(named("A")))
    assert page.names == ["Ground Truth", escape.one_line(name)]
    assert page.tags == plain.tags


@settings(max_examples=100, deadline=None)
@given(TEXT)
@example("=cmd|' /C calc'!A0")
@example("\t=1")
@example('a,"b"')
def test_csv_prints_any_name_as_text(name):
    rows = list(csv.reader(io.StringIO(to_csv(named(name)))))
    assert len(rows) == 3
    assert rows[2][0].removeprefix("'") == escape.one_line(name).removeprefix("'")
    assert not rows[2][0].startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_json_holds_any_name(name):
    assert json.loads(to_json(named(name)))["rows"][1]["method"] == name


@pytest.mark.parametrize("name", NASTY)
def test_latex_leaves_no_command_of_the_name_in_force(name):
    commands = re.findall(r"\\(?:[a-zA-Z]+|.)", escape.latex(name))
    known = {
        "\\&",
        "\\%",
        "\\#",
        "\\_",
        "\\$",
        "\\{",
        "\\}",
        "\\textbackslash",
        "\\textasciitilde",
        "\\textasciicircum",
    }
    assert set(commands) <= known | {"\\textless", "\\textgreater", "\\textbar", "\\textasciigrave"}


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)
def test_latex_compiles_with_any_name(tmp_path):
    rows = [TABLE.rows[0], *(Row(name, TABLE.rows[1].cells, 19, 20) for name in NASTY), TABLE.rows[2]]
    notes = (*TABLE.notes, "; ".join(NASTY), "∞ – † ↓")
    nasty = Table("p-1", "p-1|faces:dlib_x@#%|id:0", TABLE.metrics, tuple(rows), notes)
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\\end{document}\n"
    (tmp_path / "t.tex").write_text(document % to_latex(nasty), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-recorder", "-no-shell-escape", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passwd" not in (tmp_path / "t.fls").read_text(encoding="utf-8")
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", "-layout", "t.pdf", "-"], cwd=tmp_path, capture_output=True, check=True
        ).stdout
        assert rb"\input{/etc/passwd}" in text


def test_code_spans_hold_backticks():
    assert escape.markdown_code("a`b") == "``a`b``"
    assert escape.markdown_code("`a") == "`` `a ``"


GROUPED = Table(
    "p-1",
    "p-1|id:0",
    TABLE.metrics,
    tuple(
        Row(name, TABLE.rows[1].cells, 19, 20, group=Label("level", level))
        for level in ("1", "2")
        for name in ("A", "B")
    ),
    ("Mean over clips.",),
    by="level",
)


def test_a_table_by_level_has_a_block_of_rows_per_level():
    lines = [[cell.strip() for cell in line.split("|")[1:3]] for line in to_markdown(GROUPED).splitlines()[:6]]
    assert lines == [["Level", "Method"], [":----", ":-----"], ["1", "A"], ["", "B"], ["2", "A"], ["", "B"]]
    rows = csv.DictReader(io.StringIO(to_csv(GROUPED)))
    assert [(row["level"], row["method"]) for row in rows] == [("1", "A"), ("1", "B"), ("2", "A"), ("2", "B")]
    data = json.loads(to_json(GROUPED))
    assert (data["by"], [row["group"] for row in data["rows"]]) == ("level", ["1", "1", "2", "2"])
    assert to_latex(GROUPED).count(r"\midrule") == 2
    assert r"    \multicolumn{5}{@{}l}{\emph{level 2}} \\" in to_latex(GROUPED).splitlines()
    assert to_html(GROUPED).count("<tbody>") == to_html(GROUPED).count("</tbody>") == 2
    assert '<th scope="rowgroup" colspan="5">level 2</th>' in to_html(GROUPED)
    assert re.search(r"\n 2 +A +2\.35", re.sub(r"\x1b\[[0-9;]*m", "", printed(GROUPED)))


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)
def test_latex_by_level_compiles_and_fits_the_page(tmp_path):
    many = replace(
        GROUPED, rows=tuple(replace(row, group=Label("level", str(at))) for at in range(9) for row in GROUPED.rows)
    )
    text = to_latex(many)
    assert text.count(r"\begin{table}") == 3
    assert text.count("Signature") == 1
    assert text.count(r"\label{tab:talkbench-by-level-2}") == 1
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\\end{document}\n"
    (tmp_path / "t.tex").write_text(document % text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    assert b"Overfull" not in done.stdout
    assert b"too large" not in done.stdout
