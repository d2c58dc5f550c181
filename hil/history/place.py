"""Where the history is: a file of the user's by default, or what a URL says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eegrig.boards.errors import ConfigError
from eegrig.boards.places import state_folder

__all__ = ["DATABASE_VARIABLE", "FILES_VARIABLE", "Place", "find_place"]

DATABASE_VARIABLE = "EEGRIG_HISTORY"
FILES_VARIABLE = "EEGRIG_HISTORY_FILES"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True)
class Place:
    """Where a history is.

    Attributes
    ----------
    url : str or None
        Of a PostgreSQL database, as SQLAlchemy takes it; has the password, if there is one.
    shown : str
        The place for people, without the password.
    file : Path or None
        The SQLite file, which needs no URL.
    files : Path or None
        Folder for the files of runs; None where they are not kept.
    """

    url: str | None
    shown: str
    file: Path | None
    files: Path | None


def find_place(database: str | None = None, files: Path | None = None) -> Place:
    """Return where the history is.

    Parameters
    ----------
    database : str, optional
        A URL, or the path of a SQLite file; by default what ``EEGRIG_HISTORY`` says, or
        ``history.sqlite`` in `boards.places.state_folder`.
    files : Path, optional
        Folder for the files of runs; by default what ``EEGRIG_HISTORY_FILES`` says, or one beside
        a SQLite file.

    Raises
    ------
    ConfigError
        If it is a URL that names no SQLite file and no PostgreSQL database.
    """
    asked = database or os.environ.get(DATABASE_VARIABLE) or None
    of_variable = os.environ.get(FILES_VARIABLE)
    folder = files or (Path(of_variable) if of_variable else None)
    if folder is not None:
        folder = folder.expanduser().absolute()
    if asked is None or "://" not in asked:
        file = Path(asked) if asked else state_folder() / "history.sqlite"
        return _sqlite(file, folder)
    return _from_url(asked, folder)


def _from_url(asked: str, folder: Path | None) -> Place:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(asked)
    except (ArgumentError, ValueError):
        # What was given may have a password in it.
        raise ConfigError(
            "the database's URL cannot be read; write postgresql://USER@HOST/DATABASE, or the path "
            "of a SQLite file"
        ) from None
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:" or url.query:
            raise ConfigError(
                "the database's URL names no file: write sqlite:///history.sqlite, or its path"
            )
        return _sqlite(Path(url.database), folder)
    if url.drivername not in _POSTGRESQL:
        raise ConfigError(
            f"a history is kept in SQLite or PostgreSQL, not in {url.drivername}; write "
            "postgresql://USER@HOST/DATABASE, or the path of a SQLite file"
        )
    url = url.set(drivername="postgresql+psycopg")
    shown = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    return Place(url.render_as_string(hide_password=False), shown, None, folder)


def _sqlite(file: Path, folder: Path | None) -> Place:
    file = file.expanduser().absolute()
    return Place(None, str(file), file, folder or file.with_suffix(".files"))
