"""CSV files as spreadsheets open them: no text is run, and numbers stay numbers."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkbench.bench.spreadsheet import no_formula, safe_columns

STARTS = ("=", "+", "-", "@", "\t", "\r")


@given(st.text())
def test_no_text_begins_as_a_formula_and_nothing_is_lost(text: str) -> None:
    safe = no_formula(text)
    assert not safe.startswith(STARTS)
    assert safe.removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize("start", [*STARTS, "＝", "－"])
def test_each_start_is_escaped(start: str) -> None:
    assert no_formula(f"{start}SUM(A1)") == f"'{start}SUM(A1)"


def test_a_table_keeps_its_numbers_and_its_gaps() -> None:
    table = pd.DataFrame(
        {"name": ["=1+1", "-x", "fine", None], "score": [-1.5, 2.0, float("nan"), -0.0], "n": range(4)}
    )
    text = safe_columns(table).to_csv(index=False)
    assert text.splitlines()[1:] == ["'=1+1,-1.5,0", "'-x,2.0,1", "fine,,2", ",-0.0,3"]
    back = pd.read_csv(io.StringIO(text))
    pd.testing.assert_series_equal(back["score"], table["score"])
