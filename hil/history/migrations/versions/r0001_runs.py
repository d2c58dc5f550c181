"""Runs with their figures and files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("board", sa.String, nullable=False),
        sa.Column("board_title", sa.String, nullable=False),
        sa.Column("bench", sa.String, nullable=False),
        sa.Column("rig", sa.String, nullable=False),
        sa.Column("firmware_version", sa.String),
        sa.Column("image_hash", sa.String),
        sa.Column("expected_hash", sa.String),
        sa.Column("commit", sa.String),
        sa.Column("runtime", sa.JSON),
        sa.Column("instruments", sa.JSON),
        sa.Column("conditions", sa.JSON, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("signal", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("part_of", sa.Integer),
        sa.Column("stopped", sa.String),
        sa.Column("eegrig_version", sa.String, nullable=False),
        sa.Column("results_schema", sa.Integer, nullable=False),
        sa.UniqueConstraint("digest", "started_at", name="runs_once"),
        # A number is never given twice, not even after the newest run was taken away.
        sqlite_autoincrement=True,
    )
    op.create_index("runs_in_time", "runs", ["board", "rig", "started_at"])
    op.create_table(
        "figures",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE")),
        sa.Column("position", sa.Integer),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("uncertainty", sa.Double),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.String),
        sa.Column("limit_value", sa.Double),
        sa.Column("kind", sa.String),
        sa.Column("provenance", sa.String, nullable=False),
        sa.Column("flags", sa.JSON, nullable=False),
        sa.Column("conditions", sa.JSON, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position"),
    )
    op.create_index("figures_by_name", "figures", ["name", "run_id"])
    op.create_table(
        "files",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE")),
        sa.Column("path", sa.String),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("kept", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "path"),
    )
    op.create_index("files_by_content", "files", ["sha256"])
