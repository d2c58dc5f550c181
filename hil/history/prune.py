"""Old runs, and files that no run refers to, taken away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from eegrig.hil.history.files import FileStore
from eegrig.hil.history.query import only
from eegrig.hil.history.tables import FileRow, RunRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from eegrig.hil.history.database import History

__all__ = ["Pruned", "prune", "runs_to_prune"]


@dataclass(frozen=True)
class Pruned:
    """What was taken away.

    Attributes
    ----------
    runs : list of int
        Their numbers.
    freed_bytes : int
        Of files.
    """

    runs: list[int]
    freed_bytes: int


def runs_to_prune(
    session: Session,
    *,
    board: str | None = None,
    rig: str | None = None,
    keep: int | None = None,
    before: datetime | None = None,
) -> list[int]:
    """Return the numbers of the runs that would go.

    Parameters
    ----------
    session : sqlalchemy.orm.Session
    board, rig : str, optional
        Only of these.
    keep : int, optional
        The newest of each board on each rig that stay.
    before : datetime, optional
        Only runs that began before.
    """
    newest_first = (RunRow.started_at.desc(), RunRow.id.desc())
    rows = session.execute(
        select(RunRow.id, RunRow.board, RunRow.rig, RunRow.started_at)
        .where(*only(board, rig))
        .order_by(*newest_first)
    )
    seen: dict[tuple[str, str], int] = {}
    going = []
    for run_id, of_board, of_rig, started_at in rows:
        seen[of_board, of_rig] = seen.get((of_board, of_rig), 0) + 1
        if keep is not None and seen[of_board, of_rig] <= keep:
            continue
        if before is not None and started_at >= before:
            continue
        going.append(run_id)
    return sorted(going)


def prune(
    history: History,
    *,
    board: str | None = None,
    rig: str | None = None,
    keep: int | None = None,
    before: datetime | None = None,
) -> Pruned:
    """Take runs away, all or none, then the files that no run refers to any more.

    Parameters
    ----------
    history : History
    board, rig, keep, before
        As in `runs_to_prune`.
    """

    def take_away(session: Session) -> list[int]:
        going = runs_to_prune(session, board=board, rig=rig, keep=keep, before=before)
        # Figures and files go with their runs: the database sees to it.
        for start in range(0, len(going), _AT_A_TIME):
            session.execute(
                delete(RunRow).where(RunRow.id.in_(going[start : start + _AT_A_TIME])),
                execution_options={"synchronize_session": False},
            )
        return going

    going = history.write(take_away)
    if history.place.files is None or not history.place.files.is_dir():
        return Pruned(going, 0)
    store = FileStore(history.place.files)
    with store.taking_away():
        with history.reading() as session:
            wanted = set(session.scalars(select(FileRow.sha256).distinct().where(FileRow.kept)))
        return Pruned(going, store.sweep(wanted))


_AT_A_TIME = 500
"""SQLite takes a limited number of values in one statement (https://www.sqlite.org/limits.html)."""
