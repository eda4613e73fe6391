"""Tasks in the process of the service itself.

They end before the process does, unless it is killed: a power cut loses those in hand.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from typing import Annotated, ParamSpec

from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, Field

from app.core.tasks.task import Task

logger = logging.getLogger(__name__)

P = ParamSpec("P")

# Whether the code that runs is a task. One that waited for room in the queue could wait for ever:
# for itself.
in_task: ContextVar[bool] = ContextVar("in_task", default=False)


class TaskSettings(BaseModel):
    """How many tasks may run and wait."""

    # Tasks that run at once.
    task_workers: int = Field(default=10, ge=1)
    # Tasks that wait; beyond them, a request that enqueues waits too.
    task_queue_size: int = Field(default=1000, ge=1)
    # How long tasks may go on at shutdown, after the last request.
    task_drain_seconds: float = Field(default=20, ge=0)


@dataclass(frozen=True, eq=False)
class Job:
    """A task with its arguments, and the context of the request that enqueued it."""

    task: Task[...]
    args: tuple[object, ...]
    kwargs: dict[str, object]
    context: Context
    takes_room: bool


class Broker:
    """Takes tasks in, and runs them."""

    name = "tasks"

    def __init__(self, settings: TaskSettings) -> None:
        self._settings = settings
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._room = asyncio.Semaphore(settings.task_queue_size)
        self._running: set[Job] = set()
        self._succeeded = 0
        self._failed = 0

    async def enqueue(self, task: Task[P], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have a task run soon: enqueue it once all that it will read is there."""
        takes_room = not in_task.get()
        if takes_room:
            await self._room.acquire()
        context = copy_context()
        context.run(in_task.set, True)
        self._queue.put_nowait(Job(task, args, kwargs, context, takes_room))

    async def ping(self) -> None:
        """Nothing to ask: the tasks share the process."""

    def stats(self) -> Mapping[str, float]:
        """Count the tasks, by what became of them."""
        return {
            "running": len(self._running),
            "waiting": self._queue.qsize(),
            "succeeded": self._succeeded,
            "failed": self._failed,
        }

    @asynccontextmanager
    async def working(self, state: Mapping[str, object]) -> AsyncGenerator[None]:
        """Run tasks until the block ends, then those that are left."""
        workers = [
            asyncio.create_task(self._work(state)) for _ in range(self._settings.task_workers)
        ]
        try:
            yield
        finally:
            await self._drain()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, state: Mapping[str, object]) -> None:
        worker = asyncio.current_task()
        while True:
            job = await self._queue.get()
            if job.takes_room:
                self._room.release()
            self._running.add(job)
            try:
                work = job.task.function(state, *job.args, **job.kwargs)
                await asyncio.create_task(work, context=job.context)
                self._succeeded += 1
            except asyncio.CancelledError:
                if worker is None or worker.cancelling():
                    raise
                # Something that the task awaited was cancelled: the worker goes on.
                self._note_failure(job)
            except Exception:
                self._note_failure(job)
            finally:
                self._running.discard(job)
                self._queue.task_done()

    def _note_failure(self, job: Job) -> None:
        self._failed += 1
        job.context.run(logger.exception, "Task %s failed", job.task.name)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._settings.task_drain_seconds):
                await self._queue.join()
        except TimeoutError:
            lost = [job.task.name for job in self._running]
            while not self._queue.empty():
                lost.append(self._queue.get_nowait().task.name)
            logger.error("Shutdown lost %d tasks: %s", len(lost), ", ".join(lost))


@asynccontextmanager
async def open_broker(settings: TaskSettings) -> AsyncGenerator[Broker]:
    """Make the queue; `working` runs what is in it."""
    yield Broker(settings)


async def get_broker(connection: HTTPConnection) -> Broker:
    """Take the broker from a request or a socket."""
    broker: Broker = connection.state.broker
    return broker


BrokerDep = Annotated[Broker, Depends(get_broker)]
