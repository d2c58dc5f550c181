"""What is asked of the history: runs, and one figure from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from eegrig.hil.figures.figure import Figure
from eegrig.hil.history.tables import FigureRow, RunRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "Point",
    "boards_with",
    "figure_names",
    "figure_of",
    "find_run",
    "list_runs",
    "only",
    "series",
]


@dataclass(frozen=True)
class Point:
    """A figure as one run had it.

    Attributes
    ----------
    run_id : int
    started_at : datetime
        In UTC.
    value : float
        In `unit`.
    uncertainty : float or None
    unit : str
    verdict : str or None
        ``"inconclusive"`` where something was wrong while it was taken.
    flags : mapping
        What was wrong, as in `hil.figures.verdict.Flags`; empty where all was right.
    limit, kind
        The board's target at the time, or None.
    conditions : mapping
    provenance : str
    seed : int
    signal : str
    rig : str
    firmware_version, image_hash, commit : str or None
        Of the firmware that ran.
    """

    run_id: int
    started_at: datetime
    value: float
    uncertainty: float | None
    unit: str
    verdict: str | None
    flags: Mapping[str, Any]
    limit: float | None
    kind: str | None
    conditions: Mapping[str, Any]
    provenance: str
    seed: int
    signal: str
    rig: str
    firmware_version: str | None
    image_hash: str | None
    commit: str | None


def series(
    session: Session,
    board: str,
    figure: str,
    *,
    rig: str | None = None,
    limit: int | None = None,
) -> list[Point]:
    """Return one figure of a board from run to run, the oldest first.

    Runs that could not determine it are left out.

    Parameters
    ----------
    session : sqlalchemy.orm.Session
        As `hil.history.database.History.reading` gives.
    board, figure : str
        Names.
    rig : str, optional
        Of this rig only; of all by default.
    limit : int, optional
        At most so many, the newest.
    """
    wanted = (
        select(
            RunRow.id,
            RunRow.started_at,
            FigureRow.value,
            FigureRow.uncertainty,
            FigureRow.unit,
            FigureRow.verdict,
            FigureRow.flags,
            FigureRow.limit_value,
            FigureRow.kind,
            FigureRow.conditions,
            FigureRow.provenance,
            RunRow.seed,
            RunRow.signal,
            RunRow.rig,
            RunRow.firmware_version,
            RunRow.image_hash,
            RunRow.commit,
        )
        .join(FigureRow, FigureRow.run_id == RunRow.id)
        .where(*only(board, rig), FigureRow.name == figure, FigureRow.value.is_not(None))
        .order_by(RunRow.started_at.desc(), RunRow.id.desc())
        .limit(limit)
    )
    return [Point(*row) for row in reversed(session.execute(wanted).all())]


def list_runs(
    session: Session,
    *,
    board: str | None = None,
    rig: str | None = None,
    limit: int | None = None,
) -> list[RunRow]:
    """Return runs, the newest first.

    Parameters
    ----------
    session : sqlalchemy.orm.Session
    board, rig : str, optional
        Only of these.
    limit : int, optional
        At most so many.
    """
    newest_first = (RunRow.started_at.desc(), RunRow.id.desc())
    wanted = select(RunRow).where(*only(board, rig)).order_by(*newest_first).limit(limit)
    return list(session.scalars(wanted))


def find_run(session: Session, run_id: int) -> RunRow | None:
    """Return a run with its figures and files, or None."""
    whole = (selectinload(RunRow.figures), selectinload(RunRow.files))
    return session.get(RunRow, run_id, options=whole)


def figure_of(row: FigureRow) -> Figure:
    """Return a figure as its run had it."""
    fields = {name: getattr(row, name) for name in Figure.__struct_fields__ if name != "limit"}
    return msgspec.convert({**fields, "limit": row.limit_value}, Figure)


def figure_names(session: Session, board: str, rig: str | None = None) -> list[str]:
    """Return the figures that runs of a board had, in the order they were first taken."""
    first = func.min(FigureRow.run_id)
    wanted = (
        select(FigureRow.name)
        .join(RunRow, FigureRow.run_id == RunRow.id)
        .where(*only(board, rig))
        .group_by(FigureRow.name)
        .order_by(first, func.min(FigureRow.position), FigureRow.name)
    )
    return list(session.scalars(wanted))


def boards_with(session: Session) -> list[str]:
    """Return the boards that there are runs of."""
    return list(session.scalars(select(RunRow.board).distinct().order_by(RunRow.board)))


def only(board: str | None, rig: str | None) -> list[ColumnElement[bool]]:
    """Return what holds for runs of a board and a rig, or of any where None is given."""
    wanted = []
    if board is not None:
        wanted.append(RunRow.board == board)
    if rig is not None:
        wanted.append(RunRow.rig == rig)
    return wanted
