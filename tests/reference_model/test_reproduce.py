"""The whole ablation by one command: it stops, goes on, and makes nothing twice."""

import json

import made_corpus
import pytest
from command import talkbench

from talkbench.reference_model import checkpoint
from talkbench.reference_model.profiles import PROFILES, ROWS
from talkbench.reference_model.reproduce import Plan, do_all, trainings
from talkbench.reference_model.training import Machine


def files(root, pattern):
    return {file.relative_to(root).as_posix(): file.stat().st_mtime_ns for file in root.rglob(pattern)}


def test_from_a_corpus_to_table_1_with_a_stop_between(tmp_path):
    corpus, out = made_corpus.write(tmp_path / "corpus"), tmp_path / "out"
    command = (
        "model", "reproduce", corpus, "--rows", "baseline+joint,ours", "--seeds", 1, "--profile", "ci", "-o", out,
        "--workers", 1,
    )  # fmt: skip
    stopped = talkbench(*command, "--max-seconds", 0)
    assert stopped.code == 1
    assert "The time is up" in stopped.err
    assert not (out / "table1.md").exists()
    done = talkbench(*command)
    assert done.code == 0, done.err
    nets = files(out / "nets", "*.pt")
    assert sorted(nets) == [
        f"M003/seed-0/{name}.pt" for name in ("frames-cbam", "frames-plain", "landmarks-full", "landmarks-joint")
    ]
    assert len(files(out / "takes", "*.mkv")) == 4
    page = (out / "table1.md").read_text(encoding="utf-8")
    assert "F-LMD ↓ reported" in page
    assert "F-LMD-pred" in page
    assert "Perceptual loss | none" in page
    assert "no seed" not in page
    data = json.loads((out / "table1.json").read_text(encoding="utf-8"))
    assert {row["row"] for row in data["rows"]} == {"Ours", "Baseline + joint loss"}
    assert data["rows"][0]["M-LMD-pred"]["mean"] > 0
    assert data["about"]["Perceptual loss"] == "none"
    assert sum(map(sum, data["emotions"][0]["clips"]["counts"])) == 2
    assert (out / "table1.tex").read_text(encoding="utf-8").count(r"\begin{table") == 3
    assert (out / "confusion.png").stat().st_size > 1000
    before = files(out / "takes", "*.mkv")
    assert talkbench(*command).code == 0
    assert files(out / "nets", "*.pt") == nets
    assert files(out / "takes", "*.mkv") == before
    other = talkbench(*command[:-4], "-o", out, "--workers", 1, "--perceptual", "random")
    assert other.code == 2
    assert "perceptual" in other.err


def test_five_rows_share_three_networks_of_stage_1_and_two_of_stage_2(prepared, tmp_path):
    plan = Plan(prepared.folder, tmp_path, PROFILES["ci"], tuple(ROWS), (0, 1, 2), Machine(), None, 1)
    names = [job.file.relative_to(tmp_path / "nets" / "M003").as_posix() for job in trainings(plan)]
    assert len(names) == 3 * (3 + 2)
    assert len(set(names)) == len(names)
    assert names[0] == "seed-0/frames-cbam.pt", "the longest first"


def test_two_workers_make_the_networks_that_one_makes(prepared, tmp_path):
    made = []
    for workers in (1, 2):
        plan = Plan(
            prepared.folder, tmp_path / str(workers), PROFILES["ci"], ("baseline",), (0, 1), Machine(), None, workers
        )
        jobs = [job for job in trainings(plan) if job.stage == "landmarks"]
        steps = []
        assert do_all(jobs, steps.append, workers=workers)
        assert sum(steps) == sum(job.size for job in jobs)
        made.append([checkpoint.load(job.file).model for job in jobs])
    for one, other in zip(*made, strict=True):
        assert all(value.equal(other[name]) for name, value in one.items())


@pytest.mark.parametrize(("rows", "said"), [("best", "expected one of baseline"), (",", "expected all, or rows")])
def test_rows_that_there_are_not_are_one_line(tmp_path, rows, said):
    done = talkbench("model", "reproduce", tmp_path, "--rows", rows, "-o", tmp_path / "out")
    assert done.code == 2
    assert said in done.err
