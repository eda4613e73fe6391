"""Carries tasks with taskiq: it knows one task, to which it hands ids."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from taskiq import AsyncBroker
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from app.core.tasks.contract import Handler

logger = logging.getLogger(__name__)

# After a failure nobody tries to receive for so long.
AWAY_SECONDS = 1


class TaskiqTransport:
    """A broker of taskiq. It is connected when somebody needs it: it may be away before that."""

    def __init__(self, broker: AsyncBroker, workers: int) -> None:
        self._broker = broker
        self._workers = workers

        # The library names a function anew, which it can't do to a method.
        async def run(task_id: str) -> None:
            await self._run(task_id)

        self._task = broker.register_task(run, task_name="run")
        self._handle: Handler | None = None
        self._connecting = asyncio.Lock()
        self._is_connected = False
        # It tells of each task, twice.
        logging.getLogger("taskiq").setLevel(logging.WARNING)

    async def send(self, ids: Sequence[str]) -> None:
        """Have each of them come to some worker."""
        await self._connect()
        await asyncio.gather(*(self._task.kiq(task_id) for task_id in ids))

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        """Hand over what comes until the block ends, and wait for what was handed over."""
        self._handle = handle
        self._broker.is_worker_process = True
        ended = asyncio.Event()
        listening = asyncio.create_task(self._listen(ended))
        try:
            yield
        finally:
            ended.set()
            await asyncio.wait([listening])

    async def ping(self) -> None:
        """Connect, or raise what stands in the way."""
        await self._connect()

    async def shutdown(self) -> None:
        """Close what was opened."""
        if self._is_connected:
            await self._broker.shutdown()

    async def _connect(self) -> None:
        if self._is_connected:
            return
        async with self._connecting:
            if not self._is_connected:
                await self._broker.startup()
                self._is_connected = True

    async def _listen(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            try:
                await self._connect()
                # What a worker has in hand is known elsewhere.
                receiver = Receiver(
                    self._broker,
                    max_async_tasks=self._workers,
                    ack_type=AcknowledgeType.WHEN_RECEIVED,
                    run_startup=False,
                )
                await receiver.listen(ended)
            except Exception as error:
                logger.warning("No tasks can be received: %r", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(AWAY_SECONDS):
                        await ended.wait()

    async def _run(self, task_id: str) -> None:
        if self._handle is not None:
            await self._handle(task_id)
