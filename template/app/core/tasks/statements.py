"""What is said to the database about tasks."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Update, bindparam, insert, select, update

from app.core.database.direct import DirectQuery
from app.core.database.model import UtcDateTime
from app.core.tasks.contract import TaskState
from app.core.tasks.table import TaskRow


def moment(name: str) -> Any:
    """Take a moment as a parameter."""
    return bindparam(name, type_=UtcDateTime())


MOMENTS = {"next_at", "ready_at", "created_at", "finished_at"}
COLUMNS = [column.name for column in TaskRow.__table__.columns]
ADD = DirectQuery(
    insert(TaskRow).values(
        {name: moment(name) if name in MOMENTS else bindparam(name) for name in COLUMNS}
    )
)
ONE = update(TaskRow).where(TaskRow.id == bindparam("id"))
START = DirectQuery(
    ONE.where(TaskRow.state == TaskState.QUEUED).values(
        state=TaskState.RUNNING, attempts=TaskRow.attempts + 1, sends=0, next_at=moment("next_at")
    )
)
MESSAGE = DirectQuery(
    select(TaskRow.message, TaskRow.attempts).where(TaskRow.id == bindparam("id"))
)
# Whoever lost its lease has no say any more.
MINE = ONE.where(TaskRow.state == TaskState.RUNNING, TaskRow.attempts == bindparam("attempt"))
RENEW = DirectQuery(MINE.values(next_at=moment("next_at")))
FINISH = DirectQuery(
    MINE.values(
        state=bindparam("state"),
        error=bindparam("error"),
        finished_at=moment("finished_at"),
        next_at=moment("next_at"),
    )
)
WAIT = DirectQuery(
    MINE.values(
        state=TaskState.WAITING,
        attempts=bindparam("attempts"),
        error=bindparam("error"),
        next_at=moment("next_at"),
        ready_at=moment("ready_at"),
    )
)


def due(now: datetime, limit: int) -> Select[str, int]:
    """Find what is to be sent; what another process sends is left to it."""
    open_states = (TaskState.WAITING, TaskState.RUNNING, TaskState.QUEUED)
    return (
        select(TaskRow.id, TaskRow.sends)
        .where(TaskRow.state.in_(open_states), TaskRow.next_at <= now)
        .order_by(TaskRow.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def anything_due(now: datetime) -> Select[str]:
    """Find out whether anything is to be sent, or forgotten."""
    states = [state for state in TaskState if state is not TaskState.DEAD]
    return select(TaskRow.id).where(TaskRow.state.in_(states), TaskRow.next_at <= now).limit(1)


def of_ids(ids: Collection[str]) -> Update:
    """Change tasks by their ids."""
    return update(TaskRow).where(TaskRow.id.in_(ids))
