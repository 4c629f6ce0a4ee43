"""A rater's way through the study: what they are shown next is decided by the database alone.

Every function takes an open transaction. Whatever a browser sends twice (a double click, a replayed request, a second
tab) is answered as it was the first time and stored once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from .config import Config, digest
from .schema import (
    CLAIMED,
    COMPLETED,
    CONSENTED,
    DECLINED,
    DONE,
    FAILED,
    FREE,
    PENDING,
    RATED,
    READY,
    SCREENED_OUT,
    SHOWN,
    Event,
    Login,
    Participant,
    Rating,
    Slot,
    Stimulus,
    Trial,
)

Page = Literal["instructions", "check", "trial", "completed", "screened-out", "declined"]
COVERAGE = 0.95
"""Share of a video that must have been played, and of its length that must have passed, before it can be rated."""
_ABSENT = 60.0
"""Seconds between two notes of when a participant was last seen."""


class RefusedError(Exception):
    """A request that cannot be accepted as it is; the message is for the rater."""


@dataclass(frozen=True)
class Arrival:
    """Who comes by the link, as a keyed hash of their number or of their consent form; how, and for which visit."""

    external: str
    source: str
    parameters: Mapping[str, str]


def pseudonym(secret: bytes, external_id: str) -> str:
    """Return a keyed hash of a recruiting platform's number for a rater, or of a consent form's."""
    return hmac.new(secret, f"rater|{external_id}".encode(), hashlib.sha256).hexdigest()


def enter(session: Session, config: Config, arrival: Arrival, *, agreed: bool) -> tuple[Participant, str] | None:
    """Register who answered the consent form, or find them again; None where no place is left.

    Returns the participant and a new secret for the browser's cookie. A participant by the same link keeps their place.
    """
    now = time.time()
    known = session.scalar(select(Participant).where(Participant.external == arrival.external).with_for_update())
    if known is not None and known.state != DECLINED:
        _note(session, known, "returned")
        return known, _log_in(session, known)
    if not agreed:
        participant = known or _new(session, arrival, DECLINED, now)
        return participant, _log_in(session, participant)
    slot = _claim(session, config, now)
    if slot is None:
        return None
    participant = known or _new(session, arrival, CONSENTED, now)
    participant.state, participant.seen = CONSENTED, now
    participant.consent_sha256 = digest(config.consent)
    slot.state, slot.participant_id = CLAIMED, participant.id
    session.add_all(
        Trial(
            participant_id=participant.id,
            position=position,
            kind=kind,
            stimulus_id=stimulus,
            token=secrets.token_urlsafe(16),
        )
        for position, (kind, stimulus) in enumerate(slot.trials)
    )
    _note(session, participant, "consented", slot=slot.seq)
    return participant, _log_in(session, participant)


def _new(session: Session, arrival: Arrival, state: str, now: float) -> Participant:
    participant = Participant(
        label=f"r{secrets.token_hex(4)}",
        external=arrival.external,
        source=arrival.source,
        parameters=dict(arrival.parameters),
        state=state,
        resume=secrets.token_urlsafe(16),
        entered=now,
        seen=now,
    )
    session.add(participant)
    session.flush()
    return participant


def _claim(session: Session, config: Config, now: float) -> Slot | None:
    """Take the lowest free slot; first give up those of raters who have not been seen for long."""
    overdue = session.scalars(
        select(Slot)
        .join(Participant, Slot.participant_id == Participant.id)
        .where(Slot.state == CLAIMED, Participant.seen < now - config.design.release_hours * 3600)
        .with_for_update(skip_locked=True, of=Slot)
    ).all()
    for slot in overdue:
        release(session, slot)
    session.flush()
    return session.scalar(
        select(Slot).where(Slot.state == FREE).order_by(Slot.seq).limit(1).with_for_update(skip_locked=True)
    )


def release(session: Session, slot: Slot) -> None:
    """Offer a slot again. Who held it may go on; their data are kept and marked as late."""
    if slot.participant_id is not None:
        session.execute(update(Participant).where(Participant.id == slot.participant_id).values(late=True))
    slot.state, slot.participant_id = FREE, None


def _log_in(session: Session, participant: Participant) -> str:
    cookie = secrets.token_urlsafe(32)
    session.add(Login(sha256=digest(cookie), participant_id=participant.id))
    return cookie


def log_in_by_link(session: Session, resume: str) -> str | None:
    """Return a new cookie for the participant of a personal link; None where it is nobody's."""
    participant = session.scalar(select(Participant).where(Participant.resume == resume))
    if participant is None:
        return None
    _note(session, participant, "returned")
    return _log_in(session, participant)


def who(session: Session, cookie: str | None) -> Participant | None:
    """Return the participant whose cookie this is."""
    if not cookie:
        return None
    return session.scalar(
        select(Participant).join(Login, Login.participant_id == Participant.id).where(Login.sha256 == digest(cookie))
    )


def page_of(session: Session, participant: Participant) -> tuple[Page, Sequence[Trial]]:
    """Return what a participant is shown next; if it is a trial, this and the one after it."""
    if participant.state == COMPLETED:
        return "completed", ()
    if participant.state == SCREENED_OUT:
        return "screened-out", ()
    if participant.state == DECLINED:
        return "declined", ()
    if not participant.read_instructions:
        return "instructions", ()
    if participant.state == CONSENTED:
        return "check", ()
    trials = _upcoming(session, participant, 2)
    if not trials:
        raise RuntimeError(f"participant {participant.label}: has no trial left, and is not completed")
    return "trial", trials


def _upcoming(session: Session, participant: Participant, count: int) -> Sequence[Trial]:
    """Return the first trials that are still to be answered."""
    return session.scalars(
        select(Trial)
        .where(Trial.participant_id == participant.id, Trial.state.in_((PENDING, SHOWN)))
        .order_by(Trial.position)
        .limit(count)
    ).all()


def progress(session: Session, participant: Participant) -> tuple[int, int]:
    """Return how many trials are answered, and how many there are."""
    counts = session.execute(
        select(Trial.state, func.count()).where(Trial.participant_id == participant.id).group_by(Trial.state)
    )
    by_state = dict(counts.all())
    return by_state.get(RATED, 0) + by_state.get(FAILED, 0), sum(by_state.values())


def show(session: Session, trial: Trial) -> None:
    """Note that a trial is on the screen: from now on its video's length must pass before it can be rated."""
    session.execute(
        update(Trial).where(Trial.id == trial.id, Trial.state == PENDING).values(state=SHOWN, shown=time.time())
    )
    touch(session, trial.participant_id)


def touch(session: Session, participant_id: int) -> None:
    """Note that a participant is there."""
    now = time.time()
    session.execute(
        update(Participant).where(Participant.id == participant_id, Participant.seen < now - _ABSENT).values(seen=now)
    )


def read_instructions(session: Session, participant: Participant) -> None:
    """Note that the instructions were read."""
    if not participant.read_instructions:
        participant.read_instructions = True
        _note(session, participant, "read-instructions")


def check_clip(session: Session, participant: Participant) -> Stimulus:
    """Return the device check's clip for a participant's next attempt."""
    clips = list(session.scalars(select(Stimulus).where(Stimulus.kind == "check").order_by(Stimulus.id)))
    return clips[(participant.id + participant.check_attempts) % len(clips)]


def answer_check(
    session: Session, config: Config, participant: Participant, answer: str, device: Mapping[str, object]
) -> None:
    """Judge the device check. Raises RefusedError where there are attempts left; screens out where there are none."""
    if participant.state != CONSENTED:
        return
    expected = check_clip(session, participant).expected
    width = device.get("width")
    fits = isinstance(width, int) and width >= config.device.min_width
    played = _played(device, minimum=0.0)
    participant.check_attempts += 1
    participant.device = dict(device)
    if answer == expected and fits and played is None:
        participant.state = READY
        _note(session, participant, "device-ok", attempts=participant.check_attempts)
        return
    _note(session, participant, "device-failed", answer=answer, reason=played or ("" if fits else "window"))
    if participant.check_attempts >= config.device.attempts:
        participant.state, participant.finished = SCREENED_OUT, time.time()
        slot = session.scalar(select(Slot).where(Slot.participant_id == participant.id))
        if slot is not None:
            slot.state, slot.participant_id = FREE, None
        _note(session, participant, "screened-out")


def rate(
    session: Session,
    config: Config,
    participant: Participant,
    token: str,
    scores: Mapping[str, str],
    playback: Mapping[str, object],
) -> None:
    """Store a trial's ratings, once. Raises RefusedError where they are incomplete or the video was not watched."""
    trial = session.scalar(select(Trial).where(Trial.token == token, Trial.participant_id == participant.id))
    if trial is None:
        raise RefusedError("This video belongs to another session.")
    if trial.state in (RATED, FAILED):
        return
    now = time.time()
    read = {scale.id: _score(scores.get(scale.id), scale.low, scale.high, scale.name) for scale in config.scales}
    length = trial.stimulus.duration
    if trial.shown is None or now - trial.shown < COVERAGE * length:
        raise RefusedError("Please watch the video to its end before you rate it.")
    problem = _played(playback, minimum=length)
    if problem is not None:
        raise RefusedError("Please watch the video to its end before you rate it.")
    changed = session.execute(
        update(Trial)
        .where(Trial.id == trial.id, Trial.state == SHOWN)
        .values(state=RATED, rated=now, playback=dict(playback))
        .returning(Trial.id)
    ).all()
    if not changed:  # another tab was faster: its ratings stand
        return
    session.add_all(Rating(trial_id=trial.id, scale=scale, score=score) for scale, score in read.items())
    session.flush()
    participant.seen = now
    if not _upcoming(session, participant, 1):
        _complete(session, config, participant)


def _score(text: str | None, low: int, high: int, name: str) -> int:
    if text is None or not text.isdecimal() or not low <= int(text) <= high:
        raise RefusedError(f"Please choose a number from {low} to {high} for “{name}”.")
    return int(text)


def _played(playback: Mapping[str, object], *, minimum: float) -> str | None:
    """Say what speaks against a video having been watched at its own pace, with its picture; None if nothing does."""

    def number(name: str) -> float:
        value = playback.get(name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0

    if number("videoWidth") <= 0 or number("frames") <= 0:
        return "picture"
    if number("covered") < COVERAGE:
        return "coverage"
    if number("wall") < COVERAGE * minimum:
        return "pace"
    return None


def fail(
    session: Session, config: Config, participant: Participant, token: str, playback: Mapping[str, object]
) -> None:
    """Note that a video did not work. It comes once more at the end; if it fails again, its ratings are missing."""
    trial = session.scalar(select(Trial).where(Trial.token == token, Trial.participant_id == participant.id))
    if trial is None:
        raise RefusedError("This video belongs to another session.")
    changed = session.execute(
        update(Trial)
        .where(Trial.id == trial.id, Trial.state.in_((PENDING, SHOWN)))
        .values(state=FAILED, playback=dict(playback))
        .returning(Trial.id)
    ).all()
    if not changed:
        return
    _note(session, participant, "video-failed", position=trial.position)
    if not trial.retry:
        last = session.scalar(select(func.max(Trial.position)).where(Trial.participant_id == participant.id)) or 0
        session.add(
            Trial(
                participant_id=participant.id,
                position=last + 1,
                kind=trial.kind,
                stimulus_id=trial.stimulus_id,
                token=secrets.token_urlsafe(16),
                retry=True,
            )
        )
        session.flush()
    if not _upcoming(session, participant, 1):
        _complete(session, config, participant)


def _complete(session: Session, config: Config, participant: Participant) -> None:
    """Close a participant's study, now that the database holds every rating of every video that worked."""
    rated = select(Trial.id).where(Trial.participant_id == participant.id, Trial.state == RATED)
    trials = session.scalar(select(func.count()).select_from(rated.subquery())) or 0
    scores = session.scalar(select(func.count(Rating.id)).where(Rating.trial_id.in_(rated)))
    if scores != trials * len(config.scales):
        raise RuntimeError(f"participant {participant.label}: {scores} scores for {trials} rated videos")
    participant.state, participant.finished = COMPLETED, time.time()
    participant.code = config.recruiting.completed or secrets.token_hex(4).upper()
    slot = session.scalar(select(Slot).where(Slot.participant_id == participant.id))
    if slot is not None:
        slot.state = DONE
    _note(session, participant, "completed")


def _note(session: Session, participant: Participant, kind: str, **data: object) -> None:
    session.add(Event(participant_id=participant.id, at=time.time(), kind=kind, data=data))
