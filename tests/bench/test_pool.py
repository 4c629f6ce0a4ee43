"""A worker's death, its memory and its time are the cost of one task: the others are done, and each says what happened.

The functions are built in, so that a worker finds them.
"""

import os
import signal
import time
from multiprocessing import active_children

import pytest

from talkbench.bench.errors import TalkbenchError
from talkbench.bench.limits import Limits
from talkbench.bench.pool import Here, Workers

LONG = 600.0
MEMORY = 6 * 10**8


def done(outcomes) -> dict[object, object]:
    return dict(outcomes)


@pytest.mark.parametrize("count", [1, 3])
def test_all_tasks_come_back_whatever_the_number_of_workers(count: int) -> None:
    with Workers(count, MEMORY) as pool:
        assert done(pool.map(abs, ((-n, LONG) for n in range(20)))) == {-n: n for n in range(20)}
        assert done(pool.map(len, [("abc", LONG)])) == {"abc": 3}


def test_a_worker_that_dies_costs_the_task_it_had() -> None:
    ends = [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT]
    with Workers(1, MEMORY) as pool:
        outcomes = [outcome for _, outcome in pool.map(signal.raise_signal, ((end, LONG) for end in (0, *ends, 0)))]
    assert outcomes[0] is None
    assert outcomes[-1] is None
    for end, outcome in zip(ends, outcomes[1:-1], strict=True):
        assert outcome.fatal
        assert outcome.reason.startswith(f"The process that worked on it died ({end.name})")


def test_leaving_for_no_reason_is_a_death_too() -> None:
    with Workers(2, MEMORY) as pool:
        outcomes = done(pool.map(os._exit, [(3, LONG)]))
    assert outcomes[3].reason.startswith("The process that worked on it died (exit code 3)")


def test_a_task_that_takes_too_long_is_given_up_and_its_worker_ended() -> None:
    with Workers(2, MEMORY) as pool:
        outcomes = done(pool.map(time.sleep, [(3600, 1.0), (0, LONG), (0.01, LONG)]))
    assert outcomes[0] is None
    assert outcomes[0.01] is None
    assert outcomes[3600].reason.startswith("It took more than 1 s and was given up.")
    assert not active_children()


def test_a_task_that_needs_too_much_memory_fails_and_the_next_is_done() -> None:
    with Workers(1, MEMORY) as pool:
        outcomes = [outcome for _, outcome in pool.map(bytearray, [(MEMORY, LONG), (8, LONG)])]
    assert outcomes[0].reason.startswith("It needs more memory than TALKBENCH_CLIP_MEMORY allows.")
    assert outcomes[1] == bytearray(8)


def test_in_the_callers_process_an_error_costs_its_task() -> None:
    outcomes = done(Here().map(int, [("7", LONG), ("x", LONG)]))
    assert outcomes["7"] == 7
    assert "Internal error, please report it:\nTraceback" in outcomes["x"].reason


def test_workers_end_with_the_block_even_amid_their_work() -> None:
    with Workers(2, MEMORY) as pool:
        assert next(pool.map(time.sleep, [(0, LONG), (3600, LONG), (3600, LONG)])) == (0, None)
        assert len(active_children()) == 2
    assert not active_children()


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("TALKBENCH_CLIP_SECONDS", "soon", "expected a number of seconds such as 600"),
        ("TALKBENCH_CLIP_SECONDS", "0", "expected a number of seconds such as 600"),
        ("TALKBENCH_CLIP_SECONDS", "nan", "expected a number of seconds such as 600"),
        ("TALKBENCH_CLIP_MEMORY", "much", "expected a size such as 500M or 20G"),
        ("TALKBENCH_CLIP_MEMORY", "10M", "expected at least 1G"),
    ],
)
def test_limits_that_are_none_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, expected: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(TalkbenchError, match=f"{variable}.*{expected}"):
        Limits.stated()


def test_the_usual_limits_grow_with_the_clip_and_stated_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALKBENCH_CLIP_SECONDS", raising=False)
    monkeypatch.delenv("TALKBENCH_CLIP_MEMORY", raising=False)
    usual = Limits.stated()
    assert usual == Limits(memory=4 * 10**9, seconds=None)
    assert usual.to_probe(0) == 60
    assert usual.to_probe(10**9) == 1060
    assert usual.to_measure(None) == 60
    monkeypatch.setenv("TALKBENCH_CLIP_SECONDS", "2.5")
    monkeypatch.setenv("TALKBENCH_CLIP_MEMORY", "8G")
    assert Limits.stated() == Limits(memory=8 * 10**9, seconds=2.5)
    assert Limits.stated().to_probe(10**9) == Limits.stated().to_measure(None) == 2.5
