"""A history that is open: read from in one moment, written to whole or not at all."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from eegrig.boards.errors import ConfigError, OutputError
from eegrig.boards.whole_file import whole_files
from eegrig.hil.history.errors import HistoryError, lost_connection, told
from eegrig.hil.history.schema import OURS, Schema, revision_of, tables_in_the_way, upgrade

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from eegrig.hil.history.place import Place

__all__ = ["History", "open_history"]

T = TypeVar("T")

_WAIT_S = 30
"""How long a writer waits for another one."""
_CONNECT_S = 10
_PAUSE_S = 1.0
"""Before a write whose connection was lost is tried again: a server that restarts needs some."""
_LOCK = 0x_EE6_0814
"""PostgreSQL's advisory lock for changing the schema: any number, the same in every eegrig."""


class History:
    """A history that is open.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    place : Place
    """

    def __init__(self, engine: Engine, place: Place) -> None:
        self.place = place
        postgresql = {} if place.file else {"isolation_level": "REPEATABLE READ"}
        self._reader = engine.execution_options(**postgresql)
        self._writer = engine.execution_options(writes=True)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees the history as it is at one moment.

        Raises
        ------
        EegrigError
            If the database cannot be read, in one line.
        """
        with told(self.place.shown), Session(self._reader) as session:
            yield session

    def write(self, work: Callable[[Session], T]) -> T:
        """Do all of `work` in one transaction, or nothing of it.

        It is done once more where the connection was lost, or another writer was first with the
        same rows; `work` has to find out itself what is there already.

        Parameters
        ----------
        work : callable
            Takes the session.

        Raises
        ------
        EegrigError
            If it cannot be done, in one line.
        """
        with told(self.place.shown):
            try:
                return self._once(work)
            except DBAPIError as error:
                if lost_connection(error):
                    time.sleep(_PAUSE_S)
                elif not isinstance(error, IntegrityError):
                    raise
            return self._once(work)

    def _once(self, work: Callable[[Session], T]) -> T:
        with Session(self._writer) as session, session.begin():
            return work(session)


@contextlib.contextmanager
def open_history(
    place: Place,
    *,
    create: bool = False,
    schema: Schema = OURS,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[History]:
    """Open a history; one of an earlier schema is brought to the one of today.

    A SQLite file is copied before: ``history.schema-0001.sqlite`` beside ``history.sqlite``.

    Parameters
    ----------
    place : Place
    create : bool
        Whether to begin one where there is none.
    schema : Schema
    tell : callable
        Takes a line about what was done to the database.

    Yields
    ------
    History

    Raises
    ------
    HistoryError
        If there is none, its schema is of a later eegrig, or it is somebody else's database.
    EegrigError
        If it cannot be reached or read.
    """
    if place.file is not None:
        _check_file(place.file, create=create)
    engine = _engine(place)
    try:
        with told(place.shown):
            _make_current(engine, place, schema, create=create, tell=tell)
        yield History(engine, place)
    finally:
        engine.dispose()


def _check_file(file: Path, *, create: bool) -> None:
    if file.exists() and not file.is_file():
        raise ConfigError(f"{file} is no file: name a SQLite file with --database")
    if file.exists():
        return
    if not create:
        raise _none_yet(str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {file.parent}: {error.strerror or error}") from error


def _none_yet(shown: str) -> HistoryError:
    return HistoryError(f"{shown}: there is no history yet; `eegrig history add DIR` begins one")


def _engine(place: Place) -> Engine:
    if place.file is not None:
        return _sqlite_engine(place.file)
    assert place.url is not None
    try:
        return create_engine(
            place.url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": _CONNECT_S,
                "application_name": "eegrig history",
                "options": f"-c lock_timeout={_WAIT_S}s",
            },
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{place.shown}: {error.name} is not installed; pip install 'eegrig[postgresql]'"
        ) from error


def _sqlite_engine(file: Path) -> Engine:
    # Put together, not written: a name may have what means something in a URL.
    url = URL.create("sqlite", database=str(file))
    engine = create_engine(url, connect_args={"timeout": _WAIT_S})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        # A writer that began as a reader could not wait for another one
        # (https://www.sqlite.org/lang_transaction.html).
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_current(
    engine: Engine,
    place: Place,
    schema: Schema,
    *,
    create: bool,
    tell: Callable[[str], None],
) -> None:
    with engine.connect() as connection:
        found = _checked(connection, place, schema)
    if found == schema.head:
        return
    if found is None and not create:
        raise _none_yet(place.shown)
    if place.file is not None and found is None:
        _write_ahead(place.file)
    with engine.execution_options(writes=True).begin() as connection:
        if place.file is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _checked(connection, place, schema)  # another process may have been first
        if found == schema.head:
            return
        copy = None
        if found is not None and place.file is not None:
            copy = place.file.with_name(f"{place.file.stem}.schema-{found}{place.file.suffix}")
            _copy(place.file, copy)
        upgrade(connection, schema)
    if found is not None:
        kept = "" if copy is None else f"; as it was it is in {copy}"
        tell(f"{place.shown} went from schema {found} to {schema.head}{kept}")


def _checked(connection: Connection, place: Place, schema: Schema) -> str | None:
    """Return the schema of a database that is ours, or can be."""
    found = revision_of(connection)
    if found is not None and found not in schema.revisions:
        raise HistoryError(
            f"{place.shown} has schema {found}, this eegrig knows {schema.head} and before: use a "
            "newer eegrig"
        )
    if found is None and (others := tables_in_the_way(connection)):
        raise HistoryError(
            f"{place.shown} is no history, and has a table {others[0]} of somebody else's: name "
            "another with --database"
        )
    return found


def _write_ahead(file: Path) -> None:
    """Let readers and a writer of a new file not wait for each other; the file keeps it."""
    # A file system that cannot do it leaves the journal as it was: https://www.sqlite.org/wal.html
    with (
        contextlib.closing(sqlite3.connect(file, timeout=_WAIT_S)) as connection,
        contextlib.suppress(sqlite3.OperationalError),
    ):
        connection.execute("PRAGMA journal_mode = WAL")


def _copy(file: Path, copy: Path) -> None:
    try:
        with (
            whole_files(copy) as (fresh,),
            contextlib.closing(sqlite3.connect(file)) as of,
            contextlib.closing(sqlite3.connect(fresh)) as to,
        ):
            of.backup(to)
    except sqlite3.Error as error:
        raise OutputError(f"cannot copy {file} to {copy} before it is changed: {error}") from error
