"""`talkbench study forget`: delete what is known of a rater, and offer their place again."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..errors import TalkbenchError
from .build import SECRET
from .flow import pseudonym
from .schema import FREE, Participant, Slot


def forget(session: Session, study: Path, *, label: str | None = None, number: str | None = None) -> str:
    """Delete a rater, named by their label or by the recruiting platform's number; return the label.

    Ratings, playbacks, events and log-ins go with them. Raises TalkbenchError where there is no such rater.
    """
    chosen = (
        Participant.label == label
        if number is None
        else Participant.external == pseudonym((study / SECRET).read_bytes(), number)
    )
    person = session.scalar(select(Participant).where(chosen))
    if person is None:
        raise TalkbenchError(f"{study}: knows no rater {number or label!r}. Labels are in an export's column rater.")
    for slot in session.scalars(select(Slot).where(Slot.participant_id == person.id)).all():
        slot.state, slot.participant_id = FREE, None
    session.flush()
    session.delete(person)
    return person.label
