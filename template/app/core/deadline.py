"""How much of its time a request has left, for whatever it waits for."""

import asyncio
from contextvars import ContextVar

# How a client says how many seconds it is going to wait; to be said on to whom the service asks.
HEADER = "X-Request-Timeout"


class Deadline:
    """The end of a request's time, by the clock of the event loop."""

    __slots__ = ("ends_at",)

    def __init__(self, ends_at: float) -> None:
        self.ends_at: float | None = ends_at

    def remaining_seconds(self) -> float | None:
        """Give what is left, never less than nothing; `None` without a limit."""
        if self.ends_at is None:
            return None
        return max(0.0, self.ends_at - asyncio.get_running_loop().time())

    def lift(self) -> None:
        """Let the request, and what it started, take as long as it takes."""
        self.ends_at = None


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
