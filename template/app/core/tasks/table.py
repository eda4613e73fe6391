"""The table of tasks: what is to be run, and what became of it."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database.model import Model
from app.core.database.types import LongText


class TaskRow(Model):
    """A task that was enqueued."""

    __tablename__ = "tasks"
    # What `take_due` looks for.
    __table_args__ = (Index(None, "state", "next_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    message: Mapped[str] = mapped_column(LongText)
    state: Mapped[str] = mapped_column(String(10))
    # When somebody has to look at it again.
    next_at: Mapped[datetime]
    # Since when it could have been begun.
    ready_at: Mapped[datetime]
    attempts: Mapped[int]
    # How often it was sent since it was last begun.
    sends: Mapped[int]
    error: Mapped[str] = mapped_column(LongText)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
