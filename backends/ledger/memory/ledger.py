"""Tasks in the memory of the process. Those that succeeded are forgotten after a time."""

import asyncio
import fcntl
import logging
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from app.core.observability.identity import IdentitySettings
from app.core.tasks.contract import (
    DeadLetter,
    Ledger,
    Started,
    TaskState,
    TaskStatus,
)
from app.core.tasks.message import Message
from app.core.tasks.settings import RunnerSettings

logger = logging.getLogger(__name__)

# Whether the code that runs is a task. One that waited for room could wait for ever: for itself.
in_task: ContextVar[bool] = ContextVar("in_task", default=False)


class LedgerSettings(RunnerSettings, IdentitySettings):
    """How much is kept in memory."""

    # Tasks that wait; beyond them, a request that enqueues waits too.
    task_queue_size: int = Field(default=1000, ge=1)
    # Tasks that are at their end, and can still be asked about.
    task_history_size: int = Field(default=10_000, ge=0)


@dataclass
class Entry:
    """A task, and how far it is."""

    message: Message
    state: TaskState
    # When somebody has to look at it again, by the monotonic clock; of a dead letter nobody has.
    next_at: float | None
    takes_room: bool
    created_at: datetime
    attempts: int = 0
    error: str = ""
    finished_at: datetime | None = None

    def status(self) -> TaskStatus:
        """Tell how far it is."""
        return TaskStatus.model_validate(self._described())

    def dead_letter(self) -> DeadLetter:
        """Tell what went wrong."""
        return DeadLetter.model_validate({**self._described(), "error": self.error})

    def _described(self) -> dict[str, object]:
        return {**vars(self), "id": self.message.id, "name": self.message.name}


class MemoryLedger:
    """What becomes of the tasks of this process."""

    def __init__(self, settings: LedgerSettings, schedule_lock: int) -> None:
        self.renewal_seconds = 60.0
        self._settings = settings
        self._schedule_lock = schedule_lock
        self._room = asyncio.Semaphore(settings.task_queue_size)
        self._entries: dict[str, Entry] = {}
        # Those whose time comes, and those that are at their end, the oldest first.
        self._waiting: set[str] = set()
        self._done: dict[str, None] = {}

    async def add(self, message: Message, after_seconds: float) -> bool:
        """Note a task; wait while too many are waiting."""
        if message.id in self._entries:
            return False
        message = Message.from_json(message.to_json())
        takes_room = not in_task.get()
        if takes_room:
            await self._room.acquire()
        state = TaskState.WAITING if after_seconds else TaskState.QUEUED
        next_at = time.monotonic() + after_seconds
        entry = Entry(message, state, next_at, takes_room, datetime.now(UTC))
        self._entries[message.id] = entry
        if after_seconds:
            self._waiting.add(message.id)
        return True

    async def start(self, task_id: str) -> Started | None:
        """Take a task in hand."""
        entry = self._entries.get(task_id)
        if entry is None or entry.state is not TaskState.QUEUED:
            return None
        if entry.takes_room:
            entry.takes_room = False
            self._room.release()
        in_task.set(True)
        entry.state = TaskState.RUNNING
        entry.attempts += 1
        return Started(entry.message, entry.attempts, has_waited=False)

    async def renew(self, running: Sequence[Started]) -> None:
        """Nothing to do: nobody else could take them."""

    async def succeed(self, started: Started) -> None:
        """Note that it is done."""
        self._finish(started, TaskState.SUCCEEDED)

    async def bury(self, started: Started, error: str) -> None:
        """Make it a dead letter."""
        self._entries[started.message.id].error = error
        self._finish(started, TaskState.DEAD)

    def _finish(self, started: Started, state: TaskState) -> None:
        task_id = started.message.id
        entry = self._entries[task_id]
        entry.state, entry.next_at, entry.finished_at = state, None, datetime.now(UTC)
        self._done[task_id] = None
        self._forget()

    def _forget(self) -> None:
        oldest = datetime.now(UTC).timestamp() - self._settings.task_retention_seconds
        for task_id in [*self._done]:
            finished_at = self._entries[task_id].finished_at
            is_kept = len(self._done) <= self._settings.task_history_size
            if is_kept and finished_at is not None and finished_at.timestamp() > oldest:
                return
            del self._done[task_id], self._entries[task_id]

    async def repeat(self, started: Started, after_seconds: float, error: str) -> None:
        """Have it done again, after a time."""
        self._entries[started.message.id].error = error
        self._wait(started.message.id, after_seconds)

    async def hand_back(self, started: Started, after_seconds: float) -> None:
        """Have it done as if it hadn't been started."""
        self._entries[started.message.id].attempts -= 1
        self._wait(started.message.id, after_seconds)

    def _wait(self, task_id: str, after_seconds: float) -> None:
        entry = self._entries[task_id]
        entry.state, entry.next_at = TaskState.WAITING, time.monotonic() + after_seconds
        self._waiting.add(task_id)

    async def take_due(self, limit: int, *, with_sent: bool = True) -> Sequence[str]:  # noqa: ARG002 - nothing that was sent gets lost here
        """Give the ids of those whose time has come."""
        now = time.monotonic()
        due = [each for each in self._waiting if (self._entries[each].next_at or 0) <= now]
        due = sorted(due, key=lambda each: self._entries[each].next_at or 0)[:limit]
        for task_id in due:
            self._waiting.remove(task_id)
            self._entries[task_id].state = TaskState.QUEUED
        return due

    async def not_sent(self, ids: Sequence[str]) -> None:
        """Have them sent a second later."""
        for task_id in ids:
            self._wait(task_id, 1)

    async def status(self, task_id: str) -> TaskStatus | None:
        """Tell how far a task is."""
        entry = self._entries.get(task_id)
        return None if entry is None else entry.status()

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """List those that nobody tries any more, the latest first."""
        done = [self._entries[task_id] for task_id in reversed(self._done)]
        dead = [entry.dead_letter() for entry in done if entry.state is TaskState.DEAD]
        return dead[:limit]

    async def replay(self, task_id: str) -> bool:
        """Have a dead letter tried again."""
        entry = self._entries.get(task_id)
        if entry is None or entry.state is not TaskState.DEAD:
            return False
        del self._done[task_id]
        entry.attempts, entry.error, entry.finished_at = 0, "", None
        self._wait(task_id, 0)
        return True

    async def counts(self) -> Mapping[TaskState, int]:
        """Count the tasks, by state."""
        counted = Counter(entry.state for entry in self._entries.values())
        return {state: counted[state] for state in TaskState}

    async def oldest_seconds(self) -> float:
        """Tell for how long the oldest one has been ready, and not begun."""
        queued = [each for each in self._entries.values() if each.state is TaskState.QUEUED]
        oldest = min((each.next_at for each in queued if each.next_at is not None), default=None)
        return 0 if oldest is None else time.monotonic() - oldest

    def keeps_time(self) -> bool:
        """Tell whether this process enqueues what is scheduled: one of those on this machine."""
        try:
            fcntl.flock(self._schedule_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def ping(self) -> None:
        """Nothing to ask: the tasks share the process."""

    def unfinished(self) -> list[str]:
        """Name the tasks that are lost when the process ends."""
        ends = {TaskState.SUCCEEDED, TaskState.DEAD}
        return [each.message.name for each in self._entries.values() if each.state not in ends]


@asynccontextmanager
async def open_ledger(settings: LedgerSettings) -> AsyncGenerator[Ledger]:
    """Begin with no tasks; at the end, tell which ones are lost."""
    path = Path(tempfile.gettempdir()) / f"{settings.service_name}-schedule.lock"
    with path.open("a") as lock:
        ledger = MemoryLedger(settings, lock.fileno())
        try:
            yield ledger
        finally:
            if lost := ledger.unfinished():
                logger.error("Shutdown lost %d tasks: %s", len(lost), ", ".join(lost))
