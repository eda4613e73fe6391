"""The tables."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database.model import Model, utc_now


class Author(Model):
    """Who writes."""

    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254), unique=True)


class Post(Model):
    """What is written."""

    __tablename__ = "posts"
    __table_args__ = (
        # Its first column also serves the foreign key.
        UniqueConstraint("author_id", "title"),
        # The ordering of the list.
        Index(None, "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(String(20_000))
    word_count: Mapped[int | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)

    author: Mapped[Author] = relationship(lazy="raise")

    # An UPDATE names the version that it read: of two at once, the second fails.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way
