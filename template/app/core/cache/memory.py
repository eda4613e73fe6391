"""Entries in the memory of the process: bounded by bytes, the longest unused dropped first."""

import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from app.core.cache.entry import Entry

# What CPython spends on an entry besides the bytes of its names and value.
ENTRY_OVERHEAD_BYTES = 600


class Copy(NamedTuple):
    """An entry as it lies here."""

    entry: Entry
    until: float
    tags: Collection[str]
    size: int


class Memory:
    """Entries by key, and keys by tag."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._copies: OrderedDict[str, Copy] = OrderedDict()
        self._tagged: dict[str, set[str]] = {}
        self._bytes = 0

    def get(self, key: str) -> Entry | None:
        """Look an entry up."""
        copy = self._copies.get(key)
        if copy is None:
            return None
        if copy.until <= time.time():
            self._drop(key)
            return None
        self._copies.move_to_end(key)
        return copy.entry

    def set(self, key: str, entry: Entry, tags: Collection[str], seconds: float) -> None:
        """Keep an entry so long at most, at the expense of those that were not used for longest."""
        self._drop(key)
        if seconds <= 0:
            return
        names = len(key) + sum(map(len, tags))
        size = names + len(entry.value or b"") + ENTRY_OVERHEAD_BYTES * (1 + len(tags))
        until = min(entry.kept_until, time.time() + seconds)
        if size > self._max_bytes or until <= time.time():
            return
        while self._bytes + size > self._max_bytes:
            self._drop(next(iter(self._copies)))
        self._copies[key] = Copy(entry, until, tags, size)
        self._bytes += size
        for tag in tags:
            self._tagged.setdefault(tag, set()).add(key)

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is kept under a key, or with a tag."""
        for name in names:
            self._drop(name)
            for key in tuple(self._tagged.get(name, ())):
                self._drop(key)

    def clear(self) -> None:
        """Drop everything."""
        self._copies.clear()
        self._tagged.clear()
        self._bytes = 0

    def stats(self) -> Mapping[str, float]:
        """Count what is kept."""
        return {
            "entries": len(self._copies),
            "bytes": self._bytes,
            "max_bytes": self._max_bytes,
        }

    def _drop(self, key: str) -> None:
        copy = self._copies.pop(key, None)
        if copy is None:
            return
        self._bytes -= copy.size
        for tag in copy.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]
