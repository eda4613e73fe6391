"""Tasks that run in the process of a test, whatever carries them in production."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from app.core.tasks.broker import Broker
from app.core.tasks.contract import Handler
from app.core.tasks.working import working
from app.settings import Settings


class LocalTransport:
    """Carries tasks no further than the test. It can be away."""

    def __init__(self, workers: int = 10) -> None:
        self.is_away = False
        self.sent: list[str] = []
        self.workers = workers
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    async def send(self, ids: Sequence[str]) -> None:
        if self.is_away:
            raise ConnectionError("It is away")
        for task_id in ids:
            self.sent.append(task_id)
            self._queue.put_nowait(task_id)

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        ended = asyncio.Event()
        workers = [asyncio.create_task(self._work(handle, ended)) for _ in range(self.workers)]
        try:
            yield
        finally:
            ended.set()
            for _ in workers:
                self._queue.put_nowait("")
            await asyncio.wait(workers)

    async def _work(self, handle: Handler, ended: asyncio.Event) -> None:
        while not ended.is_set():
            if task_id := await self._queue.get():
                await handle(task_id)

    async def ping(self) -> None:
        await self.send([])


@asynccontextmanager
async def running_here(settings: Settings, state: Mapping[str, Any]) -> AsyncGenerator[None]:
    """Run the tasks of the application, unless it does so itself."""
    if "task_runner" in state:
        yield
        return
    async with working(carried_here(state), settings, state):
        yield


def carried_here(state: Mapping[str, Any]) -> Broker:
    """Have the tasks of the application carried no further than the test."""
    broker: Broker = state["broker"]
    if "task_runner" not in state and not isinstance(broker.transport, LocalTransport):
        broker.transport = LocalTransport()
    return broker
