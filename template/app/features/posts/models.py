"""The tables."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database.model import Model, utc_now
from app.core.database.types import BigId, LongText


class Author(Model):
    """Who writes."""

    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254), unique=True)


class PostImport(Model):
    """A file of posts that somebody sent, until a task has stored them."""

    __tablename__ = "post_imports"
    # The nightly task looks for the old ones.
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    content: Mapped[str] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Post(Model):
    """What is written."""

    __tablename__ = "posts"
    __table_args__ = (
        UniqueConstraint("author_id", "title"),
        # The ordering of the list, and of that of one author.
        Index(None, "created_at", "id"),
        Index(None, "author_id", "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(LongText)
    word_count: Mapped[int | None]
    likes: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)

    author: Mapped[Author] = relationship(lazy="raise")

    # An UPDATE names the version that it read: of two at once, the second fails.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way
