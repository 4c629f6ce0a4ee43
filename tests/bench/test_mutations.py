"""A run over hundreds of broken and hostile files: it ends, in bounds, and says one thing of each of them."""

import hashlib
import json
import unicodedata
from pathlib import Path

import hostile_run
import mutations
import pytest

MEMORY = 2 * 10**9


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return mutations.small_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def root(seeds: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "corpus"
    mutations.write_corpus(folder, seeds, rounds=1)
    return folder


@pytest.fixture(scope="module")
def report(root: Path) -> hostile_run.Report:
    return hostile_run.run(root, memory="2G")


def test_there_are_as_many_as_promised_and_each_has_one_outcome(report: hostile_run.Report) -> None:
    assert report.mutants >= 200
    outcomes = [*report.measured, *report.failed, *report.refused, *report.missing]
    assert len(outcomes) == len(set(outcomes)) == report.mutants
    assert len(report.failed) > 100


def test_the_run_ends_by_itself_and_says_one_line_of_each(report: hostile_run.Report, root: Path) -> None:
    assert report.code == 1
    assert "Traceback" not in report.err
    assert sum(line.startswith("failed: m, clip ") for line in report.err.splitlines()) == len(report.failed)
    lines = (root / "run" / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    assert [set(json.loads(line)) for line in lines] == [{"clip", "method", "file", "reason"}] * len(report.failed)


def test_no_file_finds_a_hole_in_the_program(report: hostile_run.Report) -> None:
    assert {clip: reason for clip, reason in report.failed.items() if "Internal error" in reason} == {}


def test_no_process_has_more_memory_than_the_limit(report: hostile_run.Report) -> None:
    assert report.peak < MEMORY


def test_no_name_is_run_and_no_other_file_is_read(report: hostile_run.Report, root: Path) -> None:
    assert not [*root.rglob("pwned"), *root.parent.rglob("evil"), *Path.cwd().glob("pwned")]
    assert "root:" not in report.err
    assert "root:" not in (root / "run" / "failures.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", mutations.NAMES)
def test_a_strange_name_is_only_a_name(report: hostile_run.Report, name: str) -> None:
    """Every second of these is a whole video; the others are cut in half."""
    whole = mutations.NAMES.index(name) % 2
    assert unicodedata.normalize("NFC", name) in (report.measured if whole else report.failed)


def test_the_same_seeds_make_the_same_corpus(seeds: dict[str, bytes], root: Path, tmp_path: Path) -> None:
    few = {"mjpeg.avi": seeds["mjpeg.avi"]}
    made = [mutations.write_corpus(tmp_path / name, few, rounds=2) for name in ("one", "two")]
    assert made[0] == made[1]
    assert digests(tmp_path / "one" / "gen") == digests(tmp_path / "two" / "gen")


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
