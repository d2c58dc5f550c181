"""What alembic runs to get at the database: it is given a connection, in a transaction."""

from __future__ import annotations

from alembic import context

from eegrig.hil.history.tables import VERSION_TABLE, Table

__all__: list[str] = []

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by making a new one
)
context.run_migrations()
