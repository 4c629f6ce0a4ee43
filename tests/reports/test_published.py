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

from talkbench.baselines.published import PAPERS
from talkbench.bench.errors import TalkbenchError
from talkbench.reports import escape
from talkbench.reports.columns import Column
from talkbench.reports.published import (
    FORMATS,
    as_printed,
    sheets,
    side_by_side,
    to_csv,
    to_html,
    to_json,
    to_latex,
    to_markdown,
)
from talkbench.reports.table import Cell, Row, Table

INF = math.inf
PAPER = PAPERS["msef-2023"]
TABLE_1 = PAPER.table("Table 1")
F_LMD = Column("F-LMD", "lower", "px", 2, 0.0, "landmarks")
PSNR = Column("PSNR", "higher", "dB", 1, INF, "frames")
LSE_D = Column("LSE-D", "lower", "", 1, 0.0, "frames")


def cell(value, **marks):
    return Cell(value, None, None, 1.0, 20, **marks)


RUN = Table(
    "talkbench-1",
    "talkbench-1|id:0",
    (PSNR, F_LMD, LSE_D),
    (
        Row("Ground Truth", (cell(INF), cell(0.0), cell(0.0)), 20, 20, reference=True),
        Row("evp", (cell(30.04, best=True), Cell(2.345678, 2.1, 2.6, 0.9, 18, True, True), cell(7.0)), 20, 20),
        Row("Mine", (Cell(None, None, None, 0.0, 0, applies=False), cell(2.5), cell(6.0, best=True)), 20, 20),
    ),
    ("Mean over clips. Bold: the best mean.",),
)
NASTY = [
    r"\input{/etc/passwd}",
    "<script>alert(1)</script>",
    "a|b",
    "*b* _i_ `c`",
    "=HYPERLINK(1)",
    "100 % & #7 {~}",
    "*",
    "[13]",
]
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def named(name):
    """The run with one method, of that name."""
    return replace(RUN, rows=(replace(RUN.rows[1], method=name),))


def refuse(token):
    raise AssertionError(f"{token} is no JSON")


def strict(text):
    return json.loads(text, parse_constant=refuse)


def test_prints_the_papers_table_as_it_is_there():
    text = to_markdown([as_printed(TABLE_1)])
    assert text == (
        "Table 1 of msef-2023: Quantitative results on the MEAD test set. "
        "↑ means the higher the better, ↓ means the lower the better.\n"
        "\n"
        "| Method            | F-LMD ↓ | M-LMD ↓ | SSIM ↑ | PSNR ↑ |\n"
        "| :---------------- | ------: | ------: | -----: | -----: |\n"
        "| Ground Truth      |    0.00 |    0.00 |   1.00 |    N/A |\n"
        "| Baseline          |    2.39 |    3.38 |   0.69 |  32.38 |\n"
        "| EVP \\[13\\]        |    3.01 |    2.45 |   0.71 |  29.53 |\n"
        "| Audio2Head \\[36\\] |       - |       - |   0.69 |  30.91 |\n"
        "| Ours w/o MSEF     |    2.38 |    3.06 |   0.72 |  33.30 |\n"
        "| Ours w/o AATU     |    2.35 |    3.02 |   0.72 |  33.29 |\n"
        "| Ours              |    2.35 |    3.02 |   0.72 |  33.32 |\n"
        "\n"
        "Reported in Table 1 of msef-2023 on MEAD, protocol unknown; read at its source.\n"
        "\n"
        "The paper does not say how these were computed; any protocol named after it is a reconstruction.\n"
    )


def test_prints_the_papers_user_study_in_latex():
    lines = to_latex([as_printed(PAPER.table("Table 2"))]).splitlines()
    assert lines[3:15] == [
        r"  \caption{Table 2 of msef-2023: User study results of LS, EE and VPQ.}",
        r"  \label{tab:msef-2023-table-2}",
        r"  \begin{tabular}{@{}lccc@{}}",
        r"    \toprule",
        r"    Method & LS $\uparrow$ & EE $\uparrow$ & VPQ $\uparrow$ \\",
        r"    \midrule",
        r"    Baseline & 4.32 & 6.97 & 5.03 \\",
        r"    EVP {[}13] & 5.83 & 5.55 & 5.29 \\",
        r"    Audio2Head {[}36] & 5.07 & 5.90 & 5.59 \\",
        r"    Ours & 5.25 & 7.49 & 5.82 \\",
        r"    \bottomrule",
        r"  \end{tabular}",
    ]


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_prints_in_every_format_with_its_provenance(paper, output):
    text = FORMATS[output](sheets(PAPERS[paper]))
    for table in PAPERS[paper].tables:
        for row in table.rows:
            assert all(value in text for value in row.values)
        assert table.protocol in text
        if table.via is not None:
            assert "second-hand" in text
    assert "measured" not in text or output in ("csv", "json")
    assert text.endswith("\n")


def test_second_hand_numbers_say_so():
    text = to_markdown(sheets(PAPERS["dreamtalk-2023"]))
    assert (
        "Reported in Table I of dreamtalk-2023 on MEAD, protocol unknown; "
        "second-hand, via a copy of the text of arXiv:2312.09767v3 in a public repository.\n"
    ) in text
    assert "dreamtalk-2023: Yifeng Ma, " in text


def test_reported_beside_measured():
    head, table, *below = to_markdown([side_by_side(TABLE_1, RUN)]).split("\n\n")
    assert head == "Table 1 of msef-2023, reported and measured"
    heading, _, *rows = re.sub(" +", " ", table).splitlines()
    assert [heading, *rows] == [
        "| Method | F-LMD ↓ reported | F-LMD ↓ measured (px) | M-LMD ↓ reported | SSIM ↑ reported "
        "| PSNR ↑ reported (dB) | PSNR ↑ measured (dB) | Coverage measured |",
        "| Ground Truth | 0.00 | 0.00 | 0.00 | 1.00 | N/A | ∞ | 100 % |",
        "| Baseline | 2.39 | | 3.38 | 0.69 | 32.38 | | |",
        "| EVP \\[13\\] | 3.01 | 2.35† | 2.45 | 0.71 | 29.53 | 30.0 | 90 % |",
        "| Audio2Head \\[36\\] | - | | - | 0.69 | 30.91 | | |",
        "| Ours w/o MSEF | 2.38 | | 3.06 | 0.72 | 33.30 | | |",
        "| Ours w/o AATU | 2.35 | | 3.02 | 0.72 | 33.29 | | |",
        "| Ours | 2.35 | | 3.02 | 0.72 | 33.32 | | |",
        "| Mine | | 2.50 | | | | – | 100 % |",
    ]
    assert below[0] == (
        "Warning: reported and measured values are not comparable: their protocols differ. "
        "Reported under protocol unknown; measured under protocol talkbench-1, signature `talkbench-1|id:0`"
    )
    assert "Measured and not in the paper's table: LSE-D." in below[-1]
    assert "† Scored on too few of the planned frames" in below[-1]


def test_latex_spans_both_values_with_one_heading():
    lines = to_latex([side_by_side(TABLE_1, RUN)]).splitlines()
    assert lines[7].startswith(r"    Method & \multicolumn{2}{c}{F-LMD $\downarrow$} & M-LMD $\downarrow$ & SSIM ")
    assert lines[8].startswith(r"     & \scriptsize reported & \scriptsize measured (px) & \scriptsize reported & ")
    assert r"    EVP {[}13] & 3.01 & 2.35\dag{} & 2.45 & 0.71 & 29.53 & 30.0 & 90 \% \\" in lines


@pytest.mark.parametrize("output", FORMATS)
def test_nothing_is_bold_beside_reported_values(output):
    text = FORMATS[output]([side_by_side(TABLE_1, RUN)])
    assert not re.search(r"\*\*|<strong|<b>|textbf|boldmath|Bold", text)


@pytest.mark.parametrize("output", FORMATS)
def test_the_warning_names_both_protocols_and_the_signature(output):
    text = FORMATS[output]([side_by_side(TABLE_1, RUN)])
    assert "unknown" in text
    assert "talkbench-1|id:0" in text or r"talkbench-1\textbar{}\allowbreak id:0" in text
    if output != "csv":
        assert "Warning: reported and measured values are not comparable: their protocols differ." in text


def test_one_protocol_name_does_not_make_them_comparable():
    table = PAPERS["eat-2023"].table("Authors' log")
    text = to_markdown([side_by_side(table, replace(RUN, protocol="eat-2023"))])
    assert "not comparable: clips, codecs and libraries may differ. Reported under protocol eat-2023; measured" in text


def test_csv_keeps_the_two_in_columns_of_their_own():
    rows = list(csv.DictReader(io.StringIO(to_csv(sheets(PAPER, RUN)))))
    assert len(rows) == 8 * 4 + 4 * 3
    (evp,) = [row for row in rows if row["method"] == "EVP [13]" and row["metric"] == "F-LMD"]
    assert evp == {
        "paper": "msef-2023",
        "table": "Table 1",
        "dataset": "MEAD",
        "protocol": "unknown",
        "obtained": "read",
        "via": "",
        "method": "EVP [13]",
        "metric": "F-LMD",
        "reported": "3.01",
        "measured": "2.345678",
        "ci_low": "2.1",
        "ci_high": "2.6",
        "coverage": "0.9",
        "n_clips": "18",
        "measured_protocol": "talkbench-1",
        "signature": "talkbench-1|id:0",
    }
    for row in rows:
        assert bool(row["n_clips"]) == bool(row["signature"])
        assert row["n_clips"] or not row["measured"]
    assert [row["reported"] for row in rows if row["method"] == "Mine"] == ["", "", "", ""]


def test_json():
    one, two = strict(to_json(sheets(PAPER, RUN)))["tables"]
    assert one["measured"] == {"protocol": "talkbench-1", "signature": "talkbench-1|id:0"}
    rows = {row["method"]: row for row in one["rows"]}
    assert rows["EVP [13]"]["measured_as"] == "evp"
    assert rows["EVP [13]"]["F-LMD"] == {
        "reported": {"printed": "3.01", "value": 3.01},
        "measured": {"value": 2.345678, "ci_low": 2.1, "ci_high": 2.6, "coverage": 0.9, "n_clips": 18},
    }
    assert rows["Ground Truth"]["PSNR"]["reported"] == {"printed": "N/A", "value": None}
    assert rows["Ground Truth"]["PSNR"]["measured"]["value"] == "inf"
    assert rows["EVP [13]"]["SSIM"] == {"reported": {"printed": "0.71", "value": 0.71}}
    assert rows["Ours"]["F-LMD"]["measured"] is None
    assert rows["Mine"]["F-LMD"]["reported"] is None
    assert one["notes"][0].endswith("signature talkbench-1|id:0")
    assert two["measured"] is None
    assert "measured_as" not in two["rows"][0]


@pytest.mark.parametrize("paper", PAPERS)
def test_json_of_every_paper_is_strict(paper):
    tables = strict(to_json(sheets(PAPERS[paper])))["tables"]
    for made, table in zip(tables, PAPERS[paper].tables, strict=True):
        shown = [[row[column.name]["reported"]["printed"] for column in table.columns] for row in made["rows"]]
        assert shown == [list(row.values) for row in table.rows]


VALUES = st.one_of(st.none(), st.just(INF), st.floats(-1e6, 1e6))


@settings(max_examples=50, deadline=None)
@given(VALUES, VALUES)
def test_measured_values_never_move_reported_ones(psnr, f_lmd):
    row = replace(RUN.rows[1], cells=(cell(psnr, best=True), cell(f_lmd, partial=True), cell(1.0)))
    for line, before in zip(
        csv.DictReader(io.StringIO(to_csv([side_by_side(TABLE_1, replace(RUN, rows=(row,)))]))),
        csv.DictReader(io.StringIO(to_csv([as_printed(TABLE_1)]))),
        strict=True,
    ):
        assert [line[key] for key in ("method", "metric", "reported")] == [
            before[key] for key in ("method", "metric", "reported")
        ]
        shown = {"PSNR": psnr, "F-LMD": f_lmd}.get(line["metric"]) if line["method"] == "EVP [13]" else None
        assert line["measured"] == ("" if shown is None else str(shown))


@pytest.mark.parametrize("name", ["EVP", "evp", "Evp [2]", " EVP [13] "])
def test_methods_match_without_case_and_citation(name):
    lines = side_by_side(TABLE_1, named(name)).lines
    assert [line.method for line in lines if line.measured is not None] == ["EVP [13]"]
    assert len(lines) == len(TABLE_1.rows)


def test_methods_of_other_names_have_rows_of_their_own():
    lines = side_by_side(TABLE_1, named("EVP large")).lines
    assert [line.method for line in lines if line.measured is not None] == ["EVP large"]
    assert lines[-1].reported == ()


def test_two_methods_of_one_name_are_refused():
    run = replace(RUN, rows=(*RUN.rows, replace(RUN.rows[1], method="EVP")))
    with pytest.raises(TalkbenchError, match=r"'evp' and 'EVP' of the run .* 'EVP \[13\]' in Table 1 of msef-2023\."):
        side_by_side(TABLE_1, run)


def test_two_methods_of_one_name_that_the_paper_does_not_have_are_kept():
    run = replace(RUN, rows=(replace(RUN.rows[2], method="mine"), RUN.rows[2]))
    assert [line.method for line in side_by_side(TABLE_1, run).lines[-2:]] == ["mine", "Mine"]


def test_a_table_without_a_common_metric_is_printed_alone_or_refused():
    one, two = sheets(PAPER, RUN)
    assert one.measured is RUN
    assert two.measured is None
    with pytest.raises(TalkbenchError, match=r"^Table 2 of msef-2023 .* no metric in common: expected one of LS"):
        side_by_side(PAPER.table("Table 2"), RUN)
    other = replace(RUN, metrics=(LSE_D,), rows=(Row("A", (cell(1.0),), 1, 1),))
    with pytest.raises(TalkbenchError, match=r"^msef-2023 and the run have no metric in common: .*, got LSE-D\."):
        sheets(PAPER, other)


@settings(max_examples=100, deadline=None)
@given(TEXT)
@example("a|b")
@example("\\\\|*x* `a|b` <b> &amp; [a](b) ~~c~~ $d$")
def test_markdown_prints_any_name_as_text(name):
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    sheet = side_by_side(TABLE_1, named(f"x{name}"))
    tokens = parser.parse(to_markdown([sheet]))
    cells = [tokens[at + 1] for at, token in enumerate(tokens) if token.type == "td_open"]
    last = cells[8 * (len(sheet.lines) - 1)]
    assert len(cells) == 8 * len(sheet.lines)
    assert "".join(child.content for child in last.children) == escape.one_line(sheet.lines[-1].method)
    assert {child.type for child in last.children} <= {"text", "text_special"}


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
    page.feed(to_html([side_by_side(TABLE_1, named(f"x{name}"))]))
    plain.feed(to_html([side_by_side(TABLE_1, named("x"))]))
    assert page.names[-1] == escape.one_line(f"x{name}")
    assert page.tags == plain.tags


@pytest.mark.parametrize("name", [*NASTY, "+1", "-1", "@x", "\t=1", 'a,"b"'])
def test_csv_prints_any_name_as_text(name):
    rows = list(csv.DictReader(io.StringIO(to_csv([side_by_side(TABLE_1, named(name))]))))
    assert len(rows) == 8 * 4
    assert rows[-1]["method"].removeprefix("'") == escape.one_line(name)
    assert not rows[-1]["method"].startswith(("=", "+", "-", "@"))


@given(TEXT)
def test_json_holds_any_name(name):
    assert strict(to_json([side_by_side(TABLE_1, named(f"x{name}"))]))["tables"][0]["rows"][-1]["method"] == f"x{name}"


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)
def test_latex_compiles_with_any_name(tmp_path):
    run = replace(RUN, rows=tuple(replace(RUN.rows[1], method=name) for name in NASTY))
    tables = [to_latex(sheets(PAPER, run)), *(to_latex(sheets(PAPERS[paper])) for paper in PAPERS if paper != PAPER.id)]
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\\end{document}\n"
    (tmp_path / "t.tex").write_text(document % "\\clearpage\n".join(tables), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-recorder", "-no-shell-escape", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passwd" not in (tmp_path / "t.fls").read_text(encoding="utf-8")
