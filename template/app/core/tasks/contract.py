"""What the parts of a task queue expect of one another.

The *ledger* knows every task and what became of it; the *transport* only carries ids to whoever
has time. So a transport may lose what it had in hand, or deliver it twice: nothing is lost, and
what is done isn't done again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from pydantic import BaseModel, Field

from app.core.tasks.message import Message

Effect: TypeAlias = Callable[[], Awaitable[object]]


class TaskState(StrEnum):
    """How far a task is."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"


class TaskStatus(BaseModel):
    """A task that was enqueued."""

    id: str
    name: str
    state: TaskState = Field(description="Waiting for its time, queued, running, or at its end.")
    attempts: int
    created_at: datetime
    finished_at: datetime | None


class DeadLetter(TaskStatus):
    """A task that nobody tries any more, until somebody replays it."""

    error: str


@dataclass(frozen=True)
class Started:
    """A task in somebody's hands, for the time of a lease that is to be renewed."""

    message: Message
    attempt: int
    # It was ready for so long that, on its way, it would have been thought lost.
    has_waited: bool


class Ledger(Protocol):
    """Knows every task. Each method is atomic, and may raise because the ledger is away."""

    # How often that has to be renewed which is in hand.
    renewal_seconds: float

    async def add(self, message: Message, after_seconds: float) -> bool:
        """Note a task, unless it is known: as queued, or as waiting for its time."""

    async def start(self, task_id: str) -> Started | None:
        """Take a task in hand, unless it is at its end, or in somebody's hands."""

    async def renew(self, running: Sequence[Started]) -> None:
        """Go on with what is in hand."""

    async def succeed(self, started: Started) -> None:
        """Note that it is done."""

    async def repeat(self, started: Started, after_seconds: float, error: str) -> None:
        """Have it done again, after a time."""

    async def hand_back(self, started: Started, after_seconds: float) -> None:
        """Have it done by another one, as if it hadn't been started."""

    async def bury(self, started: Started, error: str) -> None:
        """Make it a dead letter."""

    async def take_due(self, limit: int, *, with_sent: bool = True) -> Sequence[str]:
        """Give the ids to be sent, and note that they were.

        Those whose time has come, those whose lease ran out, and `with_sent` those which were sent
        and not started: after a time that doubles. What succeeded long ago is forgotten.
        """

    async def not_sent(self, ids: Sequence[str]) -> None:
        """Have them sent a second later: nobody could be reached."""

    async def status(self, task_id: str) -> TaskStatus | None:
        """Tell how far a task is."""

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """List those that nobody tries any more, the latest first."""

    async def replay(self, task_id: str) -> bool:
        """Have a dead letter tried again, as if for the first time."""

    async def counts(self) -> Mapping[TaskState, int]:
        """Count the tasks, by state."""

    async def oldest_seconds(self) -> float:
        """Tell for how long the oldest one has been ready, and not begun."""

    def keeps_time(self) -> bool:
        """Tell whether this process enqueues what is scheduled. Several may: a task has a key."""

    async def ping(self) -> None:
        """Raise whatever comes of it when the ledger can't be used."""


Handler: TypeAlias = Callable[[str], Awaitable[None]]


class Transport(Protocol):
    """Carries ids to workers."""

    async def send(self, ids: Sequence[str]) -> None:
        """Have each of them come to some worker; or raise whatever stands in the way."""

    def receiving(self, handle: Handler) -> AbstractAsyncContextManager[None]:
        """Hand over what comes until the block ends, and wait for what was handed over.

        As many at once as there are workers, or a few more, that they may be started meanwhile.
        `handle` raises nothing.
        """

    async def ping(self) -> None:
        """Raise whatever comes of it when nothing can be sent."""
