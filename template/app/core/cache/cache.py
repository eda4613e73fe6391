"""Reads that are worth keeping: loaded once for all who wait, dropped when they change."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import TypeAdapter

from app.core.cache.contract import Store
from app.core.cache.entry import Entry
from app.core.cache.keys import fingerprint
from app.core.cache.loading import Counts, Flights, Load, Served, Wanted
from app.core.cache.memory import Memory
from app.core.cache.store import CacheSettings, open_store

T = TypeVar("T")
V = TypeVar("V", bytes, bytes | None)

# Families are counted apart. There are few, unless somebody forgets the colon in a key.
MOST_FAMILIES = 1000


class Cache:
    """Values are bytes: what is sent to the client, say, so that a hit serializes nothing.

    Each process has copies in its memory. Where processes share a store, a copy is good for a
    moment only, and dropped as soon as another process says that it changed.
    """

    name = "cache"
    totals = frozenset({"errors", "hits", "load_seconds", "loads", "misses", "stale"})

    def __init__(self, store: Store, settings: CacheSettings) -> None:
        self.service_name = settings.service_name
        self.families: dict[str, Counts] = {}
        self._store = store
        self._settings = settings
        self._memory = Memory(settings.cache_max_bytes)
        self._flights = Flights(store, self._memory)
        self._changes = 0
        store.when_changed = self._forget

    async def get_or_load(
        self,
        key: str,
        load: Callable[[], Awaitable[V]],
        *,
        tags: Collection[str] = (),
        ttl_seconds: float | None = None,
        stale_seconds: float | None = None,
        none_ttl_seconds: float = 0,
    ) -> V:
        """Give what is kept under the key; load it if there is nothing.

        All who miss at the same time share one load, which outlives the request that began it. So
        `load` opens what it needs itself, rather than take it from the request. For
        `stale_seconds` after its time a value is still given, while a newer one is loaded. That
        there is nothing, `None`, is kept for `none_ttl_seconds`.
        """
        served = await self.serve(
            key,
            load,
            tags=tags,
            ttl_seconds=ttl_seconds,
            stale_seconds=stale_seconds,
            none_ttl_seconds=none_ttl_seconds,
        )
        return cast("V", served.entry.value)

    async def get_or_load_object(
        self,
        key: str,
        load: Callable[[], Awaitable[T]],
        kind: TypeAdapter[T],
        *,
        tags: Collection[str] = (),
        ttl_seconds: float | None = None,
        stale_seconds: float | None = None,
    ) -> T:
        """Do the same with an object. It is kept as JSON, so each who asks gets one of his own.

        What was kept of another kind, before a deployment, say, isn't found.
        """

        async def load_json() -> bytes:
            return kind.dump_json(await load())

        served = await self.serve(
            f"{key}#{fingerprint(kind)}",
            load_json,
            tags=(key, *tags),
            ttl_seconds=ttl_seconds,
            stale_seconds=stale_seconds,
        )
        return kind.validate_json(served.entry.value or b"")

    async def serve(
        self,
        key: str,
        load: Load,
        *,
        tags: Collection[str] = (),
        ttl_seconds: float | None = None,
        stale_seconds: float | None = None,
        none_ttl_seconds: float = 0,
    ) -> Served:
        """Do the same as `get_or_load`, and tell where it comes from, and how long it is good."""
        counts = self._counts(key)
        entry = self._memory.get(key)
        if entry is None:
            entry = await self._copied(key, tags)
        if entry is not None and entry.fresh_until > time.time():
            counts.hits += 1
            return Served(entry, "hit")
        settings = self._settings
        wanted = Wanted(
            key,
            load,
            tags,
            settings.cache_ttl_seconds if ttl_seconds is None else ttl_seconds,
            settings.cache_stale_seconds if stale_seconds is None else stale_seconds,
            none_ttl_seconds,
            counts,
        )
        flight = self._flights.join(wanted, is_stale=entry is not None)
        if entry is None:
            return await asyncio.shield(flight)
        counts.stale += 1
        return Served(entry, "stale")

    async def invalidate(self, *names: str) -> None:
        """Forget what is kept under these keys and tags: once they changed for good, not before."""
        self._forget(names)
        await self._store.invalidate(names)

    async def ping(self) -> None:
        """Ask the store."""
        await self._store.ping()

    def stats(self) -> Mapping[str, float]:
        """Count what is kept, and how often it was of use."""
        total = {
            name: sum(getattr(counts, name) for counts in self.families.values())
            for name in ("hits", "misses", "stale", "loads", "load_seconds")
        }
        return {**self._memory.stats(), **self._store.stats(), **total}

    async def _copied(self, key: str, tags: Collection[str]) -> Entry | None:
        """Look an entry up in the store, and keep a copy."""
        changes = self._changes
        found = await self._store.read(key, tags)
        entry = found.good(fresh=False)
        # What changed since it was asked for may be this.
        if entry is not None and changes == self._changes:
            self._memory.set(key, entry, tags, self._store.copy_seconds)
        return entry

    def _forget(self, names: Collection[str] | None) -> None:
        """Drop copies, all if nobody knows which; what is on its way may not be kept either."""
        self._changes += 1
        self._flights.forget(names)
        if names is None:
            self._memory.clear()
        else:
            self._memory.forget(names)

    def _counts(self, key: str) -> Counts:
        family = key.partition(":")[0]
        if family not in self.families and len(self.families) >= MOST_FAMILIES:
            family = "others"
        return self.families.setdefault(family, Counts())


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
