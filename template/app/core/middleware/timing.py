"""How long a request took, and what it spent the time on."""

import logging
import time

from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.observability.timing import Timing, timing

logger = logging.getLogger(__name__)


class TimingSettings(BaseModel):
    """What counts as slow."""

    # A request that takes longer is logged.
    slow_request_seconds: float = Field(default=1, gt=0)


class TimingMiddleware:
    """Tell the client in `X-Process-Time` (seconds) and `Server-Timing` (milliseconds)."""

    def __init__(self, app: ASGIApp, slow_seconds: float) -> None:
        self.app = app
        self.slow_seconds = slow_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = time.perf_counter()
        current = Timing(scope)

        async def send_with_timing(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - started
                parts = [
                    f'{name};dur={spent.seconds * 1000:.1f};desc="{spent.times}"'
                    for name, spent in current.spent.items()
                ]
                server_timing = ", ".join([f"total;dur={seconds * 1000:.1f}", *parts])
                message["headers"] = [
                    *message["headers"],
                    (b"x-process-time", f"{seconds:.6f}".encode()),
                    (b"server-timing", server_timing.encode()),
                ]
            await send(message)

        token = timing.set(current)
        try:
            await self.app(scope, receive, send_with_timing)
        finally:
            timing.reset(token)
            seconds = time.perf_counter() - started
            if seconds > self.slow_seconds:
                logger.warning("Slow request: %s took %.2f s (%s)", current.route, seconds, current)
