"""An ablation over seeds: its means, spreads and differences are what they are said to be."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_results import results
from scipy import stats

from talkbench.bench.errors import TalkbenchError
from talkbench.reports.reproduction import Heard, Question, pooled, reproduction
from talkbench.reports.reproduction_formats import FORMATS, accuracy

CLIPS = {f"clip {number}": "happy" for number in range(8)}
MSEF = Question("MSEF", "Ours", "Ours w/o MSEF", ("F-LMD", "M-LMD"))
HEARD = Heard(0, ("angry", "happy"), ((3, 1), (0, 4)), ((30, 10), (5, 35)))


def runs(seeds=3):
    """One run per seed; Ours is better by an amount that depends on the clip and on the seed."""
    made = []
    for seed in range(seeds):
        run = results({"Ours w/o MSEF": lambda face: face, "Ours": lambda face: face}, CLIPS)
        clips = run.clips.copy()
        number = clips["clip"].str[-1].astype(int)
        ours = clips["method"] == "Ours"
        clips["F-LMD"] = 2.0 + 0.1 * number - ours * (0.3 + 0.02 * number + 0.05 * seed)
        clips["M-LMD"] = 3.0 + 0.1 * number + ours * (0.01 * (-1) ** number)
        made.append(replace(run, clips=clips))
    return made


def made(seeds=3, heard=(HEARD,)):
    return reproduction(runs(seeds), range(seeds), [MSEF], heard, [("Profile", "ci")], ["A note."])


def test_a_clips_value_is_its_mean_over_the_seeds():
    mean = pooled(runs()).clips.set_index(["method", "clip"])
    assert mean.loc[("Ours", "clip 3"), "F-LMD"] == pytest.approx(2.3 - (0.36 + 0.05))
    one = runs(1)[0]
    assert pooled([one]).clips["F-LMD"].tolist() == one.clips.sort_values(["method", "clip"])["F-LMD"].tolist()


def test_a_value_that_one_seed_lacks_is_missing_and_not_the_mean_of_the_others():
    broken = runs()
    broken[1].clips.loc[0, "F-LMD"] = np.nan
    name = tuple(broken[1].clips.loc[0, ["method", "clip"]])
    mean = pooled(broken).clips.set_index(["method", "clip"])
    assert np.isnan(mean.loc[name, "F-LMD"])
    assert mean["F-LMD"].isna().sum() == 1


def test_differences_spread_and_students_interval_agree_with_scipy():
    answer, other = made().answers
    each = [-(0.3 + 0.02 * 3.5 + 0.05 * seed) for seed in range(3)]
    assert answer.by_seed == pytest.approx(each)
    assert answer.comparison.paired.difference == pytest.approx(np.mean(each))
    expected = stats.t.interval(0.95, 2, np.mean(each), stats.sem(each))
    assert (answer.seed_low, answer.seed_high) == pytest.approx(expected)
    assert answer.comparison.ci_high < 0
    assert other.comparison.ci_low < 0 < other.comparison.ci_high
    spread = made().spreads[1]
    assert spread.method == "Ours"
    assert spread.deviation(0) == pytest.approx(np.std(each, ddof=1))


def test_one_seed_has_no_interval_over_seeds():
    answer = made(1).answers[0]
    assert answer.seed_low is None
    assert made(1).spreads[0].deviation(0) is None


def test_runs_on_other_clips_are_refused():
    one, other = runs(2)
    fewer = replace(other, clips=other.clips.iloc[1:])
    with pytest.raises(TalkbenchError, match="Run 2 of 2 is not on the same rows and clips"):
        pooled([one, fewer])


def test_the_page_says_measured_and_reported_and_carries_the_signature():
    reproduced = made()
    for printed in FORMATS.values():
        text = printed(reproduced)
        assert reproduced.signature.partition("|")[0] in text
        assert "33.32" in text, "the paper's PSNR of Ours"
        assert "cannot be compared" in text or printed is FORMATS["tex"]
    assert "reported" in FORMATS["md"](reproduced)
    data = json.loads(FORMATS["json"](reproduced))
    assert data["differences"][0]["by_seed"] == pytest.approx(list(reproduced.answers[0].by_seed))
    assert data["emotions"][0]["clips"]["accuracy"] == pytest.approx(7 / 8)


def test_accuracy_is_the_share_of_the_diagonal():
    assert accuracy(HEARD.frames) == pytest.approx(65 / 80)
    assert accuracy(((0, 0), (0, 0))) is None
