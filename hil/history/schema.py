"""Which schemas there are, which one a database has, and how it gets the one of today."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from eegrig.hil.history.tables import VERSION_TABLE, Table

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["OURS", "Schema", "revision_of", "tables_in_the_way", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Schema:
    """The steps that a database went through.

    Attributes
    ----------
    revisions : tuple of str
        In their order; the last is the schema of today. They are said here so that alembic is
        imported only where there is something to do.
    folders : tuple of Path
        Where the modules of the steps are.
    """

    revisions: tuple[str, ...]
    folders: tuple[Path, ...] = (_MIGRATIONS / "versions",)

    @property
    def head(self) -> str:
        """The schema of today."""
        return self.revisions[-1]


OURS = Schema(revisions=("0001",))


def revision_of(connection: Connection) -> str | None:
    """Return which schema a database has; None if it is none of ours, or new."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()
    return str(found[0]) if found else None


def tables_in_the_way(connection: Connection) -> list[str]:
    """Return tables of somebody else's that have the names of ours, in a database without ours."""
    return sorted(Table.metadata.tables.keys() & set(inspect(connection).get_table_names()))


def upgrade(connection: Connection, schema: Schema) -> None:
    """Bring a database to the schema of today, in the transaction that the connection has."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _escaped(_MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_escaped, schema.folders)))
    config.attributes["connection"] = connection
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        command.upgrade(config, "head")


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
