"""Posts and their authors, and files of posts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.database.model import UtcDateTime
from app.core.database.types import BigId, LongText

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "authors",
        sa.Column("id", BigId(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authors")),
        sa.UniqueConstraint("email", name=op.f("uq_authors_email")),
    )
    op.create_table(
        "posts",
        sa.Column("id", BigId(), nullable=False),
        sa.Column("author_id", BigId(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("body", LongText(), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=True),
        sa.Column("likes", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.ForeignKeyConstraint(["author_id"], ["authors.id"], name=op.f("fk_posts_author_id")),
        sa.UniqueConstraint("author_id", "title", name=op.f("uq_posts_author_id_title")),
    )
    op.create_index(op.f("ix_posts_created_at_id"), "posts", ["created_at", "id"])
    op.create_index(
        op.f("ix_posts_author_id_created_at_id"), "posts", ["author_id", "created_at", "id"]
    )
    op.create_table(
        "post_imports",
        sa.Column("id", BigId(), nullable=False),
        sa.Column("content", LongText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_imports")),
    )
    op.create_index(op.f("ix_post_imports_created_at"), "post_imports", ["created_at"])


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("post_imports")
    op.drop_table("posts")
    op.drop_table("authors")
