"""Who sees what, in which order: balanced slots, drawn with a seed before the first rater comes.

A rater sees `per_rater` clips, each under every method. Trials run in blocks that hold every method once, in an order
that is a row of a Williams square (Williams 1949): over the rows each method follows every other equally often. Clips
rotate, so that each (method, clip) comes once and no clip comes twice in a row. Any number of first slots is balanced
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
        main = (
            _balanced(chosen, methods, number * len(chosen), rng)
            if design.order == "balanced"
            else _random(chosen, methods, rng)
        )
        trials = [Planned("main", clip, method) for clip, method in main]
        trials = _with_repeats(trials, design.repeats, design.repeat_gap, rng)
        trials = _with_attention(trials, attention, rng)
        practice = [Planned("training", clip, method) for clip, method in training]
        slots.append(practice + trials)
    return slots


def _clip_sets(clips: Sequence[str], size: int, slots: int, rng: np.random.Generator) -> list[list[str]]:
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


def _balanced(clips: Sequence[str], methods: Sequence[str], first_row: int, rng: np.random.Generator) -> list[Cell]:
    """Order every (clip, method) in blocks of all methods; as few clips twice in a row as can be found."""
    rows, k = williams(len(methods)), len(clips)
    best: list[Cell] = []
    fewest = len(clips) * len(methods) + 1
    for _ in range(_TRIES):
        shuffled = [clips[i] for i in rng.permutation(k)]
        offsets = rng.permutation(max(k, len(methods)))[: len(methods)]
        blocks = rng.permutation(k)
        cells = [
            (shuffled[(block + int(offsets[method])) % k], methods[method])
            for block in range(k)
            for method in rows[(first_row + int(blocks[block])) % len(rows)]
        ]
        again = sum(a[0] == b[0] for a, b in pairwise(cells))
        if again < fewest:
            best, fewest = cells, again
        if fewest == 0:
            break
    return best


def _random(clips: Sequence[str], methods: Sequence[str], rng: np.random.Generator) -> list[Cell]:
    """Order every (clip, method) at random, drawing the next from the other clips where there are any."""
    left = [(clip, method) for clip in clips for method in methods]
    cells: list[Cell] = []
    while left:
        counts = {clip: sum(cell[0] == clip for cell in left) for clip in clips}
        allowed = [cell for cell in left if not cells or cell[0] != cells[-1][0]] or left
        # a clip that makes up half of what is left must come now, or it will have to follow itself
        pressing = [cell for cell in allowed if 2 * counts[cell[0]] > len(left)]
        pool = pressing or allowed
        cell = pool[int(rng.integers(len(pool)))]
        left.remove(cell)
        cells.append(cell)
    return cells


def _with_repeats(trials: list[Planned], count: int, gap: int, rng: np.random.Generator) -> list[Planned]:
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


def _with_attention(trials: list[Planned], items: Sequence[str], rng: np.random.Generator) -> list[Planned]:
    """Spread the attention items, never first or last."""
    count = len(trials)
    for number, item in reversed(list(enumerate(items))):
        share = (number + 1) / (len(items) + 1) + float(rng.uniform(-0.3, 0.3)) / (len(items) + 1)
        trials.insert(min(max(round(share * count), 1), count - 1), Planned("attention", item, ""))
    return trials
