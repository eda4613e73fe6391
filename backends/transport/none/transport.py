"""Tasks in the process of the service itself.

They end before the process does, unless it is killed: a power cut loses those in hand.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from app.core.tasks.contract import Handler, Transport
from app.core.tasks.ledger import LedgerSettings


class TaskSettings(LedgerSettings):
    """How tasks are kept and run."""


class LocalTransport:
    """A queue in memory. What may wait in it is up to the ledger."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    async def send(self, ids: Sequence[str]) -> None:
        """Put them into the queue."""
        for task_id in ids:
            self._queue.put_nowait(task_id)

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        """Hand them over until the block ends, then those that are left."""
        workers = [asyncio.create_task(self._work(handle)) for _ in range(self._workers)]
        try:
            yield
            await self._queue.join()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, handle: Handler) -> None:
        while True:
            task_id = await self._queue.get()
            try:
                await handle(task_id)
            finally:
                self._queue.task_done()

    async def ping(self) -> None:
        """Nothing to ask: the tasks share the process."""


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Make the queue."""
    yield LocalTransport(settings.task_workers)
