"""What is kept, and for how long."""

import random
import struct
import time
from typing import NamedTuple, Self

# Fresh until, and kept until, in seconds since 1970; and whether there is a value.
HEAD = struct.Struct(">dd?")

# Of the time to live: what was loaded together isn't loaded again all at once.
JITTER = 0.05


class Entry(NamedTuple):
    """A value, or that there is none, with its times on the clock that all machines share."""

    value: bytes | None
    fresh_until: float
    kept_until: float

    @classmethod
    def lasting(cls, value: bytes | None, ttl_seconds: float, stale_seconds: float) -> Self:
        """Keep a value for a time, and for another while a newer one is loaded."""
        ttl_seconds *= random.uniform(1 - JITTER, 1)  # noqa: S311 - no secret
        fresh_until = time.time() + ttl_seconds
        return cls(value, fresh_until, fresh_until + stale_seconds)

    def pack(self) -> bytes:
        """Write it as bytes."""
        head = HEAD.pack(self.fresh_until, self.kept_until, self.value is not None)
        return head + (self.value or b"")

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read it back."""
        fresh_until, kept_until, has_value = HEAD.unpack_from(packed)
        return cls(packed[HEAD.size :] if has_value else None, fresh_until, kept_until)
