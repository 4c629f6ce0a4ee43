"""Orders and slots: every cell once, balanced, no clip twice in a row, the same for the same seed."""

from collections import Counter
from itertools import pairwise

import made_study
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkbench.bench.study.config import parse
from talkbench.bench.study.design import plan_slots, williams


@pytest.mark.parametrize("n", range(2, 12))
def test_a_williams_square_is_balanced_in_position_and_carry_over(n):
    rows = williams(n)
    assert len(rows) == (n if n % 2 == 0 else 2 * n)
    assert all(sorted(row) == list(range(n)) for row in rows)
    for place in range(n):
        assert set(Counter(row[place] for row in rows).values()) == {len(rows) // n}
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert len(follows) == n * (n - 1)
    assert len(set(follows.values())) == 1


def config(methods, per_rater, clips, raters, repeats, gap, order, seed):
    text = made_study.configuration(
        count=clips, per_rater=per_rater, raters=raters, repeats=repeats, repeat_gap=gap, order=order, seed=seed
    )
    start, end = text.index("[methods]"), text.index("[clips]")
    names = "\n".join(f'm{number} = "m{number}"' for number in range(methods))
    return parse(f"{text[:start]}[methods]\n{names}\n\n{text[end:]}", "test")


@st.composite
def designs(draw):
    methods, per_rater = draw(st.integers(1, 5)), draw(st.integers(2, 8))
    trials = (methods + 1) * per_rater
    gap = draw(st.integers(1, max(1, trials // 2)))
    repeats = draw(st.integers(0, max(0, min(3, trials - gap - 1))))
    return config(
        methods,
        per_rater,
        per_rater + draw(st.integers(0, 4)),
        draw(st.integers(1, 13)),
        repeats,
        gap,
        draw(st.sampled_from(["balanced", "random"])),
        draw(st.integers(0, 1000)),
    )


@given(designs(), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_slot_holds_every_cell_once_and_the_extras_where_they_belong(config, attention):
    clips = [f"c{number}" for number in range(config.clips.count)]
    items = [f"attention-{number}" for number in range(attention)]
    training = [(clips[0], config.conditions[0])]
    slots = plan_slots(config, clips, training, items)
    assert slots == plan_slots(config, clips, training, items)
    assert len(slots) == config.design.raters
    for slot in slots:
        kinds = [trial.kind for trial in slot]
        assert kinds[0] == "training"
        assert kinds.count("training") == 1
        main = [(trial.clip, trial.method) for trial in slot if trial.kind == "main"]
        own = {clip for clip, _ in main}
        assert len(own) == config.clips.per_rater
        assert Counter(main) == Counter((clip, method) for clip in own for method in config.conditions)
        shown = [trial for trial in slot if trial.kind in ("main", "repeat")]
        repeats = [at for at, trial in enumerate(shown) if trial.kind == "repeat"]
        assert len(repeats) == config.design.repeats
        for at in repeats:
            cell = (shown[at].clip, shown[at].method)
            first = next(i for i, trial in enumerate(shown) if (trial.clip, trial.method) == cell)
            assert at - first > config.design.repeat_gap
        assert sorted(trial.clip for trial in slot if trial.kind == "attention") == sorted(items)
        assert "attention" not in (kinds[1], kinds[-1])
        if len(own) >= 3:
            assert not any(a.clip == b.clip and "repeat" not in (a.kind, b.kind) for a, b in pairwise(shown))


@given(designs())
@settings(max_examples=40, deadline=None)
def test_any_number_of_first_slots_shows_every_cell_about_as_often_as_any_other(config):
    clips = [f"c{number}" for number in range(config.clips.count)]
    seen = Counter({(clip, method): 0 for clip in clips for method in config.conditions})
    for slot in plan_slots(config, clips, [], []):
        seen.update((trial.clip, trial.method) for trial in slot if trial.kind == "main")
        assert max(seen.values()) - min(seen.values()) <= 2


def test_within_blocks_each_method_follows_every_other_equally_often():
    made = config(3, 8, 8, 24, 0, 1, "balanced", 5)
    follows, places = Counter(), Counter()
    for slot in plan_slots(made, [f"c{number}" for number in range(8)], [], []):
        for start in range(0, len(slot), 4):
            block = [trial.method for trial in slot[start : start + 4]]
            follows.update(pairwise(block))
            places.update(enumerate(block))
    assert set(follows.values()) == {24 * 8 // 4}
    assert len(follows) == 12
    assert set(places.values()) == {24 * 8 // 4}


def test_another_seed_gives_other_orders():
    clips = [f"c{number}" for number in range(4)]
    one, two = (plan_slots(config(2, 4, 4, 3, 0, 1, "balanced", seed), clips, [], []) for seed in (1, 2))
    assert one != two
