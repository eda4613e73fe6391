"""What is said to the database about tasks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    String,
    Update,
    bindparam,
    case,
    insert,
    select,
    tuple_,
    update,
)

from app.core.database.direct import DirectQuery, DirectTransaction, Row
from app.core.database.model import UtcDateTime
from app.core.database.session import Database
from app.core.tasks.contract import Started, TaskState
from app.core.tasks.table import TaskRow


def moment(name: str) -> Any:
    """Take a moment as a parameter."""
    return bindparam(name, type_=UtcDateTime())


# So many tasks are noted at once, and so many started, renewed or done: a statement is compiled for
# as many.
ADDED = 20
TOGETHER = 10
MOMENTS = {"next_at", "ready_at", "created_at", "finished_at"}
COLUMNS = [column.name for column in TaskRow.__table__.columns]


def columns_of(suffix: str = "") -> dict[str, Any]:
    """Take what a task consists of as parameters."""
    return {name: (moment if name in MOMENTS else bindparam)(f"{name}{suffix}") for name in COLUMNS}


ADD = DirectQuery(insert(TaskRow).values(columns_of()))
# By how many there are: a row can't be named twice, to fill what is left.
ADD_SOME = {
    count: DirectQuery(insert(TaskRow).values([columns_of(f"{each}") for each in range(count)]))
    for count in range(1, ADDED + 1)
}
# How a column of each of them is called.
PARAMETERS = [[(name, f"{name}{number}") for name in COLUMNS] for number in range(ADDED)]
KNOWN = DirectQuery(select(TaskRow.id).where(TaskRow.id == bindparam("id")))
IDS = [bindparam(f"id{number}", type_=String()) for number in range(TOGETHER)]
ATTEMPTS = [bindparam(f"attempt{number}", type_=Integer()) for number in range(TOGETHER)]
TO_START = (TaskRow.id.in_(IDS), TaskRow.state == TaskState.QUEUED)
STARTED = {
    "state": TaskState.RUNNING,
    "attempts": TaskRow.attempts + 1,
    "sends": 0,
    "next_at": moment("next_at"),
}
HAS_WAITED = case((TaskRow.ready_at < moment("long_ago"), 1), else_=0)
# What another process starts or sends at this moment is left to it.
FIND = DirectQuery(
    select(TaskRow.id, TaskRow.message, TaskRow.attempts + 1, HAS_WAITED)
    .where(*TO_START)
    .with_for_update(skip_locked=True)
)
START = DirectQuery(update(TaskRow).where(*TO_START).values(STARTED))
# Both in one trip, where the database can return what it changes.
FIND_AND_START = DirectQuery(
    update(TaskRow)
    .where(TaskRow.id.in_(select(TaskRow.id).where(*TO_START).with_for_update(skip_locked=True)))
    .values(STARTED)
    .returning(TaskRow.id, TaskRow.message, TaskRow.attempts, HAS_WAITED)
)
# Whoever lost its lease has no say any more.
MINE = update(TaskRow).where(
    TaskRow.state == TaskState.RUNNING,
    tuple_(TaskRow.id, TaskRow.attempts).in_(
        [tuple_(*key) for key in zip(IDS, ATTEMPTS, strict=True)]
    ),
)
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


async def start_all(
    database: Database, ids: Sequence[str], *, long_ago: datetime, next_at: datetime
) -> Sequence[Row]:
    """Take tasks in hand; give those for whom that was possible."""
    if database.engine.dialect.update_returning:
        return await database.run_single(
            lambda alone: alone.fetch(
                FIND_AND_START, **ids_of(ids), long_ago=long_ago, next_at=next_at
            )
        )

    async def start(transaction: DirectTransaction) -> Sequence[Row]:
        found = await transaction.fetch(FIND, **ids_of(ids), long_ago=long_ago)
        if found:
            await transaction.execute(START, **ids_of([row[0] for row in found]), next_at=next_at)
        return found

    return await database.run_direct(start)


def rows_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name what new tasks consist of."""
    return {
        parameter: row[name]
        for row, parameters in zip(rows, PARAMETERS, strict=False)
        for name, parameter in parameters
    }


def ids_of(ids: Sequence[str]) -> dict[str, object]:
    """Name tasks: one or some. The last one is named again where there is room for more."""
    ids = [*ids, *[ids[-1]] * (TOGETHER - len(ids))]
    return {f"id{number}": task_id for number, task_id in enumerate(ids)}


def keys_of(some: Sequence[Started]) -> dict[str, object]:
    """Name what is in hand, in the same way."""
    some = [*some, *[some[-1]] * (TOGETHER - len(some))]
    attempts = {f"attempt{number}": each.attempt for number, each in enumerate(some)}
    return {**ids_of([each.message.id for each in some]), **attempts}


def due(now: datetime, states: Sequence[TaskState], limit: int) -> Select[str, int]:
    """Find what is to be sent; what another process sends is left to it."""
    return (
        select(TaskRow.id, TaskRow.sends)
        .where(TaskRow.state.in_(states), TaskRow.next_at <= now)
        .order_by(TaskRow.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def anything_due(now: datetime, states: Sequence[TaskState]) -> Select[str]:
    """Find out whether anything is to be sent, or forgotten."""
    states = [*states, TaskState.SUCCEEDED]
    return select(TaskRow.id).where(TaskRow.state.in_(states), TaskRow.next_at <= now).limit(1)


def of_ids(ids: Collection[str]) -> Update:
    """Change tasks by their ids."""
    return update(TaskRow).where(TaskRow.id.in_(ids))
