"""How much of its time a request has left, for whatever it waits for."""

import asyncio
from contextvars import ContextVar

# How a client says how many seconds it is going to wait; to be said on to whom the service asks.
HEADER = "X-Request-Timeout"


class Deadline:
    """The end of a request's time."""

    def __init__(self, limit: asyncio.Timeout) -> None:
        self._limit: asyncio.Timeout | None = limit

    def remaining_seconds(self) -> float | None:
        """Give what is left, never less than nothing; `None` without a limit."""
        ends_at = None if self._limit is None else self._limit.when()
        return None if ends_at is None else max(0.0, ends_at - asyncio.get_running_loop().time())

    def lift(self) -> None:
        """Let the request take as long as it takes."""
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(None)

    def forget(self) -> None:
        """Limit nothing any more: the request has ended, and what it started may go on."""
        self._limit = None


# Tasks that a request starts run in a copy of its context.
deadline: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def remaining_seconds() -> float | None:
    """Give what the current request has left; `None` where nothing limits it."""
    current = deadline.get()
    return None if current is None else current.remaining_seconds()


async def no_deadline() -> None:
    """Exempt a route, by declaration: `dependencies=[Depends(no_deadline)]`."""
    current = deadline.get()
    if current is not None:
        current.lift()
