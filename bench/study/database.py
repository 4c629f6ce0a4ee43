"""The connection to a study's database: SQLite beside the study, or whatever STUDY_DATABASE_URL names.

SQLite runs with a write-ahead log and full synchronisation, so that what was acknowledged survives a loss of power, and
every transaction that writes begins with BEGIN IMMEDIATE, so that none fails halfway for another one's lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from ..errors import TalkbenchError
from .config import Config, parse
from .schema import Base, Study

FILE = "study.db"
VARIABLE = "STUDY_DATABASE_URL"
_CONNECTIONS = 48
"""Starlette serves up to 40 requests at once; each needs one connection."""


def address(study: Path) -> str:
    """Return the URL of a study's database."""
    return os.environ.get(VARIABLE) or f"sqlite:///{(study / FILE).absolute()}"


class Database:
    """An open database. Use `reading()` and `writing()`: each is one transaction."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            self.engine = create_engine(parsed, pool_size=_CONNECTIONS, max_overflow=0, pool_pre_ping=True)
        except (ArgumentError, ImportError, SQLAlchemyError) as error:
            raise TalkbenchError(
                f"{VARIABLE}: cannot be used ({error}). Expected such as postgresql://user@host/name; "
                "PostgreSQL needs `pip install 'psycopg[binary]'`."
            ) from error
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        self._writing = self.engine.execution_options(talkbench_writes=True)
        self.name = parsed.database if self.is_sqlite else parsed.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that writes; it is committed at the end of the block."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def create(self) -> None:
        """Create the tables."""
        Base.metadata.create_all(self._writing)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:  # noqa: ANN401  # sqlite3's, wrapped
        connection.isolation_level = None  # transactions begin where we say, not where sqlite3 guesses
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begins(connection: Connection) -> None:
        writes = connection.get_execution_options().get("talkbench_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def opened(study: Path) -> Iterator[Database]:
    """Open the database of a study that was built. Raises TalkbenchError where there is none."""
    url = address(study)
    if url.startswith("sqlite:") and not (study / FILE).is_file():
        raise TalkbenchError(f"{study}: holds no study database. Run `talkbench study build {study}` first.")
    database = Database(url)
    try:
        with database.reading() as session:
            built = session.get(Study, 1)
    except DBAPIError as error:
        database.close()
        reason = str(error.orig).strip().splitlines()[0]
        raise TalkbenchError(
            f"{database.name}: cannot be used ({reason}). Check {VARIABLE}, or run `talkbench study build {study}`."
        ) from error
    if built is None:
        database.close()
        raise TalkbenchError(f"{database.name}: holds no study. Run `talkbench study build {study}` first.")
    try:
        yield database
    finally:
        database.close()


def built_config(session: Session) -> Config:
    """Return the configuration as it was when the study was built."""
    return parse(session.get_one(Study, 1).config, "the study's database")
