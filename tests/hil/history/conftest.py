"""A history on SQLite and one on PostgreSQL: what holds for one holds for the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from eegrig.hil.history.place import Place, find_place

from .postgresql import PASSWORD, Server, running

_NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def no_history_of_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EEGRIG_HISTORY", "EEGRIG_HISTORY_FILES", "EEGRIG_DEBUG", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The server: one for all tests of a process, up when the first of them asks."""
    with running() as server:
        server.sql("postgres", f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
        yield server


@pytest.fixture
def server(postgresql: Server) -> Iterator[Server]:
    """The server for tests that stop it: it runs again afterwards."""
    yield postgresql
    if not postgresql.is_up:
        postgresql.start()


@pytest.fixture
def database(postgresql: Server) -> Iterator[str]:
    """Name of a new, empty database on the server."""
    name = f"history_{next(_NUMBERS)}"
    postgresql.sql("postgres", f"CREATE DATABASE {name}")
    yield name
    postgresql.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a history is that is not there yet."""
    if request.param == "sqlite":
        return find_place(str(tmp_path / "history.sqlite"))
    server = request.getfixturevalue("postgresql")
    database = request.getfixturevalue("database")
    return find_place(server.url(database), tmp_path / "files")
