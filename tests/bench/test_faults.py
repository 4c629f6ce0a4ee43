"""Faults that really happen to a run: kills, full and read-only disks, cut files, crashed and frozen workers, clocks.

After each: one clear line, no result that is wrong, and the same command goes on to the same bytes.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import clips
import killed_run
import psutil
import pytest
from command import talkbench as command

import talkbench
from talkbench.bench.errors import TalkbenchError

FILES = ("clips.parquet", "frames.parquet", "failures.jsonl", "run.json")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips and two methods, 64 px: 8 pairs of 3 frames."""
    root = tmp_path_factory.mktemp("corpus")
    for number in range(4):
        real = clips.moving(3, size=64, phase=number)
        clips.write(root / "real" / f"{number}.mp4", real)
        for method, amount in (("a", 4), ("b", 12)):
            clips.write(root / method / f"{number}.mp4", clips.noisy(real, amount, seed=number))
    return root


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    score(corpus, folder)
    return folder


def score(corpus: Path, folder: Path) -> talkbench.Results:
    return talkbench.score(corpus / "real", {"a": corpus / "a", "b": corpus / "b"}, out=folder, cache=False)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# Killed


def killed(corpus: Path, folder: Path, *mode: object) -> tuple[int, list[int]]:
    script = Path(killed_run.__file__)
    outcome = subprocess.run(
        [sys.executable, script, corpus, folder, *map(str, mode)], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    count, _, parts = outcome.stdout.partition(" ")
    return int(count), json.loads(parts)


def test_killed_at_twenty_random_moments_it_goes_on_to_the_same_bytes(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    count, parts = killed(corpus, tmp_path, "moments", 20, 1)
    assert count == 20
    assert len(set(parts)) > 1, "all moments were the same one"
    for folder in tmp_path.iterdir():
        assert content(folder) == content(whole)


def test_killed_before_and_after_each_commit_it_goes_on_to_the_same_bytes(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    count, _ = killed(corpus, tmp_path, "commits")
    assert count == 2 * (8 + 5)  # a part per pair; run.json when it begins and ends, and the tables
    for folder in tmp_path.iterdir():
        assert content(folder) == content(whole)


# Disks


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def test_a_full_disk_is_said_and_with_more_space_it_goes_on(corpus: Path, whole: Path, tmp_path: Path) -> None:
    """The disk grows by a page at a time, so that it is full at every file that a run writes."""
    refusals = []
    with small_disk(tmp_path / "disk", 4) as disk:
        for kilobytes in range(4, 400, 4):
            remount(disk, f"size={kilobytes}k")
            try:
                score(corpus, disk / "run")
                break
            except TalkbenchError as error:
                refusals.append(str(error))
            assert not list(disk.rglob("*.tmp"))
            with pytest.raises(TalkbenchError, match=r"is not finished|is not a result folder"):
                talkbench.Results.load(disk / "run")
        assert len(refusals) > 10
        assert all(f"{disk}/run: cannot be " in text and "No space left on device" in text for text in refusals)
        assert content(disk / "run") == content(whole)


def test_a_file_that_may_not_grow_is_said_and_goes_on(corpus: Path, whole: Path, tmp_path: Path) -> None:
    """A quota, as a limit on the size of a file: it can be had by every user."""
    code = (
        "import resource, sys, pathlib, killed_run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        "killed_run.score(*map(pathlib.Path, sys.argv[1:]))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code, corpus, tmp_path / "run"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert outcome.returncode == 1
    assert re.search(r"run: cannot be written \(.*File too large\)", outcome.stderr.splitlines()[-1])
    score(corpus, tmp_path / "run")
    assert content(tmp_path / "run") == content(whole)


def test_a_full_disk_behind_the_cache_only_costs_time(corpus: Path, whole: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        talkbench.score(
            corpus / "real", {"a": corpus / "a", "b": corpus / "b"}, out=tmp_path / "run", cache=disk / "cache"
        )
        assert not list(disk.rglob("*.tmp"))
    assert content(tmp_path / "run") == content(whole)


def test_a_read_only_disk_is_said_and_a_finished_run_on_it_is_read(corpus: Path, whole: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4000) as disk:
        shutil.copytree(whole, disk / "done")
        shutil.copytree(whole, disk / "begun")
        run = json.loads((disk / "begun" / "run.json").read_text())
        (disk / "begun" / "run.json").write_text(json.dumps(run | {"finished": False}))
        remount(disk, "ro")
        for name in ("new", "begun"):
            with pytest.raises(TalkbenchError, match=rf"disk/{name}.*Read-only file system"):
                score(corpus, disk / name)
        assert len(score(corpus, disk / "done").clips) == 8
        assert command("table", disk / "done").code == 0
        for verb in ("report", "export"):
            outcome = command(verb, disk / "done", "-o", disk / "out.zip")
            assert outcome.code == 2
            assert "Read-only file system" in outcome.err
        remount(disk, "rw")
        assert content(disk / "done") == content(whole)


# Files cut short


@pytest.mark.parametrize("damage", ["half", "no end", "zeros at the end", "empty", "gone"])
@pytest.mark.parametrize("name", ["clips.parquet", "frames.parquet"])
def test_a_table_that_a_crash_cut_short_is_detected_and_measured_again(
    corpus: Path, whole: Path, tmp_path: Path, name: str, damage: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    hurt(run / name, damage)
    with pytest.raises(TalkbenchError, match="is damaged"):
        talkbench.Results.load(run)
    score(corpus, run)
    assert content(run) == content(whole)


@pytest.mark.parametrize("damage", ["half", "no end", "zeros at the end", "empty", "gone"])
def test_a_part_that_a_crash_cut_short_is_measured_again(
    corpus: Path, whole: Path, tmp_path: Path, damage: str
) -> None:
    run = tmp_path / "run"
    seen: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("measure", 4):
            raise KeyboardInterrupt

    methods = {"a": corpus / "a", "b": corpus / "b"}
    with pytest.raises(KeyboardInterrupt):
        talkbench.score(corpus / "real", methods, out=run, cache=False, progress=stop)
    parts = sorted((run / "parts").iterdir())
    assert len(parts) == 4
    hurt(parts[0], damage)
    talkbench.score(
        corpus / "real",
        methods,
        out=run,
        cache=False,
        progress=lambda phase, done, total: seen.append(done) if phase == "measure" else None,
    )
    assert seen[0] == 3
    assert content(run) == content(whole)


def test_a_lost_list_of_failures_is_written_again(corpus: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "failures.jsonl").unlink()
    with pytest.raises(TalkbenchError, match="is damaged"):
        talkbench.Results.load(run)
    score(corpus, run)
    assert content(run) == content(whole)


def test_a_run_json_that_was_cut_short_is_named(corpus: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    hurt(run / "run.json", "half")
    for act in (lambda: talkbench.Results.load(run), lambda: score(corpus, run)):
        with pytest.raises(TalkbenchError, match=r"run\.json: cannot be read .*Score into a new folder"):
            act()


def hurt(file: Path, damage: str) -> None:
    """Do to a file what a crash does."""
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "zeros at the end":
        file.write_bytes(data[:-200] + bytes(200))
    else:
        file.write_bytes(data[: {"half": len(data) // 2, "no end": len(data) - 1, "empty": 0}[damage]])


# Two at once


def test_a_second_process_on_the_same_folder_is_refused_and_the_first_is_not_disturbed(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    answers = []

    def meanwhile(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("measure", 2):
            answers.append(command_line(corpus, tmp_path / "run"))

    methods = {"a": corpus / "a", "b": corpus / "b"}
    talkbench.score(corpus / "real", methods, out=tmp_path / "run", cache=False, progress=meanwhile)
    (answer,) = answers
    assert answer.returncode == 2
    assert "another run is writing here. Wait for it, or choose another -o." in answer.stderr
    assert content(tmp_path / "run") == content(whole)


def command_line(corpus: Path, folder: Path, *more: object) -> subprocess.CompletedProcess[str]:
    code = "from talkbench.bench.cli import main; main()"
    arguments = ["score", "--gt", corpus / "real", *(f"--gen={name}={corpus / name}" for name in "ab"), "-o", folder]
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, (*arguments, "--no-cache", *more))],
        capture_output=True,
        text=True,
        check=False,
    )


# Workers


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs, of which the second takes a while."""
    root = tmp_path_factory.mktemp("uneven")
    for name, count in (("1", 2), ("2", 400), ("3", 2)):
        real = clips.moving(count, size=64)
        clips.write(root / "real" / f"{name}.mp4", real)
        clips.write(root / "a" / f"{name}.mp4", real)
    return root


def disturbed(folder: Path, act: Callable[[psutil.Process], None]) -> threading.Thread:
    """Do something to the one worker once the first pair is measured: it then works on the second."""

    def wait() -> None:
        while not list((folder / "parts").glob("*.parquet")):
            time.sleep(0.01)
        time.sleep(0.2)
        act(worker())

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def worker() -> psutil.Process:
    """The worker of this process: what spawn starts beside it only keeps count."""
    (found,) = (child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline()))
    return found


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_costs_its_clip_alone(uneven: Path, tmp_path: Path, end: signal.Signals) -> None:
    """SIGKILL is what the system sends where memory runs out, SIGSEGV what a broken decoder gets."""
    run = tmp_path / "run"
    thread = disturbed(run, lambda process: process.send_signal(end))
    outcome = command(
        "score", "--gt", uneven / "real", "--gen", f"a={uneven / 'a'}", "-o", run, "--workers", 1, "--no-cache"
    )
    thread.join()
    assert outcome.code == 1
    results = talkbench.Results.load(run)
    assert results.clips["clip"].tolist() == ["1", "3"]
    (failure,) = results.failures
    assert (failure["clip"], failure["file"]) == ("2", str(uneven / "a" / "2.mp4"))
    assert f"died ({end.name})" in failure["reason"]
    assert "failed: a, clip 2: " in outcome.err


def test_a_worker_that_stands_still_is_ended_after_its_time(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKBENCH_CLIP_SECONDS", "20")
    thread = disturbed(tmp_path / "run", lambda process: process.suspend())
    results = talkbench.score(uneven / "real", {"a": uneven / "a"}, out=tmp_path / "run", cache=False, workers=1)
    thread.join()
    assert results.clips["clip"].tolist() == ["1", "3"]
    assert [failure["clip"] for failure in results.failures] == ["2"]
    assert "took more than 20 s and was given up" in results.failures[0]["reason"]


def test_a_header_that_kills_its_reader_costs_its_clip_alone(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture of 3 GB (a hole on the disk) is read before anything is known of it: more than a worker may have."""
    monkeypatch.setenv("TALKBENCH_CLIP_MEMORY", "1G")
    for name in ("1", "2"):
        clips.write_frames(tmp_path / "real" / name, clips.moving(2, size=64))
        clips.write_frames(tmp_path / "a" / name, clips.moving(2, size=64))
    os.truncate(tmp_path / "a" / "2" / "00001.png", 3 * 10**9)
    run = tmp_path / "run"
    outcome = command(
        "score", "--gt", tmp_path / "real", "--gen", f"a={tmp_path / 'a'}", "-o", run, "--workers", 1, "--no-cache"
    )
    assert outcome.code == 1
    results = talkbench.Results.load(run)
    assert results.clips["clip"].tolist() == ["1"]
    assert "needs more memory than TALKBENCH_CLIP_MEMORY allows" in results.failures[0]["reason"]


# Clocks


def test_clocks_that_jump_change_nothing(
    corpus: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time runs backwards and leaps by years, and the files are from 1970 or from the future; nothing is redone."""
    now = [4e9]

    def backwards() -> float:
        now[0] -= 1e8 if now[0] > 1e8 else -3e9
        return now[0]

    monkeypatch.setattr(time, "time", backwards)
    monkeypatch.setattr(time, "time_ns", lambda: int(backwards() * 1e9))
    run, cache = tmp_path / "run", tmp_path / "cache"
    methods = {"a": corpus / "a", "b": corpus / "b"}

    def stop(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("measure", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        talkbench.score(corpus / "real", methods, out=run, cache=cache, progress=stop)
    for number, path in enumerate([*corpus.rglob("*"), *run.rglob("*"), *cache.rglob("*")]):
        os.utime(path, (0, 0) if number % 2 else (4e9, 4e9))
    steps: list[tuple[str, int, int]] = []
    talkbench.score(corpus / "real", methods, out=run, cache=cache, progress=lambda *step: steps.append(step))
    assert next(step for step in steps if step[0] == "measure") == ("measure", 4, 8)
    assert content(run) == content(whole)
    steps.clear()
    talkbench.score(corpus / "real", methods, out=run, cache=cache, progress=lambda *step: steps.append(step))
    assert not [step for step in steps if step[0] == "measure"]
