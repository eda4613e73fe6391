"""Counts of requests: each process has its own, so a client may ask each of them as often."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.core.rate_limit.contract import Counter, RateLimitSettings
from app.core.rate_limit.windows import Windows


class CounterSettings(RateLimitSettings):
    """What it needs to count."""


class OwnCounter:
    """Counts what each client asks for."""

    def __init__(self, settings: CounterSettings) -> None:
        self._windows = Windows(settings.rate_limit_window_seconds)
        self._limit = settings.rate_limit_requests

    async def add(self, who: str) -> float | None:
        """Count a request and give how many there were; `None`, and no count, beyond the limit."""
        return self._windows.add(who, self._limit)


@asynccontextmanager
async def open_counter(settings: CounterSettings) -> AsyncGenerator[Counter]:
    """Begin to count."""
    yield OwnCounter(settings)
