"""The tables of a study's database. Times are seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

FREE, CLAIMED, DONE = "free", "claimed", "done"
"""States of a slot."""
CONSENTED, READY, COMPLETED, SCREENED_OUT, DECLINED = "consented", "ready", "completed", "screened-out", "declined"
"""States of a participant: ready is who has passed the device check."""
PENDING, SHOWN, RATED, FAILED = "pending", "shown", "rated", "failed"
"""States of a trial: failed is a video that did not work."""


class Base(DeclarativeBase):
    """The base of all tables."""


class Study(Base):
    """The study as it was built; one row."""

    __tablename__ = "study"
    id: Mapped[int] = mapped_column(primary_key=True)
    config: Mapped[str]
    config_sha256: Mapped[str]
    version: Mapped[str]
    built: Mapped[float]


class Stimulus(Base):
    """One video that raters can be shown. `file` is opaque; attention and check items say what answer they expect."""

    __tablename__ = "stimulus"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    clip: Mapped[str]
    method: Mapped[str]
    file: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str]
    source: Mapped[str]
    source_sha256: Mapped[str]
    duration: Mapped[float]
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    expected: Mapped[str | None]


class Slot(Base):
    """One place in the study: the stimuli of its trials in their order, as (kind, stimulus)."""

    __tablename__ = "slot"
    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(unique=True)
    trials: Mapped[list[tuple[str, int]]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default=FREE, index=True)
    participant_id: Mapped[int | None] = mapped_column(ForeignKey("participant.id", ondelete="SET NULL"))


class Participant(Base):
    """A rater. `label` is random and the only name that leaves the database; `external` is a keyed hash."""

    __tablename__ = "participant"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(unique=True)
    external: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    parameters: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    state: Mapped[str]
    consent_sha256: Mapped[str | None]
    resume: Mapped[str] = mapped_column(unique=True)
    device: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    check_attempts: Mapped[int] = mapped_column(Integer, default=0)
    read_instructions: Mapped[bool] = mapped_column(default=False)
    late: Mapped[bool] = mapped_column(default=False)
    code: Mapped[str | None]
    entered: Mapped[float]
    seen: Mapped[float]
    finished: Mapped[float | None]
    trials: Mapped[list[Trial]] = relationship(order_by="Trial.position", viewonly=True)


class Login(Base):
    """A browser that belongs to a participant, by the SHA-256 of its cookie."""

    __tablename__ = "login"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"), index=True)


class Trial(Base):
    """One video for one participant. `token` is all that the browser learns of it."""

    __tablename__ = "trial"
    __table_args__ = (UniqueConstraint("participant_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str]
    stimulus_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id"), index=True)
    token: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=PENDING)
    retry: Mapped[bool] = mapped_column(default=False)
    playback: Mapped[dict[str, object] | None] = mapped_column(JSON)
    shown: Mapped[float | None]
    rated: Mapped[float | None]
    stimulus: Mapped[Stimulus] = relationship()
    ratings: Mapped[list[Rating]] = relationship(viewonly=True)


class Rating(Base):
    """One score. Never changed once it is stored."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("trial_id", "scale"), CheckConstraint("score BETWEEN 0 AND 100"))
    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id", ondelete="CASCADE"))
    scale: Mapped[str]
    score: Mapped[float]


class Event(Base):
    """What happened, in the order in which it did; only ever appended to."""

    __tablename__ = "event"
    __table_args__ = (Index("event_of_participant", "participant_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int | None] = mapped_column(ForeignKey("participant.id", ondelete="CASCADE"))
    at: Mapped[float]
    kind: Mapped[str]
    data: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
