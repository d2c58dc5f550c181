"""What the database holds, as tables: runs, their figures, and the files they left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

__all__ = ["VERSION_TABLE", "FigureRow", "FileRow", "RunRow", "Table", "UtcTime"]

VERSION_TABLE = "eegrig_history"
"""Says which schema it is: alembic's table, under a name that no other project has beside it."""


class UtcTime(TypeDecorator[datetime]):
    """A moment, kept in UTC; SQLite, which has no time zones, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} is no moment: it has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the moment with its zone, UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Table(DeclarativeBase):
    """What all tables have in common: how columns of a type are kept."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime(),
        dict[str, Any]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON(none_as_null=True),
    }


class RunRow(Table):
    """One run, as its ``results.json`` has it, and what was said when it was added.

    Attributes
    ----------
    id : int
        Counts from 1 in the order they were added.
    digest : str
        `hil.figures.results.Results.digest`; with `started_at` it is the run's own.
    started_at, added_at : datetime
    board, board_title, bench : str
    rig : str
        Name of the rig: what runs can be compared on.
    firmware_version, image_hash, expected_hash : str or None
        As read back from the board; None where the run ended before.
    commit : str or None
        Of the firmware's sources, as it was given.
    runtime : dict or None
        `hil.figures.identity.RuntimeBuild`.
    instruments : list or None
        Each with its calibration; None on a bench that has none.
    conditions : dict
        The link's parameters as they were negotiated.
    seed : int
    signal : str
    who : str
        Who added it.
    verdict : str
    exit_code : int
    part_of : int or None
    stopped : str or None
        Why it ended early.
    eegrig_version : str
        Of the eegrig that added it.
    results_schema : int
        Of the file, before it was read as one of today.
    """

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("digest", "started_at", name="runs_once"),
        Index("runs_in_time", "board", "rig", "started_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    added_at: Mapped[datetime]
    board: Mapped[str]
    board_title: Mapped[str]
    bench: Mapped[str]
    rig: Mapped[str]
    firmware_version: Mapped[str | None]
    image_hash: Mapped[str | None]
    expected_hash: Mapped[str | None]
    commit: Mapped[str | None]
    runtime: Mapped[dict[str, Any] | None]
    instruments: Mapped[list[dict[str, Any]] | None]
    conditions: Mapped[dict[str, Any]]
    seed: Mapped[int] = mapped_column(BigInteger)
    signal: Mapped[str]
    who: Mapped[str]
    verdict: Mapped[str]
    exit_code: Mapped[int]
    part_of: Mapped[int | None]
    stopped: Mapped[str | None]
    eegrig_version: Mapped[str]
    results_schema: Mapped[int]

    figures: Mapped[list[FigureRow]] = relationship(
        order_by="FigureRow.position", passive_deletes=True
    )
    files: Mapped[list[FileRow]] = relationship(order_by="FileRow.path", passive_deletes=True)


class FigureRow(Table):
    """One figure of a run: the fields of `hil.figures.figure.Figure`.

    Attributes
    ----------
    run_id : int
    position : int
        Its place in the run, from 0.
    name, unit, provenance, reason, note : str
    value, uncertainty, limit_value : float or None
    n : int
    kind, verdict : str or None
    flags, conditions : dict
    """

    __tablename__ = "figures"
    # A series goes through the figures of a name, and to the run of each.
    __table_args__ = (Index("figures_by_name", "name", "run_id"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    value: Mapped[float | None] = mapped_column(Double)
    unit: Mapped[str]
    uncertainty: Mapped[float | None] = mapped_column(Double)
    n: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str | None]
    limit_value: Mapped[float | None] = mapped_column(Double)
    kind: Mapped[str | None]
    provenance: Mapped[str]
    flags: Mapped[dict[str, Any]]
    conditions: Mapped[dict[str, Any]]
    reason: Mapped[str]
    note: Mapped[str]


class FileRow(Table):
    """One file that a run left.

    Attributes
    ----------
    run_id : int
    path : str
        In the run's folder.
    sha256 : str
        Of its content, under which the content is kept.
    size_bytes : int
    kept : bool
        Whether the content was kept; its hash always is.
    """

    __tablename__ = "files"
    __table_args__ = (Index("files_by_content", "sha256"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    kept: Mapped[bool]
