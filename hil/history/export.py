"""The history as a file: all of it as JSON, or figures as a table."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from eegrig.boards.whole_file import whole_files
from eegrig.hil.history.errors import HistoryError
from eegrig.hil.history.query import only
from eegrig.hil.history.tables import FigureRow, FileRow, RunRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from eegrig.hil.history.query import Point
    from eegrig.hil.history.tables import Table

__all__ = ["ENDINGS", "export", "plain_facts", "plain_point", "plain_run"]

ENDINGS = (".csv", ".jsonl")
_AT_A_TIME = 100
_RUN = [column.key for column in RunRow.__table__.columns]
_OF_A_RUN = ("run_id",)
_FIGURE = [column.key for column in FigureRow.__table__.columns if column.key not in _OF_A_RUN]
_FILE = [column.key for column in FileRow.__table__.columns if column.key not in _OF_A_RUN]
_IN_THE_TABLE = [name for name in _RUN if name not in ("runtime", "instruments", "conditions")]


def export(
    session: Session, path: Path, *, board: str | None = None, rig: str | None = None
) -> int:
    """Write runs into a file, the first that was added first, and return how many they are.

    Parameters
    ----------
    session : sqlalchemy.orm.Session
    path : Path
        ``.jsonl`` for a line of JSON for each run, with everything; ``.csv`` for a row of each
        figure, without what has no place in a table.
    board, rig : str, optional
        Only of these.

    Raises
    ------
    HistoryError
        If the name ends otherwise.
    OutputError
        If it cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise HistoryError(f"{path}: let the name end in {' or '.join(ENDINGS)}")
    wanted = (
        select(RunRow)
        .where(*only(board, rig))
        .order_by(RunRow.id)
        .options(selectinload(RunRow.figures), selectinload(RunRow.files))
        .execution_options(yield_per=_AT_A_TIME)
    )
    n_runs = 0
    as_lines = _table_lines if path.suffix == ".csv" else _json_lines
    with whole_files(path) as (fresh,), fresh.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            file.write(_row([*(f"run_{name}" for name in _IN_THE_TABLE), *_table_columns()]))
        for run in session.scalars(wanted):
            n_runs += 1
            file.writelines(as_lines(run))
    return n_runs


def plain_run(run: RunRow) -> dict[str, Any]:
    """Return a run with its figures and files as plain data."""
    return {
        **_plain(run, _RUN),
        "figures": [_plain(figure, _FIGURE) for figure in run.figures],
        "files": [_plain(file, _FILE) for file in run.files],
    }


def plain_facts(run: RunRow) -> dict[str, Any]:
    """Return a run without its figures and files as plain data."""
    return _plain(run, _RUN)


def plain_point(point: Point) -> dict[str, Any]:
    """Return a figure of one run as plain data."""
    return {**dataclasses.asdict(point), "started_at": point.started_at.isoformat()}


def _json_lines(run: RunRow) -> Iterator[str]:
    yield msgspec.json.encode(plain_run(run)).decode() + "\n"


def _table_columns() -> list[str]:
    return [name for name in _FIGURE if name != "position"]


def _table_lines(run: RunRow) -> Iterator[str]:
    of_run = list(_plain(run, _IN_THE_TABLE).values())
    for figure in run.figures:
        row = _plain(figure, _table_columns())
        for name in ("flags", "conditions"):
            row[name] = msgspec.json.encode(row[name]).decode()
        yield _row([*of_run, *row.values()])


def _row(values: list[Any]) -> str:
    text = io.StringIO()
    # `repr` of a number is read back to the bit.
    csv.writer(text, lineterminator="\n").writerow(
        [repr(value) if isinstance(value, float) else value for value in values]
    )
    return text.getvalue()


def _plain(row: Table, names: list[str]) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in names}
    return {
        name: value.isoformat() if name.endswith("_at") else value for name, value in found.items()
    }
