"""What the cache asks of a store that several processes share. No method raises: it may be away."""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from app.core.cache.entry import Entry

# Who hears of keys and tags that changed; of all, with `None`.
WhenChanged = Callable[[Collection[str] | None], None]


class Found(NamedTuple):
    """What a store has under a key, and what it takes to write there what was loaded since."""

    entry: Entry | None
    # Of the key and its tags, as they were; `None` if the store could not be asked.
    versions: bytes | None = b""

    def good(self, *, fresh: bool) -> Entry | None:
        """Give the entry, if it is still of use."""
        now = time.time()
        if self.entry is None or self.entry.kept_until <= now:
            return None
        return None if fresh and self.entry.fresh_until <= now else self.entry


class Store(Protocol):
    """Entries by key, which a change of the key or of a tag makes useless."""

    # To be set by who has copies: it is called with what other processes changed.
    when_changed: WhenChanged

    @property
    def copy_seconds(self) -> float:
        """How long a copy of an entry is good."""

    @property
    def patience_seconds(self) -> float:
        """How long to wait for what another process loads."""

    async def read(self, key: str, tags: Collection[str]) -> Found:
        """Look an entry up."""

    async def write(self, key: str, entry: Entry, found: Found) -> None:
        """Keep what was loaded after that was found, unless something changed since."""

    async def invalidate(self, names: Collection[str]) -> None:
        """Make entries with these keys or tags useless."""

    def lead(self, key: str) -> AbstractAsyncContextManager[bool]:
        """Become the one of all processes who loads it, unless another one is."""

    async def ping(self) -> None:
        """Raise what stands in the way of serving."""

    def stats(self) -> Mapping[str, float]:
        """Count what went wrong, or what is kept."""


def forget_nothing(_names: Collection[str] | None) -> None:
    """Have no copies."""
