"""A run's folder into the history: checked first, then written whole."""

from __future__ import annotations

import contextlib
import getpass
import math
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import insert, select

from eegrig.hil.figures.catalogue import expect
from eegrig.hil.figures.results import FILE_NAME, Results, ResultsError
from eegrig.hil.history.errors import HistoryError
from eegrig.hil.history.files import FileStore, RunFile, files_of
from eegrig.hil.history.tables import FigureRow, FileRow, RunRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from eegrig.boards.figures import Catalogue
    from eegrig.hil.history.database import History

__all__ = ["Added", "NewRun", "add_run", "read_run", "somebody"]

_LARGEST = 2**63 - 1
"""What a database's integers hold."""


@dataclass(frozen=True)
class NewRun:
    """A run that may go into the history.

    Attributes
    ----------
    directory : Path or None
        Where its files are.
    run : dict
        The row of the run, but for its number and when it is added.
    figures : list of dict
    files : list of RunFile
    """

    directory: Path | None
    run: dict[str, Any]
    figures: list[dict[str, Any]]
    files: list[RunFile]


@dataclass(frozen=True)
class Added:
    """What became of it.

    Attributes
    ----------
    run_id : int
    is_new : bool
        False if the history had it already; then nothing was changed.
    n_kept : int
        Files whose contents are kept.
    """

    run_id: int
    is_new: bool
    n_kept: int


def read_run(
    directory: Path,
    catalogue: Catalogue,
    *,
    board: str | None = None,
    rig: str | None = None,
    commit: str | None = None,
    who: str | None = None,
) -> NewRun:
    """Read a finished run, and make sure that it may go into the history.

    Parameters
    ----------
    directory : Path
    catalogue : Catalogue
        The figures there are.
    board : str, optional
        The board that it has to be of.
    rig : str, optional
        By default the run's bench.
    commit : str, optional
        Of the firmware's sources.
    who : str, optional
        By default `somebody`.

    Raises
    ------
    ResultsError, HistoryError
        If it may not.
    """
    path = directory / FILE_NAME
    results = Results.load(directory)
    if board is not None and results.board != board:
        raise HistoryError(f"{path} is of the board {results.board}, not of {board}: nothing added")
    files = files_of(directory)
    for figure in results.figures:
        try:
            expect(catalogue, figure.name, figure.unit)
        except ResultsError as error:
            raise HistoryError(f"{path}: {error}") from error
    run = _row(results, path, schema=_schema_of(path))
    run |= {
        "rig": _one_line(rig, "rig") or results.bench,
        "commit": _one_line(commit, "commit"),
        "who": _one_line(who, "who") or somebody(),
    }
    figures = [_figure_row(results, position) for position in range(len(results.figures))]
    _refuse_what_no_database_keeps(path, [run, *figures])
    return NewRun(directory, run, figures, files)


def add_run(history: History, new: NewRun, *, keep_files: bool = True) -> Added:
    """Put a run into the history: all of it, or nothing.

    Raises
    ------
    EegrigError
        If it cannot be written.
    """
    store = None
    if keep_files and new.directory is not None and history.place.files is not None:
        store = FileStore(history.place.files)
    added_at = datetime.now(UTC)
    with store.adding() if store is not None else contextlib.nullcontext():
        if store is not None and new.directory is not None:
            for file in new.files:
                store.keep(new.directory / file.path, file.sha256)
        kept = store is not None
        run_id, since = history.write(lambda session: _write(session, new, added_at, kept=kept))
    is_new = since == added_at
    return Added(run_id, is_new, len(new.files) if is_new and kept else 0)


def somebody() -> str:
    """Return who runs this, as far as the computer knows: ``USER@HOST``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _write(
    session: Session, new: NewRun, added_at: datetime, *, kept: bool
) -> tuple[int, datetime]:
    """Write a run unless it is there; return its number, and when it was added."""
    there = session.execute(
        select(RunRow.id, RunRow.added_at).where(
            RunRow.digest == new.run["digest"], RunRow.started_at == new.run["started_at"]
        )
    ).one_or_none()
    if there is not None:
        return there.id, there.added_at
    row = insert(RunRow).values(**new.run, added_at=added_at).returning(RunRow.id)
    run_id = session.scalars(row).one()
    if new.figures:
        session.execute(insert(FigureRow), [{"run_id": run_id, **row} for row in new.figures])
    if new.files:
        session.execute(
            insert(FileRow),
            [
                {
                    "run_id": run_id,
                    "path": file.path,
                    "sha256": file.sha256,
                    "size_bytes": file.size_bytes,
                    "kept": kept,
                }
                for file in new.files
            ],
        )
    return run_id, added_at


def _schema_of(path: Path) -> int:
    """Return the schema of a results file that was read before."""
    return int(msgspec.json.decode(path.read_bytes())["schema"])


def _row(results: Results, path: Path, *, schema: int) -> dict[str, Any]:
    firmware = results.firmware
    if firmware is None and results.stopped is None:
        raise HistoryError(
            f"{path} (schema {schema}) does not say which firmware ran, so that no run can be "
            "compared with it: run again"
        )
    runtime = None if results.runtime is None else msgspec.to_builtins(results.runtime)
    return {
        "digest": results.digest(),
        "started_at": _moment(results.started_at, path, schema),
        "board": results.board,
        "board_title": results.board_title,
        "bench": results.bench,
        "firmware_version": None if firmware is None else firmware.version,
        "image_hash": None if firmware is None else firmware.image_hash,
        "expected_hash": None if firmware is None else firmware.expected_hash,
        "runtime": runtime,
        "instruments": None,  # a virtual bench has none
        "conditions": dict(results.link),
        "seed": results.seed,
        "signal": results.signal,
        "verdict": results.verdict,
        "exit_code": results.exit_code,
        "part_of": results.part_of,
        "stopped": None if results.stopped is None else results.stopped.reason,
        "eegrig_version": version("eegrig"),
        "results_schema": schema,
    }


def _moment(started_at: str | None, path: Path, schema: int) -> datetime:
    if started_at is None:
        raise HistoryError(
            f"{path} (schema {schema}) does not say when the run began, so that it has no place in "
            "a history: run again"
        )
    try:
        moment = datetime.fromisoformat(started_at)
    except ValueError:
        raise HistoryError(f"{path}: {started_at!r} is no time in ISO 8601: run again") from None
    if moment.tzinfo is None:
        raise HistoryError(f"{path}: the time {started_at} has no time zone: run again")
    return moment.astimezone(UTC)


def _figure_row(results: Results, position: int) -> dict[str, Any]:
    figure = results.figures[position]
    return {
        "position": position,
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "uncertainty": figure.uncertainty,
        "n": figure.n,
        "verdict": figure.verdict,
        "limit_value": figure.limit,
        "kind": figure.kind,
        "provenance": figure.provenance,
        "flags": msgspec.to_builtins(figure.flags),
        "conditions": dict(figure.conditions),
        "reason": figure.reason,
        "note": figure.note,
    }


def _one_line(words: str | None, what: str) -> str | None:
    if words is not None and not words.isprintable():
        raise HistoryError(f"{what} {words!r} is not one line of words")
    return words


def _refuse_what_no_database_keeps(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Refuse what SQLite and PostgreSQL keep differently, or not at all; nowhere else is asked.

    SQLite makes NULL of NaN, PostgreSQL keeps it; PostgreSQL has no place for the character 0.
    """
    for row in rows:
        for name, value in row.items():
            wrong = _unkeepable(value)
            if wrong:
                whose = f"figure {row['name']}: " if "position" in row else ""
                raise HistoryError(f"{path}: {whose}{name} {wrong}: run again")


def _unkeepable(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, which is no number"
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        return f"is {value}, which is larger than a database keeps"
    if isinstance(value, str) and "\0" in value:
        return "has a character 0"
    if isinstance(value, Mapping):
        return next(filter(None, map(_unkeepable, [*value, *value.values()])), "")
    return ""
