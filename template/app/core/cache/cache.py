"""Reads that are worth keeping: loaded once for all who wait, dropped when they change."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from app.core.cache.store import CacheSettings, Store, open_store


class Cache:
    """Values are bytes: what is sent to the client, say, so that a hit serializes nothing."""

    name = "cache"

    def __init__(self, store: Store, settings: CacheSettings) -> None:
        self._store = store
        self._ttl_seconds = settings.cache_ttl_seconds
        self._flights: dict[str, asyncio.Task[bytes]] = {}
        self._hits = 0
        self._misses = 0

    async def get_or_load(
        self,
        key: str,
        load: Callable[[], Awaitable[bytes]],
        *,
        ttl_seconds: float | None = None,
    ) -> bytes:
        """Give what is kept under the key; load it if there is nothing.

        All who miss at the same time share one load, which outlives the request that
        began it. So `load` opens what it needs itself, a session of its own for instance.
        """
        value = await self._store.get(key)
        if value is not None:
            self._hits += 1
            return value

        self._misses += 1
        flight = self._flights.get(key)
        if flight is None:
            ttl_seconds = self._ttl_seconds if ttl_seconds is None else ttl_seconds
            flight = asyncio.create_task(self._load(key, load, ttl_seconds))
            # It may fail when nobody waits for it any more: that is no error of the event loop.
            flight.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._flights[key] = flight
        return await asyncio.shield(flight)

    async def invalidate(self, *keys: str) -> None:
        """Forget what is kept under the keys. Hand it to `after_commit`, never call it before."""
        for key in keys:
            # A load that began before the write may not keep what it read.
            self._flights.pop(key, None)
        await self._store.delete(*keys)

    async def ping(self) -> None:
        """Ask the store."""
        await self._store.ping()

    def stats(self) -> Mapping[str, float]:
        """Count what is kept, and how often it was of use."""
        return {**self._store.stats(), "hits": self._hits, "misses": self._misses}

    async def _load(
        self, key: str, load: Callable[[], Awaitable[bytes]], ttl_seconds: float
    ) -> bytes:
        flight = asyncio.current_task()
        try:
            value = await load()
            if self._flights.get(key) is flight:
                await self._store.set(key, value, ttl_seconds)
            return value
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]


@asynccontextmanager
async def open_cache(settings: CacheSettings) -> AsyncGenerator[Cache]:
    """Open the store, and the cache on it."""
    async with open_store(settings) as store:
        yield Cache(store, settings)


async def get_cache(connection: HTTPConnection) -> Cache:
    """Take the cache from a request or a socket."""
    cache: Cache = connection.state.cache
    return cache


CacheDep = Annotated[Cache, Depends(get_cache)]
