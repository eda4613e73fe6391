"""Tasks, and what became of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.database.model import UtcDateTime
from app.core.database.types import LongText

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("message", LongText(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("error", LongText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_state_next_at"), "tasks", ["state", "next_at"])


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("tasks")
