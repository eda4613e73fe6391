"""How many requests are worked on at once, and for how long."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import cast

from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.deadline import HEADER, Deadline, deadline
from app.core.observability.health import PROBES
from app.core.problem import problem_response

ASKED = HEADER.lower().encode()
# How late the end may come. A timer for each request would cost a tenth of a small one.
LOOK_SECONDS = 0.02


class InFlightSettings(BaseModel):
    """What is too much, and what is too long."""

    # In each process. Those whose answer has begun, such as streams, don't count.
    max_requests_in_flight: int = Field(default=1000, ge=1)
    # Until the answer begins. A client that waits for less says so in `X-Request-Timeout`.
    request_timeout_seconds: float = Field(default=30, gt=0)


class Running(Deadline):
    """A request that isn't answered yet, and the task that works on it."""

    __slots__ = ("is_overdue", "task")

    def __init__(self, ends_at: float, task: asyncio.Task[None]) -> None:
        super().__init__(ends_at)
        self.task = task
        self.is_overdue = False

    def look(self, now: float) -> None:
        """End what takes too long."""
        if self.ends_at is not None and self.ends_at <= now and not self.is_overdue:
            self.is_overdue = True
            self.task.cancel()


class InFlightMiddleware:
    """Answer 503 at once rather than late, and 504 when the time is up.

    Who waits in a long queue has left by his turn. When the time is up, what was being done ends,
    too. An answer that has begun may take its time: a client may be slow.
    """

    def __init__(self, app: ASGIApp, settings: InFlightSettings) -> None:
        self.app = app
        self.most = settings.max_requests_in_flight
        self.timeout_seconds = settings.request_timeout_seconds
        self.running: set[Running] = set()
        self.timer: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        if len(self.running) >= self.most:
            response = problem_response(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The service has too much to do. Try again.",
                headers={"Retry-After": "1"},
            )
            await response(scope, receive, send)
            return

        current = self.enter(scope)

        async def send_and_leave(message: Message) -> None:
            self.running.discard(current)
            current.ends_at = None
            await send(message)

        token = deadline.set(current)
        try:
            await self.app(scope, receive, send_and_leave)
        except asyncio.CancelledError:
            # Somebody else may want it to end as well, and has to be heard.
            if not current.is_overdue or current.task.uncancel() > 0:
                raise
            response = problem_response(
                HTTPStatus.GATEWAY_TIMEOUT, "To answer takes longer than the request has time."
            )
            await response(scope, receive, send)
        finally:
            deadline.reset(token)
            self.running.discard(current)
            current.lift()

    def enter(self, scope: Scope) -> Running:
        """Begin to watch a request."""
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[None]", asyncio.current_task(loop))
        current = Running(loop.time() + self.seconds(scope), task)
        self.running.add(current)
        if self.timer is None:
            self.timer = loop.call_later(LOOK_SECONDS, self.look, loop)
        return current

    def seconds(self, scope: Scope) -> float:
        """Give the limit, or less if the client asks for that."""
        for name, value in scope["headers"]:
            if name == ASKED:
                # What is no positive number is no wish.
                with suppress(ValueError):
                    asked = float(value)
                    return min(self.timeout_seconds, asked) if asked > 0 else self.timeout_seconds
        return self.timeout_seconds

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what is overdue, and look again as long as there is something to look at."""
        now = loop.time()
        for request in self.running:
            request.look(now)
        self.timer = loop.call_later(LOOK_SECONDS, self.look, loop) if self.running else None
