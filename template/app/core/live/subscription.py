"""What waits for one listener."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import asynccontextmanager

from fastapi import status

from app.core.live.message import Message

# For a listener who is about to be let go: to take what is on its way to it.
FAREWELL_SECONDS = 2


class Closed(Exception):
    """The end of a conversation, with a code of RFC 6455 and a reason for people."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class TooSlow(Closed):
    """More waits for a listener than there is room for."""

    def __init__(self) -> None:
        super().__init__(status.WS_1013_TRY_AGAIN_LATER, "You read too slowly.")


class Restarting(Closed):
    """The process ends, and another one goes on."""

    def __init__(self) -> None:
        super().__init__(status.WS_1012_SERVICE_RESTART, "The service restarts: come back.")


class Subscription:
    """A queue of messages. It never makes anybody wait who puts something in."""

    def __init__(self, topics: Collection[str], most: int, replayed: Iterable[Message]) -> None:
        self.topics = topics
        self._waiting = deque(replayed)
        # What the listener missed is no sign that it is slow.
        self._most = most + len(self._waiting)
        self._has_news = asyncio.Event()
        self._limit: asyncio.Timeout | None = None
        self._end: Closed | None = None

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is put in."""
        return self._end is not None

    def put(self, message: Message) -> bool:
        """Have a message wait; tell whether there was room."""
        if len(self._waiting) >= self._most:
            self._waiting.clear()
            self.end(TooSlow(), within_seconds=0)
            return False
        self._waiting.append(message)
        self._has_news.set()
        return True

    def end(self, end: Closed, within_seconds: float = FAREWELL_SECONDS) -> None:
        """End it once all that waits is taken; after that time, whatever the listener does."""
        if self._end is None:
            self._end = end
            self._has_news.set()
            self._cut(within_seconds)

    def _cut(self, within_seconds: float) -> None:
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + within_seconds)

    async def next(self) -> Message:
        """Wait for the next message. Raise `Closed` when there won't be one."""
        while not self._waiting:
            if self._end is not None:
                raise self._end
            self._has_news.clear()
            await self._has_news.wait()
        return self._waiting.popleft()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[None]:
        """Send what comes, in this block: `Closed` ends it even while it waits for the listener."""
        try:
            async with asyncio.timeout(None) as self._limit:
                if self._end is not None:
                    self._cut(FAREWELL_SECONDS)
                yield
        except TimeoutError:
            if self._end is None:
                raise
            raise self._end from None
        finally:
            self._limit = None
