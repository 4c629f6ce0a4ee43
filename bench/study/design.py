"""Who sees what, in which order: balanced slots, drawn with a seed before the first rater comes.

A rater sees `per_rater` clips, each under every method. Trials run in blocks that hold every method once, in an order
that is a row of a Williams square (Williams 1949): over the rows each method follows every other equally often. Each
(method, clip) comes once, and no clip twice in a row where that can be had. Any number of first slots is balanced
as far as it can be: raters are given the lowest slot that is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from .config import Config

Kind = Literal["training", "main", "repeat", "attention"]
Cell = tuple[str, str]
"""(clip, method)"""
Rng = np.random.Generator
_TRIES = 400


@dataclass(frozen=True)
class Planned:
    """One trial. An attention item has no method; its clip is its own name."""

    kind: Kind
    clip: str
    method: str


def williams(n: int) -> list[list[int]]:
    """Return the rows of a Williams square of `n` treatments: n rows where n is even, 2n where it is odd.

    >>> williams(4)
    [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    """
    first = [0]
    for step in range(1, n):
        first.append((first[-1] + (step if step % 2 else -step)) % n)
    rows = [[(value + row) % n for value in first] for row in range(n)]
    return rows if n % 2 == 0 else rows + [row[::-1] for row in rows]


def plan_slots(
    config: Config, clips: Sequence[str], training: Sequence[Cell], attention: Sequence[str]
) -> list[list[Planned]]:
    """Return the trials of every slot. `training` are the practice cells, `attention` the names of attention items."""
    design, methods = config.design, config.conditions
    sets = _clip_sets(clips, config.clips.per_rater, design.raters, np.random.default_rng([config.seed, 1]))
    slots = []
    for number, chosen in enumerate(sets):
        rng = np.random.default_rng([config.seed, 2, number])
        main = _main(design.order, chosen, methods, number * len(chosen), rng)
        trials = [Planned("main", clip, method) for clip, method in main]
        trials = _with_repeats(trials, design.repeats, design.repeat_gap, rng)
        trials = _with_attention(trials, attention, rng)
        practice = [Planned("training", clip, method) for clip, method in training]
        slots.append(practice + trials)
    return slots


def _clip_sets(clips: Sequence[str], size: int, slots: int, rng: Rng) -> list[list[str]]:
    """Deal clips to slots like cards: every clip is dealt as often as any other, plus or minus one."""
    deck: list[str] = []
    sets: list[list[str]] = []
    for _ in range(slots):
        hand: list[str] = []
        while len(hand) < size:
            deck = deck or [clips[i] for i in rng.permutation(len(clips))]
            index = next((i for i, clip in enumerate(deck) if clip not in hand), None)
            if index is None:  # what is left of the deck is in this hand already: shuffle a new deck under it
                deck += [clips[i] for i in rng.permutation(len(clips))]
                continue
            hand.append(deck.pop(index))
        sets.append(hand)
    return sets


def _main(
    order: Literal["balanced", "random"], clips: Sequence[str], methods: Sequence[str], first_row: int, rng: Rng
) -> list[Cell]:
    """Order every (clip, method) with as few clips twice in a row as can be found."""
    rows = williams(len(methods))
    best: list[Cell] = []
    fewest = len(clips) * len(methods) + 1
    for _ in range(_TRIES):
        blocks = [[methods[i] for i in rows[(first_row + int(k)) % len(rows)]] for k in rng.permutation(len(clips))]
        sequence = [method for block in blocks for method in block]
        if order == "random":
            sequence = [sequence[i] for i in rng.permutation(len(sequence))]
        cells = _with_clips(sequence, clips, rng)
        again = sum(a[0] == b[0] for a, b in pairwise(cells))
        if again < fewest:
            best, fewest = cells, again
        if fewest == 0:
            break
    return best


def _with_clips(sequence: Sequence[str], clips: Sequence[str], rng: Rng) -> list[Cell]:
    """Give every method's occurrences the clips in turn: one that waits longest, and not the one just shown."""
    left = {method: [clips[i] for i in rng.permutation(len(clips))] for method in sequence}
    waiting = dict.fromkeys(clips, 0)
    cells: list[Cell] = []
    for method in sequence:
        mine = left[method]
        choice = [clip for clip in mine if not cells or clip != cells[-1][0]] or mine
        clip = min(choice, key=lambda clip: waiting[clip])
        mine.remove(clip)
        waiting[clip] += 1
        cells.append((clip, method))
    return cells


def _with_repeats(trials: list[Planned], count: int, gap: int, rng: Rng) -> list[Planned]:
    """Show `count` of the trials again, at least `gap` trials later."""
    if not count:
        return trials
    candidates = rng.permutation(len(trials) - gap)[:count]
    for trial in [trials[i] for i in sorted(candidates, reverse=True)]:
        again = Planned("repeat", trial.clip, trial.method)
        places = list(range(trials.index(trial) + gap + 1, len(trials) + 1))
        apart = [
            place
            for place in places
            if trials[place - 1].clip != again.clip and (place == len(trials) or trials[place].clip != again.clip)
        ]
        trials.insert(int(rng.choice(apart or places)), again)
    return trials


def _with_attention(trials: list[Planned], items: Sequence[str], rng: Rng) -> list[Planned]:
    """Spread the attention items, never first or last."""
    count = len(trials)
    for number, item in reversed(list(enumerate(items))):
        share = (number + 1) / (len(items) + 1) + float(rng.uniform(-0.3, 0.3)) / (len(items) + 1)
        trials.insert(min(max(round(share * count), 1), count - 1), Planned("attention", item, ""))
    return trials
