"""Sending with a library that blocks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
