"""`talkbench compare` and `talkbench table --by, --order` on a run made in a fixture."""

import csv
import io
import json

import clips
import pytest
from command import talkbench

NAMES = ("M003_angry_level_1_001", "W009_happy_level_2_002")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("tables")
    for at, name in enumerate(NAMES):
        real = clips.moving(3, phase=at)
        clips.write(root / "real" / f"{name}.mp4", real)
        for method, amount in (("ours", 4), ("evp", 25)):
            clips.write(root / method / f"{name}.mp4", clips.noisy(real, amount))
    outcome = talkbench(
        "score", "--gt", root / "real", "--gen", f"Ours={root / 'ours'}", "--gen", f"EVP={root / 'evp'}",
        "--no-cache", "--workers", 1, "-o", root / "run",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    return root / "run"


def test_by_emotion(run):
    rows = list(csv.DictReader(io.StringIO(talkbench("table", run, "--by", "emotion", "--format", "csv").out)))
    assert [(row["emotion"], row["method"]) for row in rows] == [
        ("angry", "Ours"), ("angry", "EVP"), ("happy", "Ours"), ("happy", "EVP"),
    ]  # fmt: skip
    assert all((row["measured"], row["planned"]) == ("1", "1") for row in rows)


def test_in_the_order_of_a_paper(run):
    data = json.loads(talkbench("table", run, "--order", "msef-2023", "--format", "json").out)
    assert [row["method"] for row in data["rows"]] == ["Ground Truth", "EVP", "Ours"]


@pytest.mark.parametrize("form", ["rich", "markdown", "latex", "csv", "json"])
def test_compare_prints_every_format(run, form):
    outcome = talkbench("compare", run, "--baseline", "EVP", "--format", form)
    assert outcome.code == 0, outcome.err
    assert "Ours" in outcome.out
    assert "too few to tell" in outcome.out  # two clips
    assert "talkbench-1" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("compare", "--baseline", "EVPP"), "Did you mean EVP?"),
        (("table", "--order", "msef-2024"), "Did you mean msef-2023?"),
        (("table", "--paper", "msef-2023", "--by", "emotion"), "leave out --by and --order"),
    ],
)
def test_a_mistake_is_one_line(run, arguments, says):
    outcome = talkbench(arguments[0], run, *arguments[1:])
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert says in outcome.err
