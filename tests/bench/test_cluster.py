"""Runs on a real Dask scheduler with worker processes on loopback, and what becomes of them when parts of it die."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import clips
import pytest
from cluster_on_loopback import Loopback, until
from command import talkbench as command

import talkbench
from talkbench.bench import cluster as engine
from talkbench.bench.errors import TalkbenchError

pytest.importorskip("distributed")

FILES = ("clips.parquet", "frames.parquet", "failures.jsonl", "run.json")
COUNT = 5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five real clips with a noisy method; the last take is broken, so that every run has a failure to tell of."""
    root = tmp_path_factory.mktemp("corpus")
    for number in range(COUNT):
        real = clips.moving(3, size=128, phase=number)
        clips.write(root / "real" / f"{number}.mp4", real)
        clips.write(root / "noisy" / f"{number}.mp4", clips.noisy(real, 12, seed=number))
    broken = root / "noisy" / f"{COUNT - 1}.mp4"
    broken.write_bytes(broken.read_bytes()[:600])
    score(root, root / "local")
    return root


def score(corpus: Path, out: Path, **options: object) -> talkbench.Results:
    return talkbench.score(corpus / "real", {"noisy": corpus / "noisy"}, out=out, cache=False, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory):
    loopback = Loopback(tmp_path_factory.mktemp("dask"))
    loopback.scheduler()
    loopback.worker("one")
    loopback.worker("two")
    yield loopback
    loopback.end()


@pytest.fixture
def own(tmp_path: Path):
    """A scheduler for a test that breaks it."""
    (tmp_path / "dask").mkdir()
    loopback = Loopback(tmp_path / "dask")
    loopback.scheduler()
    yield loopback
    loopback.end()


def begin(corpus: Path, out: Path, loopback: Loopback) -> "subprocess.Popen[bytes]":
    """Start the command in a process of its own, and wait for its first result."""
    arguments = ["score", "--gt", corpus / "real", "--gen", f"noisy={corpus / 'noisy'}", "-o", out, "--no-cache"]
    arguments += ["--cluster", loopback.address]
    process = subprocess.Popen(
        [sys.executable, "-c", "from talkbench.bench.cli import main; main()", *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=out.parent,
    )
    until(lambda: measured(out) >= 1 or process.poll() is not None)
    return process


def measured(out: Path) -> int:
    return len(list((out / "parts").glob("*.parquet"))) if (out / "parts").is_dir() else 0


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH in which workers take a second more for each pair, so that they can be met in the act."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys, time, importlib.abc, importlib.machinery\n"
        "class Late(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name != 'talkbench.bench.tasks':\n"
        "            return None\n"
        "        sys.meta_path.remove(self)\n"
        "        import talkbench.bench.tasks as tasks\n"
        "        known = tasks.measured\n"
        "        def measured(job):\n"
        "            time.sleep(1)\n"
        "            return known(job)\n"
        "        tasks.measured = measured\n"
        "        return tasks.__spec__\n"
        "sys.meta_path.insert(0, Late())\n"
    )
    return folder


# Same numbers


def test_a_cluster_gives_the_same_bytes_as_this_machine(corpus: Path, tmp_path: Path, two: Loopback) -> None:
    results = score(corpus, tmp_path / "run", cluster=two.address)
    assert content(tmp_path / "run") == content(corpus / "local")
    assert [failure["clip"] for failure in results.failures] == [str(COUNT - 1)]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(FILES)


def test_a_finished_run_measures_nothing_again_and_a_changed_video_does(
    corpus: Path, tmp_path: Path, two: Loopback
) -> None:
    for name in ("real", "noisy"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.mp4").write_bytes((corpus / name / f"{number}.mp4").read_bytes())
    score(tmp_path, tmp_path / "run", cluster=two.address)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    score(tmp_path, tmp_path / "run", cluster=two.address)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before
    (tmp_path / "noisy" / "1.mp4").write_bytes((corpus / "noisy" / "2.mp4").read_bytes())
    steps: list[tuple[str, int, int]] = []
    score(tmp_path, tmp_path / "run", cluster=two.address, progress=lambda *step: steps.append(step))
    assert [step for step in steps if step[0] == "measure"] == [("measure", 2, 3), ("measure", 3, 3)]
    score(tmp_path, tmp_path / "fresh")
    assert content(tmp_path / "run") == content(tmp_path / "fresh")


# Faults


def test_a_worker_killed_in_the_act_costs_nothing(corpus: Path, tmp_path: Path, own: Loopback, slow: Path) -> None:
    own.worker("one", "--no-nanny", path=slow)
    own.worker("two", "--no-nanny", path=slow)
    process = begin(corpus, tmp_path / "run", own)
    own.kill("one")
    assert process.wait(120) == 1, process.stderr.read()
    assert content(tmp_path / "run") == content(corpus / "local")


def test_a_restarted_scheduler_is_waited_for(corpus: Path, tmp_path: Path, own: Loopback, slow: Path) -> None:
    own.worker("one", "--no-nanny", path=slow)
    process = begin(corpus, tmp_path / "run", own)
    before = measured(tmp_path / "run")
    own.kill("scheduler")
    own.kill("one")
    assert before < COUNT - 1
    own.scheduler()
    own.worker("again", "--no-nanny", path=slow)
    assert process.wait(120) == 1, process.stderr.read()
    assert b"has gone; waiting" in process.stderr.read()
    assert content(tmp_path / "run") == content(corpus / "local")


def test_a_scheduler_that_stays_away_ends_the_run_in_one_line_and_keeps_what_was_measured(
    corpus: Path, tmp_path: Path, own: Loopback, slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_RETURN_S", 1)
    monkeypatch.setattr(engine, "_CONNECT_S", 1)
    own.worker("one", "--no-nanny", path=slow)

    def end(phase: str, done: int, total: int) -> None:
        if phase == "measure" and done == 2 and "scheduler" in own.processes:  # the broken one, and one measured
            own.kill("scheduler")
            own.kill("one")

    with pytest.raises(TalkbenchError, match=r"did not come back\. What was measured is kept"):
        score(corpus, tmp_path / "run", cluster=own.address, progress=end)
    assert measured(tmp_path / "run") >= 1


def test_a_client_that_is_killed_goes_on_where_it_was(corpus: Path, tmp_path: Path, own: Loopback, slow: Path) -> None:
    own.worker("one", "--no-nanny", path=slow)
    process = begin(corpus, tmp_path / "run", own)
    process.kill()
    process.wait()
    there = measured(tmp_path / "run")
    assert 1 <= there < COUNT - 1
    steps: list[tuple[str, int, int]] = []
    score(corpus, tmp_path / "run", cluster=own.address, progress=lambda *step: steps.append(step))
    first = next(step for step in steps if step[0] == "measure")
    assert there + 1 <= first[1] < COUNT  # what was there is not measured again; one pair is broken
    assert content(tmp_path / "run") == content(corpus / "local")


# Refusals


def test_a_worker_with_another_version_is_refused(corpus: Path, tmp_path: Path, own: Loopback) -> None:
    other = tmp_path / "other" / "talkbench"
    other.mkdir(parents=True)
    for path in Path(talkbench.__file__).parent.iterdir():
        if path.is_dir() and not path.name.startswith("."):
            (other / path.name).symlink_to(path)
    text = Path(talkbench.__file__).read_text()
    (other / "__init__.py").write_text(text.replace(talkbench.__version__, "0.0.9"))
    own.worker("old", "--no-nanny", path=tmp_path / "other")
    with pytest.raises(
        TalkbenchError, match=rf"worker tcp://\S+ has talkbench 0\.0\.9, here is {talkbench.__version__}"
    ):
        score(corpus, tmp_path / "run", cluster=own.address)
    assert not (tmp_path / "run").exists()


def test_a_worker_with_another_dlib_is_refused(corpus: Path, tmp_path: Path, own: Loopback) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as metadata\n"
        "known = metadata.version\n"
        "metadata.version = lambda name: '19.9.9' if name == 'dlib-bin' else known(name)\n"
    )
    own.worker("other", "--no-nanny", path=tmp_path)
    with pytest.raises(TalkbenchError, match=r"would give other numbers: dlib is '19\.9\.9' there and .* here"):
        score(corpus, tmp_path / "run", cluster=own.address)
    assert not (tmp_path / "run").exists()


def test_a_worker_with_threads_is_refused(corpus: Path, tmp_path: Path, own: Loopback) -> None:
    own.worker("threads", "--no-nanny", "--nthreads", 3)
    with pytest.raises(TalkbenchError, match=r"has 3 threads\. Start it with --nworkers 3 --nthreads 1"):
        score(corpus, tmp_path / "run", cluster=own.address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "nonsense", "tcp://no-such-host.invalid:8786", "gopher://a:1"]
)
def test_a_wrong_address_is_one_line_soon(corpus: Path, tmp_path: Path, address: str) -> None:
    started = time.monotonic()
    outcome = command(
        "score", "--gt", corpus / "real", "--gen", f"m={corpus / 'noisy'}", "-o", tmp_path / "run", "--cluster", address
    )
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1, outcome.err
    assert f"--cluster {address}: no Dask scheduler answers there" in outcome.err
    assert time.monotonic() - started < 60
    assert not (tmp_path / "run").exists()


def test_a_scheduler_without_workers_is_refused(
    corpus: Path, tmp_path: Path, own: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_WORKERS_S", 0.5)
    with pytest.raises(TalkbenchError, match=r"has no workers\. Start some: dask worker tcp://"):
        score(corpus, tmp_path / "run", cluster=own.address)


def test_workers_and_cluster_exclude_each_other(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(TalkbenchError, match="leave one out"):
        score(corpus, tmp_path / "run", cluster="tcp://127.0.0.1:9", workers=2)


# SLURM

ASKED = 'jobs = 1\ncores = 2\nmemory = "4GB"\nwalltime = "00:10:00"\nqueue = "short"\ninterface = "lo"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs = 1\ncores = 2\nwalltime = '1:00:00'\n", r"memory: Field required"),
        (ASKED.replace("jobs = 1", "jobs = 0"), r"jobs: .*greater than or equal to 1\. Found 0"),
        (ASKED.replace("4GB", "lots"), r"memory: .*Found 'lots'"),
        (ASKED + "partition = 'x'\n", r"partition: Extra inputs are not permitted\. There are: jobs, cores, memory"),
        (ASKED.replace("cores = 2", "cores = '2'"), r"cores: .*Found '2'"),
        ("jobs = = 1\n", "is not TOML"),
    ],
)
def test_a_wrong_slurm_toml_is_one_line_that_names_the_field(
    corpus: Path, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(text)
    with pytest.raises(TalkbenchError, match=said) as caught:
        score(corpus, tmp_path / "run", cluster=str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_a_queue_measures(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through dask-jobqueue as it is; only SLURM's two commands are stood in for, by ones that run the job here."""
    commands = tmp_path / "bin"
    commands.mkdir()
    submit = (  # runs a copy: jobqueue deletes its own file as soon as it is told the job's number
        f'#!/bin/sh\ncp "$1" {tmp_path}/job.sh\n'
        f"setsid sh {tmp_path}/job.sh >{tmp_path}/job.log 2>&1 &\necho $! >>{tmp_path}/pids\n"
    )
    (commands / "sbatch").write_text(submit + "echo Submitted batch job $!\n")
    (commands / "scancel").write_text("#!/bin/sh\nkill -- -$1\n")
    for file in commands.iterdir():
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    (tmp_path / "slurm.toml").write_text(ASKED + f"local_directory = '{tmp_path}/scratch'\n")
    score(corpus, tmp_path / "run", cluster=str(tmp_path / "slurm.toml"))
    assert content(tmp_path / "run") == content(corpus / "local")
    job = (tmp_path / "job.sh").read_text()
    assert "#SBATCH -p short" in job
    assert "#SBATCH --cpus-per-task=2" in job
    assert "--nthreads 1" in job
