"""What is about to be told, so that nobody who has something to tell waits for the relay."""

import asyncio
import logging
from collections.abc import Collection

from app.core.live.contract import Relay
from app.core.live.message import pack
from app.core.live.settings import HubSettings

logger = logging.getLogger(__name__)

# Sent in one trip, and waiting for one.
AT_ONCE = 100
MOST_WAITING = 10_000


class Outbox:
    """Sends messages one batch after the other, in their order. Those that fail are lost."""

    def __init__(self, relay: Relay, settings: HubSettings) -> None:
        self.lost = 0
        self._relay = relay
        self._timeout_seconds = settings.live_relay_timeout_seconds
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def put(self, event: str, topics: Collection[str], data: str) -> None:
        """Have a message sent soon."""
        try:
            self._waiting.put_nowait(pack(event, topics, data))
        except asyncio.QueueFull:
            self._lose(1, "too many wait")

    async def send(self) -> None:
        """Send what is put in, until it is cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._relay.send(batch)
            except Exception as error:
                self._lose(len(batch), str(error) or "no answer in time")
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def drain(self) -> None:
        """Wait until everything is sent, if that is soon."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._waiting.join()
        except TimeoutError:
            self._lose(self._waiting.qsize(), "the service ended")

    def _lose(self, count: int, reason: str) -> None:
        self.lost += count
        logger.warning("Nobody was told of %d messages: %s", count, reason)
