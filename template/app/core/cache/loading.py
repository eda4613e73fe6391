"""Loads on their way: one for all who want the same, in this process and in the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from app.core.cache.contract import Found, Store
from app.core.cache.entry import Entry
from app.core.cache.memory import Memory

Load: TypeAlias = Callable[[], Awaitable[bytes | None]]

# Between two looks at what another process loads.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.01, 0.1


@dataclass
class Counts:
    """What became of the reads of a family of keys, such as `post:…`."""

    hits: int = 0
    misses: int = 0
    stale: int = 0
    loads: int = 0
    load_seconds: float = 0


class Wanted(NamedTuple):
    """What is to be kept, how it is loaded, and for how long it is good."""

    key: str
    load: Load
    tags: Collection[str]
    ttl_seconds: float
    stale_seconds: float
    none_ttl_seconds: float
    counts: Counts


class Served(NamedTuple):
    """An entry, and what it took to get it."""

    entry: Entry
    how: Literal["hit", "stale", "loaded"]


class Flight(NamedTuple):
    """A read on its way, which all wait for who want the same."""

    task: asyncio.Task[Served]
    names: frozenset[str]


class Flights:
    """Reads of what the memory of this process doesn't have."""

    def __init__(self, store: Store, memory: Memory) -> None:
        self._store = store
        self._memory = memory
        self._flights: dict[str, Flight] = {}

    def join(self, wanted: Wanted, *, is_stale: bool) -> asyncio.Task[Served]:
        """Take part in a read, the first one begins it. It outlives who wait for it."""
        flight = self._flights.get(wanted.key)
        if flight is None:
            task = asyncio.create_task(self._fly(wanted, is_stale=is_stale))
            # It may fail when nobody waits for it any more: that is no error of the event loop.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            flight = Flight(task, frozenset({wanted.key, *wanted.tags}))
            self._flights[wanted.key] = flight
        return flight.task

    def forget(self, names: Collection[str] | None) -> None:
        """Don't keep what is on its way, and let nobody else join it."""
        if names is None:
            self._flights.clear()
            return
        for key, flight in tuple(self._flights.items()):
            if not flight.names.isdisjoint(names):
                del self._flights[key]

    async def _fly(self, wanted: Wanted, *, is_stale: bool) -> Served:
        task = asyncio.current_task()
        try:
            served = await self._obtain(wanted, is_stale=is_stale)
            if self._is_current(wanted.key, task):
                self._memory.set(wanted.key, served.entry, wanted.tags, self._store.copy_seconds)
            return served
        finally:
            if self._is_current(wanted.key, task):
                del self._flights[wanted.key]

    def _is_current(self, key: str, task: asyncio.Task[Any] | None) -> bool:
        flight = self._flights.get(key)
        return flight is not None and flight.task is task

    async def _obtain(self, wanted: Wanted, *, is_stale: bool) -> Served:
        """Load it, unless another process does: then wait for what comes of that."""
        pause = FIRST_PAUSE_SECONDS
        deadline = time.monotonic() + self._store.patience_seconds
        while True:
            async with self._store.lead(wanted.key) as leads:
                if leads or time.monotonic() > deadline:
                    # Whoever led before may have been through with it in the meantime.
                    found = await self._store.read(wanted.key, wanted.tags)
                    if entry := found.good(fresh=is_stale):
                        return self._hit(wanted, entry)
                    return Served(await self._load(wanted, found), "loaded")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE_SECONDS)
            found = await self._store.read(wanted.key, wanted.tags)
            if entry := found.good(fresh=False):
                return self._hit(wanted, entry)

    def _hit(self, wanted: Wanted, entry: Entry) -> Served:
        wanted.counts.hits += 1
        return Served(entry, "hit")

    async def _load(self, wanted: Wanted, found: Found) -> Entry:
        started = time.perf_counter()
        wanted.counts.misses += 1
        value = await wanted.load()
        wanted.counts.loads += 1
        wanted.counts.load_seconds += time.perf_counter() - started
        if value is None:
            entry = Entry.lasting(None, wanted.none_ttl_seconds, 0)
        else:
            entry = Entry.lasting(value, wanted.ttl_seconds, wanted.stale_seconds)
        if entry.kept_until > time.time():
            await self._store.write(wanted.key, entry, found)
        return entry
