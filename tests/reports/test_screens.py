import numpy as np
import pandas as pd
import pytest

from talkbench.baselines.published import PAPERS
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.study.simulation import Design, published_means, simulate
from talkbench.reports.screens import Rules, bt500, read_rules, rules_of, screen

TRUTH = published_means(PAPERS["msef-2023"])


def by_the_recommendation(y):
    """BT.500-14, A1-2.3.1, one rater and one stimulus at a time."""
    rejected = []
    for own in y:
        p = q = n = 0
        for j, score in enumerate(own):
            if np.isnan(score):
                continue
            n += 1
            column = y[:, j][~np.isnan(y[:, j])]
            mean, sd = column.mean(), column.std()
            if sd == 0:
                continue
            kurtosis = np.mean((column - mean) ** 4) / sd**4
            reach = (2 if 2 <= kurtosis <= 4 else np.sqrt(20)) * sd
            p += score >= mean + reach
            q += score <= mean - reach
        rejected.append(n > 0 and (p + q) / n > 0.05 and abs(p - q) / (p + q) < 0.3)
    return rejected


@pytest.mark.parametrize("seed", range(6))
def test_bt500_by_a_loop(seed):
    rng = np.random.default_rng(seed)
    y = np.clip(np.round(rng.normal(5.5, 0.8, (15, 40))), 1, 10)
    y[:4] = rng.integers(1, 11, (4, 40))
    y[rng.uniform(size=y.shape) < 0.1] = np.nan
    y[:, 7] = 5
    assert bt500(y).tolist() == by_the_recommendation(y)
    assert bt500(y)[:4].any()


def test_bt500_is_not_troubled_by_agreement():
    assert not bt500(np.full((5, 6), 7.0)).any()
    assert not bt500(np.full((5, 6), np.nan)).any()


def test_random_and_constant_raters_are_caught_and_attentive_ones_are_not():
    """10 studies of 24 attentive, 3 random and 3 constant raters; BT.500 alone misses every constant one."""
    caught = {"attentive": 0, "random": 0, "constant": 0}
    bt = {"random": 0, "constant": 0}
    for seed in range(10):
        made = screen(simulate(TRUTH, design=Design(30, 10, repeats=3, random=3, constant=3), seed=seed))
        kinds = {"attentive": made.raters[:24], "random": made.raters[24:27], "constant": made.raters[27:]}
        for kind, raters in kinds.items():
            caught[kind] += sum(bool(made.failed[rater]) for rater in raters)
            if kind in bt:
                bt[kind] += sum("bt500" in made.failed[rater] for rater in raters)
    assert caught["constant"] == 30
    assert caught["random"] >= 28
    assert caught["attentive"] <= 5  # of 240
    assert bt["constant"] == 0
    assert 15 <= bt["random"] < 30


def test_a_correlation_of_a_half_would_leave_out_attentive_raters():
    made = screen(simulate(TRUTH, design=Design(30, 10)), Rules(leave_one_out_r=0.5))
    assert sum("leave_one_out_r" in failed for failed in made.failed.values()) > 5


def test_every_rule():
    ratings = simulate(TRUTH, design=Design(8, 6, repeats=2)).assign(expected=np.nan, seconds=9.0, duration=4.0)
    ratings["score"] = ratings["score"].astype(float)
    row = {"method": "", "kind": "attention", "expected": 4.0, "position": 99}
    checks = [
        row | {"rater": rater, "clip": clip, "scale": scale, "score": score}
        for rater, score in (("r1", 4.0), ("r2", 5.0))
        for clip in ("check-1", "check-2")
        for scale in TRUTH["Ours"]
    ]
    ratings = pd.concat([ratings, pd.DataFrame(checks)], ignore_index=True)
    main = ratings["kind"] == "main"
    ratings.loc[main & (ratings["rater"] == "r3") & ratings["clip"].isin(["c1", "c2"]), "score"] = np.nan
    ratings.loc[main & (ratings["rater"] == "r4"), "score"] = [4.0, 4.0, 4.0, 6.0, 6.0, 6.0] * 12
    first = ratings[main].set_index(["clip", "method", "scale"])["score"]
    again = (ratings["kind"] == "repeat") & (ratings["rater"] == "r5")
    before = ratings[main & (ratings["rater"] == "r5")].set_index(["clip", "method", "scale"])["score"]
    keys = ratings.loc[again, ["clip", "method", "scale"]].itertuples(index=False, name=None)
    ratings.loc[again, "score"] = [before[key] + (4 if before[key] < 6 else -4) for key in keys]
    ratings.loc[ratings["rater"] == "r6", "seconds"] = 3.0
    assert len(first) > 0
    made = screen(ratings)
    assert made.values["attention_failures"][:2].tolist() == [0.0, 2.0]
    assert np.isnan(made.values["attention_failures"][2:]).all()
    assert made.values["technical_failures"][2] == pytest.approx(1 / 3)
    assert made.values["same_on_all_scales"][3] == 1.0
    assert made.values["repeat_difference"][4] == 4.0
    assert made.values["pace"][5] == 0.75
    expected = {
        "r1": (), "r2": ("attention_failures",), "r3": ("technical_failures",), "r5": ("repeat_difference",),
        "r6": ("pace",), "r7": (),
    }  # fmt: skip
    assert {rater: made.failed[rater] for rater in expected} == expected
    assert "same_on_all_scales" in made.failed["r4"]
    assert "r1" in made.kept
    assert "r2" not in made.kept
    lenient = screen(ratings, Rules(attention_failures=None, pace=None, bt500=False))
    assert set(lenient.values) == set(made.values) - {"attention_failures", "pace", "bt500"}
    assert lenient.failed["r2"] == lenient.failed["r6"] == ()


def test_rules_from_a_study_or_a_codebook(tmp_path):
    toml, codebook = tmp_path / "study.toml", tmp_path / "ratings.codebook.json"
    toml.write_text("[screens]\nleave_one_out_r = 0.3\npace = false\nbt500 = false\n", encoding="utf-8")
    codebook.write_text('{"screens": {"leave_one_out_r": 0.3, "pace": false, "bt500": false}}', encoding="utf-8")
    assert read_rules(toml) == read_rules(codebook) == Rules(leave_one_out_r=0.3, pace=None, bt500=False)
    assert "bt500" not in read_rules(toml).signature
    assert rules_of({}) == Rules()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", r"no table \[screens\]"),
        ("[screens", "cannot be read"),
        ("[screens]\nspeed = 1", "speed is no rule. Expected attention_failures"),
        ("[screens]\npace = 'slow'", "expected a number, or false"),
        ("[screens]\npace = nan", "expected a number, or false"),
        ("[screens]\nbt500 = 1", "expected true or false"),
    ],
)
def test_bad_rules(tmp_path, text, message):
    file = tmp_path / "study.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TalkbenchError, match=message):
        read_rules(file)
