"""Histories as databases: of any schema, beside other writers, on servers that come and go."""

from __future__ import annotations

import math
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.orm import Session

from eegrig.boards.errors import ConfigError, EegrigError, InfrastructureError, OutputError
from eegrig.hil.history import database
from eegrig.hil.history.database import History, open_history
from eegrig.hil.history.errors import HistoryError
from eegrig.hil.history.place import Place, find_place
from eegrig.hil.history.query import list_runs
from eegrig.hil.history.record import add_run
from eegrig.hil.history.schema import OURS, Schema
from eegrig.hil.history.tables import FigureRow, RunRow, Table

from .postgresql import PASSWORD, Server
from .runs import add, folder, read, results

LATER = '''"""A step that a later eegrig takes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("weather", sa.String))
'''


@pytest.fixture
def later(tmp_path: Path) -> Schema:
    """The schema of a later eegrig."""
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "r0002_weather.py").write_text(LATER, encoding="utf-8")
    return Schema((*OURS.revisions, "0002"), (*OURS.folders, steps))


def counts(place: Place) -> tuple[int, int]:
    """Return how many runs and figures anybody sees."""
    with open_history(place) as history, history.reading() as session:
        runs = session.scalar(select(func.count()).select_from(RunRow))
        figures = session.scalar(select(func.count()).select_from(FigureRow))
    return runs or 0, figures or 0


# ---- the schema


def test_the_steps_make_the_tables_that_the_code_has(place: Place) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    options = {"version_table": "eegrig_history", "compare_type": True}
    with open_history(place, create=True) as history, history.reading() as session:
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, Table.metadata) == []


def test_the_last_step_is_the_schema_of_today() -> None:
    steps = sorted(path.stem for path in OURS.folders[0].glob("r*.py"))
    assert [step.partition("_")[0] for step in steps] == [f"r{name}" for name in OURS.revisions]


def test_a_history_of_an_earlier_schema_is_brought_to_the_one_of_today(
    place: Place, later: Schema, tmp_path: Path
) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path)
    said: list[str] = []
    with (
        open_history(place, schema=later, tell=said.append) as history,
        history.reading() as session,
    ):
        assert [run.seed for run in list_runs(session)] == [0]
        weather = session.connection().exec_driver_sql("SELECT weather FROM runs")
        assert weather.all() == [(None,)]
    assert len(said) == 1
    assert "went from schema 0001 to 0002" in said[0]


def test_a_sqlite_file_is_copied_before_its_schema_changes(tmp_path: Path, later: Schema) -> None:
    place = find_place(str(tmp_path / "history.sqlite"))
    with open_history(place, create=True) as history:
        add(history, tmp_path)
    with open_history(place, schema=later):
        pass
    copy = find_place(str(tmp_path / "history.schema-0001.sqlite"))
    assert counts(copy) == (1, 3)


def test_a_step_that_fails_leaves_the_history_as_it_was(
    place: Place, later: Schema, tmp_path: Path
) -> None:
    broken = later.folders[1] / "r0002_weather.py"
    broken.write_text(LATER + '    op.execute("SELECT nothing_of_the_kind")\n', encoding="utf-8")
    with open_history(place, create=True) as history:
        add(history, tmp_path)
    with pytest.raises(EegrigError, match="nothing_of_the_kind"), open_history(place, schema=later):
        pass
    assert counts(place) == (1, 3)


def test_a_schema_from_the_future_is_refused(place: Place, later: Schema) -> None:
    with open_history(place, create=True, schema=later):
        pass
    with pytest.raises(HistoryError, match=r"has schema 0002, .* use a newer eegrig"):
        counts(place)


def test_tables_of_somebody_elses_are_left_alone(place: Place) -> None:
    with open_history(place, create=True) as history:
        history.write(lambda session: _execute(session, "DROP TABLE eegrig_history"))
    assert "no history, and has a table figures of somebody" in refusal(place, HistoryError)


def _execute(session: Session, statement: str) -> None:
    session.connection().exec_driver_sql(statement)


def test_looking_at_a_history_that_is_not_there_makes_none(place: Place) -> None:
    with pytest.raises(HistoryError, match="there is no history yet; `eegrig history add DIR`"):
        counts(place)
    assert place.file is None or not place.file.exists()


# ---- why NaN is refused before it gets here


def test_databases_make_different_things_of_nan(place: Place) -> None:
    with open_history(place, create=True) as history:

        def write(session: Session) -> list[object]:
            session.add(bare_run())
            session.flush()
            columns = ("run_id", "position", "name", "value", "unit", "n", "provenance", "flags")
            row = dict(zip(columns, (1, 0, "x", math.nan, "1", 0, "simulated", {}), strict=True))
            session.execute(insert(FigureRow).values(**row, conditions={}, reason="", note=""))
            return list(session.scalars(select(FigureRow.value)))

        (found,) = history.write(write)
    assert found is None if place.file else math.isnan(found)


# ---- two writers


def test_two_writers_at_once_lose_nothing(place: Place, tmp_path: Path) -> None:
    n_each = 8
    runs = [[read(folder(tmp_path / f"{w}-{n}", results(100 * w + n))) for n in range(n_each)]
            for w in range(2)]  # fmt: skip
    failures: list[BaseException] = []

    def write(mine: int) -> None:
        try:
            with open_history(place, create=True) as history:
                for run in runs[mine]:
                    add_run(history, run)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(mine,)) for mine in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert counts(place) == (2 * n_each, 2 * n_each * 3)


def test_two_who_add_the_same_run_at_once_leave_one(place: Place, tmp_path: Path) -> None:
    run = read(folder(tmp_path / "run", results()))
    with open_history(place, create=True) as first, open_history(place) as second:
        barrier = threading.Barrier(2)
        added = []

        def write(history: History) -> None:
            barrier.wait()
            added.append(add_run(history, run))

        writers = [threading.Thread(target=write, args=(history,)) for history in (first, second)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert sorted(one.is_new for one in added) == [False, True]
    assert counts(place) == (1, 3)


def test_a_reader_sees_one_moment_while_others_write(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path, 0)
        with history.reading() as session:
            assert len(list_runs(session)) == 1
            add(history, tmp_path, 1)
            assert len(list_runs(session)) == 1
        assert counts(place) == (2, 6)


# ---- what breaks off


def test_nothing_of_a_write_that_breaks_off_is_visible(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path, 0)

        def half(session: Session) -> None:
            session.add(bare_run())
            session.flush()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            history.write(half)
    assert counts(place) == (1, 3)


def bare_run() -> RunRow:
    now = datetime.now(UTC)
    return RunRow(
        **dict.fromkeys(("board_title", "bench", "rig", "signal", "who", "eegrig_version"), ""),
        digest="0" * 64,
        started_at=now,
        added_at=now,
        board="b",
        seed=1,
        conditions={},
        verdict="pass",
        exit_code=0,
        results_schema=3,
    )


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PAUSE_S", 0.0)


@pytest.fixture
def on_server(server: Server, database: str, tmp_path: Path) -> Place:
    return find_place(server.url(database), tmp_path / "files")


def in_mid_write(history: History, what: Callable[[], object]) -> None:
    """Do something once, when a run is written and its figures are not."""
    done = []

    @event.listens_for(history._writer, "before_cursor_execute")
    def _act(_connection, _cursor, statement, *_rest):
        if statement.startswith("INSERT INTO figures") and not done:
            done.append(statement)
            what()


def test_a_connection_that_is_lost_in_mid_write_is_made_again(
    on_server: Place, server: Server, tmp_path: Path, no_pause: None
) -> None:
    with open_history(on_server, create=True) as history:
        in_mid_write(
            history,
            lambda: server.sql(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'eegrig history'",
            ),
        )
        assert add(history, tmp_path).is_new
    assert counts(on_server) == (1, 3)


def test_a_server_that_comes_back_in_time_gets_the_whole_run(
    on_server: Place, server: Server, tmp_path: Path, no_pause: None
) -> None:
    with open_history(on_server, create=True) as history:
        in_mid_write(history, lambda: (server.stop(), server.start()))
        assert add(history, tmp_path).is_new
    assert counts(on_server) == (1, 3)


def test_of_a_server_that_stays_away_nothing_half_is_left(
    on_server: Place, server: Server, tmp_path: Path, no_pause: None
) -> None:
    with open_history(on_server, create=True) as history:
        add(history, tmp_path, 0)
        in_mid_write(history, server.stop)
        with pytest.raises(InfrastructureError, match="cannot be reached, or fails") as told:
            add(history, tmp_path, 1)
        assert "\n" not in str(told.value)
    server.start()
    assert counts(on_server) == (1, 3)


def test_a_server_that_restarts_between_two_transactions_is_not_noticed(
    on_server: Place, server: Server, tmp_path: Path
) -> None:
    with open_history(on_server, create=True) as history:
        add(history, tmp_path, 0)
        server.stop("fast")
        server.start()
        with history.reading() as session:
            assert len(list_runs(session)) == 1
        add(history, tmp_path, 1)
    assert counts(on_server) == (2, 6)


# ---- wrong places


def refusal(place: Place, kind: type[EegrigError] = InfrastructureError) -> str:
    with pytest.raises(kind) as told, open_history(place, create=True):
        pass
    assert told.type.exit_code == kind.exit_code
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    place = find_place(f"postgresql://ada:secret@/history?host={tmp_path}")
    said = refusal(place)
    assert "postgresql://ada:***@/history cannot be reached" in said
    assert "secret" not in said


def test_a_wrong_password_is_one_line(postgresql: Server, database: str) -> None:
    wrong = postgresql.url(database, "guest:wrong")
    assert "refuses the password" in refusal(find_place(wrong))


def test_no_password_where_one_is_asked_is_one_line(postgresql: Server, database: str) -> None:
    assert "refuses the password" in refusal(find_place(postgresql.url(database, "guest")))


def test_a_user_without_rights_is_one_line(postgresql: Server, database: str) -> None:
    right = postgresql.url(database, f"guest:{PASSWORD.replace(' ', '%20')}")
    assert "does not let this user do that" in refusal(find_place(right))


def test_a_database_that_is_not_there_is_one_line(postgresql: Server) -> None:
    assert "no such database" in refusal(find_place(postgresql.url("nothing")))


def test_a_file_that_is_no_database_is_one_line_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("what I thought of it\n" * 100, encoding="utf-8")
    assert "is not a SQLite file" in refusal(find_place(str(path)), ConfigError)
    assert path.read_text(encoding="utf-8").startswith("what I thought")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "is no file" in refusal(find_place(str(tmp_path)), ConfigError)


@pytest.mark.parametrize("name", ["a?b.sqlite", "a#b%41 c.sqlite", "ä.db", "plain"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    place = find_place(str(tmp_path / name))
    with open_history(place, create=True) as history:
        add(history, tmp_path / "runs")
    assert counts(place) == (1, 3)
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://ada@host/history", "not in mysql"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://ada@host:port/history", "cannot be read"),
    ],
)
def test_a_url_that_names_no_history_is_one_line(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        find_place(url)


# ---- no room


def test_a_full_disk_leaves_the_history_as_it_was(tmp_path: Path) -> None:
    place = find_place(str(tmp_path / "history.sqlite"))
    with open_history(place, create=True) as history:
        add(history, tmp_path, 0)

        @event.listens_for(history._writer, "begin")
        def _no_room(connection):
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        added = [0]

        def fill() -> None:
            while len(added) < 100:
                add(history, tmp_path, len(added))
                added.append(len(added))

        with pytest.raises(OutputError, match="no room is left on the disk"):
            fill()
    assert counts(place) == (len(added), 3 * len(added))
    with sqlite3.connect(place.file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_full_disk_of_the_server_leaves_the_history_as_it_was(
    on_server: Place, tmp_path: Path
) -> None:
    with open_history(on_server, create=True) as history:
        add(history, tmp_path, 0)
        # What the server says where it has no room, from a place that we can make it say so.
        history.write(lambda session: _execute(session, NO_ROOM))
        with pytest.raises(InfrastructureError, match="no room is left on the server's disk"):
            add(history, tmp_path, 1)
        assert counts(on_server) == (1, 3)


NO_ROOM = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON figures FOR EACH ROW EXECUTE FUNCTION no_room();
"""


def test_no_room_for_the_files_adds_no_run(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with open_history(place, create=True) as history:
        monkeypatch.setattr(shutil, "copyfile", full)
        with pytest.raises(OutputError, match="No space left"):
            add(history, tmp_path)
        monkeypatch.undo()
        assert counts(place) == (0, 0)
        assert add(history, tmp_path / "again").is_new
