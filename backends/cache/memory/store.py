"""A cache in the memory of the process: bytes, bounded, the longest unused dropped first."""

import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from pydantic import BaseModel, Field


class CacheSettings(BaseModel):
    """How much is kept, and for how long."""

    # Of keys and values together; each process has a cache of its own.
    cache_max_bytes: int = Field(default=64 * 1024**2, ge=0)
    # Where `get_or_load` isn't told otherwise.
    cache_ttl_seconds: float = Field(default=60, gt=0)


class Entry(NamedTuple):
    """A value, and when it ceases to be one (on the monotonic clock)."""

    value: bytes
    expires_at: float


# What CPython spends on an entry besides the bytes of its key and value.
ENTRY_OVERHEAD_BYTES = 300


class Store:
    """Bytes by key."""

    def __init__(self, settings: CacheSettings) -> None:
        self._max_bytes = settings.cache_max_bytes
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """Look a value up."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= time.monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    async def set(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Keep a value, at the expense of those that were not used for longest."""
        self._drop(key)
        size = self._size(key, value)
        if size > self._max_bytes:
            return
        while self._bytes + size > self._max_bytes:
            self._drop(next(iter(self._entries)))
        self._entries[key] = Entry(value, time.monotonic() + ttl_seconds)
        self._bytes += size

    async def delete(self, *keys: str) -> None:
        """Forget values."""
        for key in keys:
            self._drop(key)

    async def ping(self) -> None:
        """Nothing to ask: the store shares the process."""

    def stats(self) -> Mapping[str, float]:
        """Count what is kept."""
        return {"entries": len(self._entries), "bytes": self._bytes}

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= self._size(key, entry.value)

    @staticmethod
    def _size(key: str, value: bytes) -> int:
        return len(key) + len(value) + ENTRY_OVERHEAD_BYTES


@asynccontextmanager
async def open_store(settings: CacheSettings) -> AsyncGenerator[Store]:
    """Make the store; it goes with the process."""
    yield Store(settings)
