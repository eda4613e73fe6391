"""Nothing behind the memory of the process: what it has forgotten is loaded again."""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from math import inf

from pydantic import Field

from app.core.cache.contract import Found, Store, WhenChanged, forget_nothing
from app.core.cache.entry import Entry
from app.core.observability.identity import IdentitySettings


class CacheSettings(IdentitySettings):
    """How much is kept, and for how long."""

    # Of keys and values together; each process has a cache of its own.
    cache_max_bytes: int = Field(default=64 * 1024**2, ge=0)
    # Where `get_or_load` isn't told otherwise.
    cache_ttl_seconds: float = Field(default=60, gt=0)
    # After that, for how long a value is given while a newer one is loaded.
    cache_stale_seconds: float = Field(default=0, ge=0)


class NoStore:
    """What processes share: nothing."""

    # Nobody else changes what a copy is of.
    copy_seconds = inf
    # Nobody else loads it.
    patience_seconds = 0

    def __init__(self) -> None:
        self.when_changed: WhenChanged = forget_nothing

    async def read(self, key: str, tags: Collection[str]) -> Found:  # noqa: ARG002 - the contract
        """Find nothing."""
        return Found(None)

    async def write(self, key: str, entry: Entry, found: Found) -> None:
        """Keep nothing."""

    async def invalidate(self, names: Collection[str]) -> None:
        """Nobody has to be told."""

    @asynccontextmanager
    async def lead(self, key: str) -> AsyncGenerator[bool]:  # noqa: ARG002 - the contract
        """Nobody else is there to load it."""
        yield True

    async def ping(self) -> None:
        """Nothing to ask."""

    def stats(self) -> Mapping[str, float]:
        """Nothing to count."""
        return {}


@asynccontextmanager
async def open_store(_settings: CacheSettings) -> AsyncGenerator[Store]:
    """Make the store."""
    yield NoStore()
