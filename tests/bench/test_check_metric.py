"""`talkbench check-metric`: a metric made to fail a check fails that very check, and the shipped ones fail none."""

import json
import textwrap

import command
import pytest

from talkbench.bench import check_metric as checker
from talkbench.bench import registry
from talkbench.bench.check_metric import check_metric
from talkbench.bench.checks import check, given_weights
from talkbench.bench.trial import Trial
from talkbench.metrics import METRICS

COMMON = """
import os, socket, time
import numpy as np
from talkbench.metrics.contract import ClipValue, Metric, mean_of_frames

FRAMES = dict(needs="frames", better="lower", unit="", decimals=3, version="1", definition="d", source="s", perfect=0.0,
              frame_value="mine", clip=mean_of_frames)
LANDMARKS = FRAMES | dict(needs="landmarks")
FACTS = dict(needs="facts", better="lower", unit="", decimals=3, version="1", definition="d", source="s", perfect=0.0)


def difference(gt, gen):
    return float(np.abs(gt.astype(float) - gen).mean())


def distance(gt, gen):
    return np.abs(gt - gen).mean(axis=(1, 2))

"""

GOOD = {
    "frames": 'METRIC = Metric("mine", per_frame=difference, **FRAMES)',
    "landmarks": 'METRIC = Metric("mine", per_frame=distance, **LANDMARKS)',
    "facts": """
        def of_clip(gt, gen):
            apart = distance(gt.landmarks, gen.landmarks)
            apart = apart[~np.isnan(apart)]
            if not len(apart):
                return ClipValue.missing("no face")
            return ClipValue(float(apart.mean()), len(apart), parts={"most": float(apart.max())})

        METRIC = Metric("mine", per_clip=of_clip, parts=("most",), **FACTS)
        """,
    "heard": """
        def of_clip(one):
            if one.sound is None:
                return ClipValue.missing("no sound")
            return ClipValue(float(np.abs(one.sound).mean()), len(one.landmarks))

        METRIC = Metric("mine", per_clip=of_clip, sides="one", sound=True, **(FACTS | {"perfect": None}))
        """,
    "embedded": """
        class Colour:
            def add(self, frame, points):
                return frame.mean(axis=(0, 1)).astype(np.float32)

        def of_clip(gt, gen):
            return ClipValue(float(np.abs(gt.embeddings - gen.embeddings).mean()), len(gt.embeddings))

        METRIC = Metric("mine", per_clip=of_clip, embed=Colour, **FACTS)
        """,
}

BAD = {
    "declaration: version": ('METRIC = Metric("mine", per_frame=difference, **(FRAMES | {"version": ""}))', "version"),
    "declaration: source": ('METRIC = Metric("mine", per_frame=difference, **(FRAMES | {"source": ""}))', "source"),
    "declaration: name": ('METRIC = Metric("a,b", per_frame=difference, **FRAMES)', "comma"),
    "declaration: better": ('METRIC = Metric("mine", per_frame=difference, **(FRAMES | {"better": "up"}))', "better"),
    "declaration: sides": ('METRIC = Metric("mine", per_frame=difference, sides="one", **FRAMES)', "perfect"),
    "declaration: clip": ('METRIC = Metric("mine", per_frame=difference, **(FRAMES | {"clip": None}))', "clip"),
    "declaration: facts": ('METRIC = Metric("mine", per_frame=difference, **FACTS)', "per_clip"),
    "arguments: positional": ("""
        def of(gt, gen, power=1):
            return difference(gt, gen) ** power

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "Make power keyword-only"),
    "arguments: too few": ("""
        METRIC = Metric("mine", per_frame=lambda gt: 0.0, **FRAMES)
        """, "is given 2"),
    "arguments: unnamed": ("""
        def of(gt, gen, **choices):
            return difference(gt, gen)

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "Name every argument"),
    "arguments: default": ("""
        def of(gt, gen, *, weights_of=np.ones(3)):
            return difference(gt, gen)

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "plain|text, a number"),
    "runs: raises": ("""
        def of(gt, gen):
            raise KeyError("nothing")

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "KeyError"),
    "runs: shape": ('METRIC = Metric("mine", per_frame=lambda gt, gen: distance(gt, gen)[1:], **LANDMARKS)', "shape"),
    "runs: type": ('METRIC = Metric("mine", per_clip=lambda gt, gen: 1.0, **FACTS)', "ClipValue"),
    "runs: parts": ("""
        METRIC = Metric("mine", per_clip=lambda gt, gen: ClipValue(1.0, 9, parts={"lag": 1.0}), **FACTS)
        """, "Declare them in parts"),
    "runs: reason": ("""
        METRIC = Metric("mine", per_clip=lambda gt, gen: ClipValue(float("nan"), 0), **FACTS)
        """, "without a reason"),
    "perfect": ('METRIC = Metric("mine", per_frame=lambda a, b: 1 + difference(a, b), **FRAMES)', "perfect is 0"),
    "worse: better": ("""
        METRIC = Metric("mine", per_frame=difference, **(FRAMES | {"better": "higher"}))
        """, "Turn `better` round"),
    "worse: nothing": ('METRIC = Metric("mine", per_frame=lambda gt, gen: 0.0, **FRAMES)', "none of noise, blur"),
    "pure: random": ("""
        rng = np.random.default_rng()

        def of(gt, gen):
            d = difference(gt, gen)
            return d and d + float(rng.random())

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "Seed what is random"),
    "pure: order": ("""
        before = [0.0]

        def of(gt, gen):
            d = distance(gt, gen)
            mean = float(np.nanmean(d))
            changed = mean != before[0]
            before[0] = mean
            return d * (1 + changed)

        METRIC = Metric("mine", per_frame=of, **LANDMARKS)
        """,
        "keep no state"),
    "pure: writes": ("""
        def of(gt, gen):
            gen[0, 0] = gt[0, 0]
            return difference(gt, gen)

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "changes its input"),
    "missing faces: zero": ("""
        METRIC = Metric("mine", per_frame=lambda gt, gen: np.nan_to_num(distance(gt, gen)), **LANDMARKS)
        """, "Return NaN"),
    "missing faces: previous": ("""
        def of(gt, gen):
            d = distance(gt, gen)
            for t in range(1, len(d)):
                d[t] = d[t - 1] if np.isnan(d[t]) else d[t]
            return d

        METRIC = Metric("mine", per_frame=of, **LANDMARKS)
        """, "must be NaN"),
    "missing faces: clip": ("""
        def of(gt, gen):
            d = np.nanmean(np.nan_to_num(distance(gt.landmarks, gen.landmarks)))
            return ClipValue(float(d), 9)

        METRIC = Metric("mine", per_clip=of, **FACTS)
        """, "never a number"),
    "silence": ("""
        def of(one):
            return ClipValue(0.0 if one.sound is None else float(np.abs(one.sound).mean()), 9)

        METRIC = Metric("mine", per_clip=of, sides="one", sound=True, **(FACTS | {"perfect": None}))
        """, "no sound"),
    "chunks": ("""
        def of(gt, gen):
            d = distance(gt, gen)
            return d / (1 + len(d))

        METRIC = Metric("mine", per_frame=of, **LANDMARKS)
        """, "needs 'facts'"),
}  # fmt: skip

ALONE = {
    "worker": ("""
        def of(gt, gen):
            return difference(gt, gen) * os.getpid()

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "Seed what is random"),
    "worker: dies": ("""
        def of(gt, gen):
            import multiprocessing
            if multiprocessing.parent_process():
                os._exit(3)
            return difference(gt, gen)

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "dies"),
    "network": ("""
        def of(gt, gen):
            try:
                socket.create_connection(("192.0.2.1", 9), timeout=0.001)
            except OSError:
                pass
            return difference(gt, gen)

        METRIC = Metric("mine", per_frame=of, **FRAMES)
        """, "192.0.2.1"),
}  # fmt: skip


def written(folder, body):
    file = folder / "mine.py"
    file.write_text(COMMON + textwrap.dedent(body))
    return f"{file}:METRIC"


def in_process(target):
    metric = registry.find(target, target if ":" in target else None)
    return list(check(metric, metric))


def failed(checks):
    return [one.name for one in checks if one.state == "failed"]


@pytest.mark.parametrize("kind", GOOD)
def test_a_metric_that_keeps_the_contract_fails_nothing(tmp_path, kind):
    assert failed(in_process(written(tmp_path, GOOD[kind]))) == []


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if not metric.weights])
def test_the_metrics_of_talkbench_keep_the_contract(name):
    checks = in_process(name)
    assert failed(checks) == [], [one.says for one in checks if one.state == "failed"]


@pytest.mark.parametrize("case", BAD)
def test_each_check_fails_what_it_is_for_and_nothing_else(tmp_path, case):
    body, words = BAD[case]
    checks = in_process(written(tmp_path, body))
    assert failed(checks) == [case.partition(":")[0]]
    (says,) = [one.says for one in checks if one.state == "failed"]
    assert any(word in says for word in words.split("|")), says


@pytest.mark.parametrize("case", ALONE)
def test_checks_in_a_process_of_its_own(tmp_path, case):
    body, words = ALONE[case]
    checks = list(check_metric(written(tmp_path, body)))
    assert failed(checks) == [case.partition(":")[0]]
    (says,) = [one.says for one in checks if one.state == "failed"]
    assert words in says


def test_a_slow_metric_fails_the_check_of_speed(tmp_path, monkeypatch):
    trial = Trial.of(registry.load(written(tmp_path, GOOD["frames"])))
    assert checker._speed(trial).state == "ok"
    monkeypatch.setattr(checker, "SLOWEST", 1e-6)
    slow = checker._speed(trial)
    assert (slow.name, slow.state) == ("speed", "failed")
    assert "times SSIM" in slow.says


def test_the_command_prints_a_line_per_check(tmp_path):
    outcome = command.talkbench("check-metric", written(tmp_path, GOOD["landmarks"]))
    names = [line[5:19].strip() for line in outcome.out.splitlines()]
    assert (outcome.code, len(names)) == (0, 12), outcome.out
    assert names[:3] == ["declaration", "arguments", "runs"]
    assert names[-3:] == ["worker", "network", "speed"]
    assert "keeps the contract" in outcome.err


def test_the_command_exits_with_2_where_a_check_fails(tmp_path):
    bad = written(tmp_path, BAD["arguments: positional"][0])
    outcome = command.talkbench("check-metric", bad, "--json")
    assert outcome.code == 2
    data = json.loads(outcome.out)
    assert not data["passed"]
    assert [one["name"] for one in data["checks"] if one["state"] == "failed"] == ["arguments"]
    outcome = command.talkbench("check-metric", bad)
    assert outcome.code == 2
    assert "FAIL arguments" in outcome.out
    assert "fails 1 of 2 checks" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("SIMM",), "Did you mean SSIM?"),
        (("none.py:METRIC",), "cannot be loaded"),
        (("SSIM", "--weights", "x=y"), "no weights of that name"),
        (("FID",), "is of a whole set"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_one_line(arguments, words):
    outcome = command.talkbench("check-metric", *arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_weights_reach_every_function_that_asks_for_them(tmp_path):
    file = tmp_path / "weights"
    file.touch()
    bound = given_weights(METRICS["LSE-D"], file)
    assert bound.per_clip.keywords == bound.embed.keywords == {"weights": str(file)}
