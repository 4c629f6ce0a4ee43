from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.baselines.published import PAPERS, method_key, number, read_paper
from talkbench.bench.errors import TalkbenchError

# Copied by hand from the paper's text.
TABLE_1 = """
Method | F-LMD | M-LMD | SSIM | PSNR
Ground Truth | 0.00 | 0.00 | 1.00 | N/A
Baseline | 2.39 | 3.38 | 0.69 | 32.38
EVP [13] | 3.01 | 2.45 | 0.71 | 29.53
Audio2Head [36] | - | - | 0.69 | 30.91
Ours w/o MSEF | 2.38 | 3.06 | 0.72 | 33.30
Ours w/o AATU | 2.35 | 3.02 | 0.72 | 33.29
Ours | 2.35 | 3.02 | 0.72 | 33.32
"""
TABLE_2 = """
Method | LS | EE | VPQ
Baseline | 4.32 | 6.97 | 5.03
EVP [13] | 5.83 | 5.55 | 5.29
Audio2Head [36] | 5.07 | 5.90 | 5.59
Ours | 5.25 | 7.49 | 5.82
"""
# The survey's list of figures "on MEAD", by hand: paper, table, method, M-LMD, F-LMD, SSIM, PSNR; "" where it has none.
# It rounds what is marked "≈" here; the source prints more.
SURVEY = [
    ("evp-2021", "Table 1", "EVP", "2.45", "3.01", "0.71", "29.53"),
    ("eamm-2022", "Table 1", "EAMM", "2.41", "2.55", "0.66", "29.29"),
    ("dreamtalk-2023", "Table I", "EAMM", "6.48", "6.70", "0.40", ""),
    ("wizwand", "MEAD 41 test", "EAMM", "", "", "", "26.807"),
    ("eamm-2022", "Table 1", "PC-AVS", "2.97", "3.03", "0.63", "28.72"),
    ("dreamtalk-2023", "Table I", "PC-AVS", "4.97", "5.83", "0.50", ""),
    ("realtalk-2024", "Table 2", "PC-AVS", "26.73", "18.35", "≈0.755", ""),
    ("eat-2023", "Authors' log", "EAT", "2.223", "2.425", "0.679", "21.79"),
    ("eat-2023", "Paper", "EAT", "2.25", "2.47", "", ""),
    ("dreamtalk-2023", "Table I", "EAT", "4.79", "5.54", "0.53", ""),
    ("wizwand", "MEAD", "EAT", "", "", "", "27.65"),
    ("fixtalk-2025", "Audio-driven", "SadTalker", "2.038", "2.335", "0.606", "19.042"),
    ("dreamtalk-2023", "Table I", "SadTalker", "4.37", "4.12", "0.69", ""),
    ("dreamtalk-2023", "Table I", "StyleTalk", "3.25", "2.12", "0.84", ""),
    ("realtalk-2024", "Table 4", "StyleTalk", "7.910", "5.220", "≈0.80", ""),
    ("dreamtalk-2023", "Table I", "Wav2Lip", "4.05", "2.72", "0.80", ""),
    ("realtalk-2024", "Table 2", "Wav2Lip", "29.02", "6.61", "≈0.922", ""),
    ("fixtalk-2025", "Audio-driven", "EDTalk", "1.537", "1.290", "0.722", "≈21.63"),
    ("fixtalk-2025", "Audio-driven", "FixTalk", "1.314", "1.215", "0.743", "≈22.38"),
    ("flowvqtalker-2024", "MEAD", "FlowVQTalker", "1.939", "2.061", "0.689", ""),
    ("auhead-2026", "Table 3", "MEMO", "2.068", "2.247", "0.735", "23.19"),
    ("auhead-2026", "Table 3", "AUHead", "1.861", "2.160", "0.740", "23.35"),
]
EVERY_TABLE = [(paper, table.name) for paper in PAPERS for table in PAPERS[paper].tables]
FILE = """
id = "a-2020"
title = "A"
[[table]]
name = "Table 1"
dataset = "MEAD"
protocol = "unknown"
obtained = "second-hand"
via = "a quotation"
columns = [{ name = "SSIM", better = "higher", decimals = 2 }]
rows = [{ method = "A [1]", values = ["0.50"] }]
"""


def printed(table):
    """The table's values by method (as in the text) and metric."""
    names = [column.name for column in table.columns]
    return {row.method: dict(zip(names, row.values, strict=True)) for row in table.rows}


@pytest.mark.parametrize(("name", "text"), [("Table 1", TABLE_1), ("Table 2", TABLE_2)])
def test_tables_are_those_of_the_paper(name, text):
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    table = PAPERS["msef-2023"].table(name)
    assert [column.name for column in table.columns] == header[1:]
    assert [[row.method, *row.values] for row in table.rows] == rows
    assert (table.obtained, table.protocol) == ("read", "unknown")


def test_the_papers_own_differences_come_out():
    table = printed(PAPERS["msef-2023"].table("Table 1"))
    evp, ours = table["EVP [13]"], table["Ours"]
    assert Decimal(evp["F-LMD"]) - Decimal(ours["F-LMD"]) == Decimal("0.66")
    assert Decimal(ours["PSNR"]) - Decimal(evp["PSNR"]) == Decimal("3.79")


def test_arrows_are_those_of_the_paper():
    one, two = PAPERS["msef-2023"].tables
    assert [column.better for column in one.columns] == ["lower", "lower", "higher", "higher"]
    assert [column.better for column in two.columns] == ["higher", "higher", "higher"]


@pytest.mark.parametrize(("paper", "name", "method", "m_lmd", "f_lmd", "ssim", "psnr"), SURVEY)
def test_figures_of_the_survey(paper, name, method, m_lmd, f_lmd, ssim, psnr):
    expected = {"M-LMD": m_lmd, "F-LMD": f_lmd, "SSIM": ssim, "PSNR": psnr}
    table = PAPERS[paper].table(name)
    (values,) = [cells for label, cells in printed(table).items() if method_key(label) == method.casefold()]
    assert list(values) == [column.name for column in table.columns]
    assert values.keys() == {metric for metric, value in expected.items() if value}
    for metric, value in values.items():
        wanted = expected[metric]
        if wanted.startswith("≈"):
            places = len(wanted.partition(".")[2])
            value, wanted = f"{float(value):.{places}f}", wanted[1:]
        assert value == wanted


def test_the_survey_is_all_there_is_beside_the_paper():
    rows = [
        (paper, name) for paper, name in EVERY_TABLE if paper != "msef-2023" for _ in PAPERS[paper].table(name).rows
    ]
    assert len(rows) == len(SURVEY)


def test_what_the_log_of_eat_prints_rounds_to_what_is_kept():
    table = printed(PAPERS["eat-2023"].table("Authors' log"))["EAT"]
    log = {
        "M-LMD": 2.2233482639418316,
        "F-LMD": 2.425297368667828,
        "SSIM": 0.6794614108312268,
        "PSNR": 21.79168592516001,
    }
    assert table == {name: f"{value:.{2 if name == 'PSNR' else 3}f}" for name, value in log.items()}


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_loads_under_its_own_id(paper):
    assert PAPERS[paper].id == paper
    assert {table.paper for table in PAPERS[paper].tables} == {paper}


@pytest.mark.parametrize(("paper", "name"), EVERY_TABLE)
def test_every_number_parses_and_has_its_provenance(paper, name):
    table = PAPERS[paper].table(name)
    for row in table.rows:
        for text, column in zip(row.values, table.columns, strict=True):
            value = number(text)
            assert text in ("N/A", "-") if value is None else f"{value:.{column.decimals}f}" == text
    assert bool(table.via) == (table.obtained == "second-hand")
    assert (table.protocol != "unknown") == ((paper, name) == ("eat-2023", "Authors' log"))
    assert (table.obtained == "read") == (paper == "msef-2023" or name == "Authors' log")


def test_papers_are_a_mapping():
    assert "msef-2023" in PAPERS
    assert "msef-2032" not in PAPERS
    assert len(PAPERS) == len(list(PAPERS)) == len(dict(PAPERS)) == 10


def test_unknown_paper_and_table_name_the_nearest():
    with pytest.raises(
        TalkbenchError, match=r"Unknown paper 'msef'\. Did you mean msef-2023\? There are: auhead-2026, "
    ):
        PAPERS["msef"]
    with pytest.raises(TalkbenchError, match=r"table of msef-2023 'table 2'\. Did you mean Table 2\?"):
        PAPERS["msef-2023"].table("table 2")
    with pytest.raises(TalkbenchError, match=r"Unknown paper 'zzz'\. There are: "):
        PAPERS["zzz"]


@given(st.sampled_from(["EVP", "evp", " Evp "]), st.sampled_from(["", " [13]", "[13]", " [6, 13]", " [13-15]  "]))
def test_case_and_citation_do_not_make_another_method(name, citation):
    assert method_key(name + citation) == "evp"


@pytest.mark.parametrize("name", ["EVP 2", "EVP [v2]", "[13]EVP", "EVP [13] large", "EVP+"])
def test_other_names_are_other_methods(name):
    assert method_key(name) != "evp"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["0.50"]', "[0.50]", r"table\.0\.rows\.0\.values\.0: .* string; found 0\.5\.$"),
        ('["0.50"]', '["about 0.5"]', "match pattern"),
        ('["0.50"]', '["0.500"]', "A .1., SSIM: expected 2 decimals, got 0.500"),
        ('["0.50"]', '["0.50", "0.51"]', "expected 1 values, one per column, got 2"),
        ('via = "a quotation"', "", r"table\.0\.via: .*second-hand table says via what it was obtained"),
        ('"second-hand"', '"read"', "second-hand table says via what it was obtained"),
        ('"second-hand"', '"guessed"', "'read' or 'second-hand'"),
        ('"unknown"', '"EAT 2023"', r"protocol: .*pattern.*found 'EAT 2023'\.$"),
        ('"higher"', '"up"', "'lower' or 'higher'"),
        ("decimals = 2", 'decimals = 2, colour = "red"', r"colour: Extra inputs are not permitted; found 'red'\.$"),
        ("rows = [", 'rows = [{ method = "a", values = ["-"] }, ', "'a' is there twice"),
        ("columns = [", 'columns = [{ name = "SSIM", better = "lower", decimals = 1 }, ', "'SSIM' is there twice"),
        ('title = "A"', "", "title: Field required"),
        ("[[table]]", "[table]", "table: Input should be a valid"),
        ("[[table]]", "table = [1]\n[other]", "table"),
        ('id = "a-2020"', "id = ", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(tmp_path, old, new, message):
    file = tmp_path / "a-2020.toml"
    file.write_text(FILE, encoding="utf-8")
    assert read_paper(file).table("Table 1").via == "a quotation"
    assert old in FILE
    file.write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(TalkbenchError, match=message) as caught:
        read_paper(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TalkbenchError, match=r"none\.toml: cannot be read as TOML"):
        read_paper(tmp_path / "none.toml")


def test_tables_of_one_name_are_refused(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(FILE + FILE[FILE.index("[[table]]") :], encoding="utf-8")
    with pytest.raises(TalkbenchError, match="'Table 1' is there twice"):
        read_paper(file)
