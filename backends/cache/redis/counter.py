"""Counts of requests, which all processes share; each its own while Redis is away."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core.breaker import Breaker
from app.core.cache.redis_client import open_redis
from app.core.cache.store import CacheSettings
from app.core.observability.timing import spending
from app.core.rate_limit.contract import Counter, RateLimitSettings
from app.core.rate_limit.windows import Windows, window_of

logger = logging.getLogger(__name__)

# This window and the one before, the limit, what the one before weighs, and how long to keep it.
ADD = """
local before = tonumber(redis.call('GET', KEYS[2]) or 0) * tonumber(ARGV[2])
local used = tonumber(redis.call('GET', KEYS[1]) or 0) + 1 + before
if used > tonumber(ARGV[1]) then return false end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return tostring(used)
"""


class CounterSettings(RateLimitSettings, CacheSettings):
    """What it needs to count."""


class SharedCounter:
    """Counts what each client asks for."""

    def __init__(self, client: Redis, settings: CounterSettings) -> None:
        self._client: Any = client
        self._windows = Windows(settings.rate_limit_window_seconds)
        self._limit = settings.rate_limit_requests
        self._breaker = Breaker(settings.cache_retry_seconds)
        # In braces: all in one slot of a cluster.
        self._prefix = "{" + settings.service_name + "}:requests:"

    async def add(self, who: str) -> float | None:
        """Count a request and give how many there were; `None`, and no count, beyond the limit."""
        if not self._breaker.allows():
            return self._windows.add(who, self._limit)
        seconds = self._windows.seconds
        number, share = window_of(seconds)
        keys = [f"{self._prefix}{who}:{each}" for each in (number, number - 1)]
        try:
            with spending("limit", "EVAL"):
                used = await self._client.eval(ADD, 2, *keys, self._limit, 1 - share, 2 * seconds)
        except (RedisError, OSError) as error:
            if not self._breaker.is_tripped:
                logger.warning("Each process counts requests for itself: %s", error)
            self._breaker.trip()
            return self._windows.add(who, self._limit)
        self._breaker.close()
        return None if used is None else float(used)


@asynccontextmanager
async def open_counter(settings: CounterSettings) -> AsyncGenerator[Counter]:
    """Open the connections; each is made when it is needed."""
    async with open_redis(
        settings.redis_url,
        timeout_seconds=settings.cache_timeout_seconds,
        max_connections=settings.cache_max_connections,
    ) as client:
        yield SharedCounter(client, settings)
