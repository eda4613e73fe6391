"""Tasks in the database: a task is enqueued with the commit of what it is about, or not at all."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from app.core.database.direct import DirectQuery, Row
from app.core.database.model import utc_now
from app.core.database.session import Database
from app.core.tasks.contract import DeadLetter, Ledger, Started, TaskState, TaskStatus
from app.core.tasks.message import Message
from app.core.tasks.statements import (
    ADD_SOME,
    ADDED,
    FINISH,
    RENEW,
    TOGETHER,
    WAIT,
    anything_due,
    due,
    keys_of,
    of_ids,
    rows_of,
    start_all,
)
from app.core.tasks.table import TaskRow
from app.core.tasks.together import Together
from app.core.tasks.worker_settings import WorkerSettings

WAITS_FOR_SOMEBODY = (TaskState.WAITING, TaskState.RUNNING)
# A task that is sent and not begun is sent again after so long at most.
LONGEST_RESEND = timedelta(minutes=10)


class LedgerSettings(WorkerSettings):
    """How tasks are kept."""


class DatabaseLedger:
    """What becomes of the tasks of all processes."""

    def __init__(self, database: Database, settings: LedgerSettings) -> None:
        self._database = database
        self.renewal_seconds = settings.task_lease_seconds / 3
        self._lease = timedelta(seconds=settings.task_lease_seconds)
        self._resend = timedelta(seconds=settings.task_resend_seconds)
        self._retention = timedelta(seconds=settings.task_retention_seconds)
        self._adding = Together(self._add_all, ADDED)
        self._starting = Together(self._start_all, TOGETHER)
        self._succeeding = Together(self._succeed_all, TOGETHER)

    async def add(self, message: Message, after_seconds: float) -> bool:
        """Note a task, unless it is known."""
        return await self._adding.do(self.row_of(message, after_seconds))

    async def _add_all(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[bool]:
        try:
            await self._database.execute(ADD_SOME[len(rows)], **rows_of(rows))
        except IntegrityError:
            if len(rows) == 1:
                return [False]
            # The others are new.
            return [is_new for row in rows for is_new in await self._add_all([row])]
        return [True] * len(rows)

    def row_of(self, message: Message, after_seconds: float) -> dict[str, Any]:
        """Say a task as the table has it."""
        now = utc_now()
        after = timedelta(seconds=after_seconds)
        return {
            "id": message.id,
            "name": message.name,
            "message": message.to_json(),
            "state": TaskState.WAITING if after else TaskState.QUEUED,
            "next_at": now + (after or self._resend),
            "ready_at": now + after,
            "attempts": 0,
            "sends": 0 if after else 1,
            "error": "",
            "created_at": now,
            "finished_at": None,
        }

    async def start(self, task_id: str) -> Started | None:
        """Take a task in hand, unless it is at its end, or in somebody's hands."""
        found = await self._starting.do(task_id)
        if found is None:
            return None
        _, message, attempt, has_waited = found
        return Started(Message.from_json(message), attempt, bool(has_waited))

    async def _start_all(self, ids: Sequence[str]) -> Sequence[Row | None]:
        now = utc_now()
        long_ago = now - self._resend / 2
        rows = await start_all(self._database, ids, long_ago=long_ago, next_at=now + self._lease)
        found = {row[0]: row for row in rows}
        # One that came twice is started once.
        return [found.pop(task_id, None) for task_id in ids]

    async def renew(self, running: Sequence[Started]) -> None:
        """Go on with what is in hand."""
        for first in range(0, len(running), TOGETHER):
            some = running[first : first + TOGETHER]
            await self._change(RENEW, some, next_at=utc_now() + self._lease)

    async def succeed(self, started: Started) -> None:
        """Note that it is done."""
        await self._succeeding.do(started)

    async def _succeed_all(self, some: Sequence[Started]) -> Sequence[None]:
        await self._finish(some, TaskState.SUCCEEDED, "")
        return [None] * len(some)

    async def bury(self, started: Started, error: str) -> None:
        """Make it a dead letter."""
        await self._finish([started], TaskState.DEAD, error)

    async def _finish(self, some: Sequence[Started], state: TaskState, error: str) -> None:
        now = utc_now()
        next_at = now + self._retention
        await self._change(FINISH, some, state=state, error=error, finished_at=now, next_at=next_at)

    async def repeat(self, started: Started, after_seconds: float, error: str) -> None:
        """Have it done again, after a time."""
        await self._wait(started, after_seconds, started.attempt, error)

    async def hand_back(self, started: Started, after_seconds: float) -> None:
        """Have it done by another one, as if it hadn't been started."""
        await self._wait(started, after_seconds, started.attempt - 1, "")

    async def _wait(
        self, started: Started, after_seconds: float, attempts: int, error: str
    ) -> None:
        due_at = utc_now() + timedelta(seconds=after_seconds)
        await self._change(
            WAIT, [started], attempts=attempts, error=error, next_at=due_at, ready_at=due_at
        )

    async def _change(
        self, statement: DirectQuery, some: Sequence[Started], **values: object
    ) -> None:
        await self._database.execute(statement, **keys_of(some), **values)

    async def take_due(self, limit: int, *, with_sent: bool = True) -> Sequence[str]:
        """Give the ids to be sent, and note that they were."""
        now = utc_now()
        states = [*WAITS_FOR_SOMEBODY, *[TaskState.QUEUED] * with_sent]
        # Mostly there is nothing, and nobody who writes has to wait for that.
        async with self._database.read() as session:
            if await session.scalar(anything_due(now, states)) is None:
                return []
        async with self._database.write() as session:
            rows = (await session.execute(due(now, states, limit))).all()
            for sends in {row.sends for row in rows}:
                ids = [row.id for row in rows if row.sends == sends]
                next_at = now + min(self._resend * 2**sends, LONGEST_RESEND)
                await session.execute(
                    of_ids(ids).values(state=TaskState.QUEUED, sends=sends + 1, next_at=next_at)
                )
            await session.execute(
                delete(TaskRow).where(TaskRow.state == TaskState.SUCCEEDED, TaskRow.next_at <= now)
            )
        return [row.id for row in rows]

    async def not_sent(self, ids: Sequence[str]) -> None:
        """Have them sent a second later."""
        next_at = utc_now() + timedelta(seconds=1)
        async with self._database.write() as session:
            await session.execute(
                of_ids(ids)
                .where(TaskRow.state == TaskState.QUEUED)
                .values(state=TaskState.WAITING, next_at=next_at)
            )

    async def status(self, task_id: str) -> TaskStatus | None:
        """Tell how far a task is."""
        async with self._database.read() as session:
            row = await session.get(TaskRow, task_id)
        return None if row is None else TaskStatus.model_validate(row, from_attributes=True)

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """List those that nobody tries any more, the latest first."""
        async with self._database.read() as session:
            rows = await session.scalars(
                select(TaskRow)
                .where(TaskRow.state == TaskState.DEAD)
                .order_by(TaskRow.next_at.desc())
                .limit(limit)
            )
            return [DeadLetter.model_validate(row, from_attributes=True) for row in rows]

    async def replay(self, task_id: str) -> bool:
        """Have a dead letter tried again."""
        now = utc_now()
        async with self._database.write() as session:
            result: Any = await session.execute(
                of_ids([task_id])
                .where(TaskRow.state == TaskState.DEAD)
                .values(
                    state=TaskState.WAITING,
                    attempts=0,
                    sends=0,
                    error="",
                    finished_at=None,
                    next_at=now,
                    ready_at=now,
                )
            )
        return bool(result.rowcount)

    async def counts(self) -> Mapping[TaskState, int]:
        """Count the tasks, by state."""
        async with self._database.read() as session:
            rows = await session.execute(
                select(TaskRow.state, func.count()).group_by(TaskRow.state)
            )
            counted = dict(rows.all())
        return {state: counted.get(state, 0) for state in TaskState}

    async def oldest_seconds(self) -> float:
        """Tell for how long the oldest one has been ready, and not begun."""
        async with self._database.read() as session:
            oldest: datetime | None = await session.scalar(
                select(func.min(TaskRow.ready_at)).where(TaskRow.state == TaskState.QUEUED)
            )
        return 0 if oldest is None else (utc_now() - oldest).total_seconds()

    def keeps_time(self) -> bool:
        """All processes do: what is scheduled has a key."""
        return True

    async def ping(self) -> None:
        """Nothing of its own to ask: the database is asked anyway."""


@asynccontextmanager
async def open_ledger(settings: LedgerSettings, database: Database) -> AsyncGenerator[Ledger]:
    """Keep tasks where the data is."""
    yield DatabaseLedger(database, settings)
