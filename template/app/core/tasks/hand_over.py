"""From the threads of a library to the loop, where tasks run."""

import asyncio

from app.core.tasks.contract import Handler


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
