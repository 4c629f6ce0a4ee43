"""How far a study is: who came how far, and how often each method has been rated on each clip. No ratings."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .config import Config
from .schema import COMPLETED, DECLINED, FAILED, RATED, READY, Participant, Rating, Slot, Stimulus, Trial

_ACTIVE = 900
"""Seconds in which a rater who has not finished counts as at it."""


@dataclass(frozen=True)
class Status:
    """`flow`: raters who reached each step. `cells`: rated main trials by clip and method. Times in minutes.

    Kept are those who completed, missed no more attention checks than the study allows, and whose videos worked: the
    screens that look at scores wait for the end.
    """

    flow: Mapping[str, int]
    slots: Mapping[str, int]
    methods: tuple[str, ...]
    cells: Mapping[str, Mapping[str, int]]
    active: int
    median_minutes: float | None
    attention_missed: int
    attention_shown: int
    videos_failed: int
    late: int
    ratings: int

    def as_json(self) -> dict[str, object]:
        """Return everything as plain data."""
        return asdict(self)


def status(session: Session, config: Config) -> Status:
    """Count."""
    people = list(session.scalars(select(Participant)))
    missed, shown = _attention(session)
    consented = [person for person in people if person.state != DECLINED]
    completed = [person for person in people if person.state == COMPLETED]
    failed = _failed_share(session)
    screens = config.screens
    kept = [
        person
        for person in completed
        if (screens.attention_failures is False or missed[person.id] <= screens.attention_failures)
        and (screens.technical_failures is False or failed.get(person.id, 0.0) <= screens.technical_failures)
    ]
    durations = [(person.finished - person.entered) / 60 for person in completed if person.finished]
    now = time.time()
    return Status(
        flow={
            "entered": len(people),
            "consented": len(consented),
            "device ok": sum(person.state in (READY, COMPLETED) for person in people),
            "completed": len(completed),
            "kept": len(kept),
        },
        slots=dict(session.execute(select(Slot.state, func.count()).group_by(Slot.state)).all()),
        methods=config.conditions,
        cells=_cells(session, config),
        active=sum(person.finished is None and person.seen > now - _ACTIVE for person in consented),
        median_minutes=round(median(durations), 1) if durations else None,
        attention_missed=sum(missed.values()),
        attention_shown=shown,
        videos_failed=session.scalar(select(func.count()).where(Trial.state == FAILED)) or 0,
        late=sum(person.late for person in people),
        ratings=session.scalar(select(func.count(Rating.id))) or 0,
    )


def _attention(session: Session) -> tuple[Counter[int], int]:
    """Return how many attention checks each participant missed, and how many were answered in all."""
    rows = session.execute(
        select(Trial.participant_id, Trial.id, Stimulus.expected, Rating.score)
        .join(Stimulus, Trial.stimulus_id == Stimulus.id)
        .join(Rating, Rating.trial_id == Trial.id)
        .where(Trial.kind == "attention")
    )
    right: dict[tuple[int, int], bool] = {}
    for participant, trial, expected, score in rows:
        fits = expected is not None and float(expected) == score
        right[participant, trial] = right.get((participant, trial), True) and fits
    missed = Counter(participant for (participant, _), fits in right.items() if not fits)
    return missed, len(right)


def _failed_share(session: Session) -> dict[int, float]:
    counts: dict[int, Counter[str]] = {}
    for participant, state, count in session.execute(
        select(Trial.participant_id, Trial.state, func.count()).group_by(Trial.participant_id, Trial.state)
    ):
        counts.setdefault(participant, Counter())[state] += count
    return {participant: states[FAILED] / states.total() for participant, states in counts.items()}


def _cells(session: Session, config: Config) -> dict[str, dict[str, int]]:
    counted = {
        (clip, method): count
        for clip, method, count in session.execute(
            select(Stimulus.clip, Stimulus.method, func.count())
            .join(Trial, Trial.stimulus_id == Stimulus.id)
            .where(Trial.kind == "main", Trial.state == RATED)
            .group_by(Stimulus.clip, Stimulus.method)
        )
    }
    planned: set[str] = set()
    stimuli = {row.id: row.clip for row in session.scalars(select(Stimulus).where(Stimulus.kind == "video"))}
    for trials in session.scalars(select(Slot.trials)):
        planned |= {stimuli[stimulus] for kind, stimulus in trials if kind == "main"}
    return {
        clip: {method: counted.get((clip, method), 0) for method in config.conditions}
        for clip in sorted(planned | {clip for clip, _ in counted})
    }
