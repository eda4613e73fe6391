"""Between the loop, where tasks run, and the threads of a library that blocks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.core.tasks.contract import Handler

T = TypeVar("T")


class SendingThread:
    """The one thread that sends: it keeps one connection."""

    def __init__(self) -> None:
        # What waits too long for its turn is cancelled.
        self._executor = ThreadPoolExecutor(1, "send")

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Do something there."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    async def end(self, close: Callable[[], object]) -> None:
        """Close what was opened, where it was opened."""
        await self.run(close)
        self._executor.shutdown()


class HandOver:
    """Hands over ids from a thread of the library's: a task runs where its connections are."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._loop = asyncio.get_running_loop()

    def __call__(self, task_id: str) -> None:
        """Wait until a task is at its end."""
        asyncio.run_coroutine_threadsafe(self._run(task_id), self._loop).result()

    async def _run(self, task_id: str) -> None:
        await self._handle(task_id)
