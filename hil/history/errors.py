"""What goes wrong with a database, told in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from eegrig.boards.errors import ConfigError, EegrigError, InfrastructureError, OutputError

__all__ = ["HistoryError", "lost_connection", "told"]


class HistoryError(ConfigError):
    """Something cannot go into the history, or be had from it."""


# https://www.sqlite.org/rescode.html: what each code is about; extended codes begin with these.
_SQLITE: tuple[tuple[str, type[EegrigError], str], ...] = (
    (
        "SQLITE_FULL",
        OutputError,
        "cannot write {place}: no room is left on the disk; make room, or name another with "
        "--database",
    ),
    (
        "SQLITE_BUSY",
        InfrastructureError,
        "{place} is in use by another process that does not end: try again later",
    ),
    (
        "SQLITE_NOTADB",
        ConfigError,
        "{place} is no history: it is not a SQLite file; name another with --database",
    ),
    (
        "SQLITE_CORRUPT",
        ConfigError,
        "{place} is damaged: put a copy of it in its place, or name another with --database",
    ),
    (
        "SQLITE_READONLY",
        OutputError,
        "cannot write {place}: it is read-only; name another with --database",
    ),
    (
        "SQLITE_CANTOPEN",
        OutputError,
        "cannot open {place}: see that its folder is there and yours to write to",
    ),
    (
        "SQLITE_IOERR",
        OutputError,
        "cannot read or write {place}: the disk reports an error",
    ),
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL: dict[str, tuple[type[EegrigError], str]] = {
    "28P01": (
        InfrastructureError,
        "{place} refuses the password: give the right one in --database, PGPASSWORD or ~/.pgpass",
    ),
    "3D000": (
        InfrastructureError,
        "{place}: there is no such database on the server; have it made (createdb)",
    ),
    "42501": (
        InfrastructureError,
        "{place} does not let this user do that: have the rights granted, or name another user",
    ),
    "53100": (
        InfrastructureError,
        "{place}: no room is left on the server's disk; make room there, then try again",
    ),
    "53300": (
        InfrastructureError,
        "{place} has too many connections: try again later",
    ),
    "55P03": (
        InfrastructureError,
        "{place} is in use by another process that does not end: try again later",
    ),
}

# A connection that comes to nothing has no SQLSTATE in psycopg 3.3, only the server's words.
_REFUSALS = (
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("does not exist", "3D000"),
    ("too many clients", "53300"),
)


@contextmanager
def told(place: str) -> Iterator[None]:
    """Let what goes wrong with a database in the block be one of eegrig's errors.

    Parameters
    ----------
    place : str
        The database, as a user knows it; without a password.

    Raises
    ------
    HistoryError, ConfigError, OutputError
        If the file or the URL is wrong.
    InfrastructureError
        If the server cannot be reached, or does not do what is asked.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise _of(error, place) from error


def lost_connection(error: BaseException) -> bool:
    """Tell whether the server, or the way to it, went away."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _of(error: SQLAlchemyError, place: str) -> EegrigError:
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorname", "")
        for beginning, kind, words in _SQLITE:
            if code.startswith(beginning):
                return kind(words.format(place=place))
        return ConfigError(f"{place} does not answer as a history does: {_line(cause)}")
    if cause is not None:
        state = getattr(cause, "sqlstate", None) or _refusal(str(cause))
        if state in _POSTGRESQL:
            kind, words = _POSTGRESQL[state]
            return kind(words.format(place=place))
        return InfrastructureError(f"{place} cannot be reached, or fails: {_line(cause)}")
    return InfrastructureError(f"{place} fails: {_line(error)}")


def _refusal(words: str) -> str | None:
    return next((state for said, state in _REFUSALS if said in words), None)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
