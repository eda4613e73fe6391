"""Pages by keyset: the next one starts behind the last row seen, however deep it is.

An offset makes the database read and drop every row before it, and shifts when rows are added.
It is there for those who have to jump, and bounded.
"""

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, Field, SecretStr, TypeAdapter, model_validator

from app.core.errors import BadRequest
from app.core.query import QueryModel

# Beyond it, `capped` says "so many, or more".
TOTAL_CAP = 10_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAYOUT = struct.Struct(">qq")
SIGNATURE_BYTES = 12


class PaginationSettings(BaseModel):
    """What cursors are signed with."""

    # The same in all processes. Without one, a cursor still shows damage, but whoever reads this
    # code could make one; that gives access to nothing that a list doesn't show anyway.
    cursor_secret: SecretStr = SecretStr("")


class InvalidCursor(BadRequest):
    """The cursor isn't one that the service gave out. Start without one."""


class PageQuery(QueryModel):
    """What a client asks of a list."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)
    offset: int = Field(
        default=0, ge=0, le=10_000, description="Rows to skip; a cursor is faster, and exact."
    )
    include_total: Literal["capped", "exact"] | None = Field(
        default=None,
        description=f"Count the rows too: up to {TOTAL_CAP}, or all, which takes longer.",
    )

    @model_validator(mode="after")
    def begin_once(self) -> Self:
        """Refuse two places to begin at."""
        if self.cursor and self.offset:
            raise ValueError("A page begins at a cursor or at an offset, not both")
        return self


class Page(BaseModel):
    """What every list answers; a feature adds its `items`."""

    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last.")
    total: int | None = Field(default=None, description="Rows in all, if `include_total` asked.")


class Position(NamedTuple):
    """A row in an ordering by time and id. The id decides where times are equal."""

    created_at: datetime
    id: int

    def encode(self, secret: SecretStr) -> str:
        """Make a cursor of it: opaque, and signed."""
        microseconds = (self.created_at - EPOCH) // timedelta(microseconds=1)
        packed = LAYOUT.pack(microseconds, self.id)
        return base64.urlsafe_b64encode(packed + signature(packed, secret)).rstrip(b"=").decode()

    @classmethod
    def decode(cls, cursor: str, secret: SecretStr) -> Self:
        """Read a cursor back, or raise `InvalidCursor`."""
        try:
            raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        except (binascii.Error, UnicodeEncodeError) as error:
            raise InvalidCursor from error
        packed, signed = raw[: LAYOUT.size], raw[LAYOUT.size :]
        if not hmac.compare_digest(signed, signature(packed, secret)):
            raise InvalidCursor
        microseconds, row_id = LAYOUT.unpack(packed)
        try:
            return cls(EPOCH + timedelta(microseconds=microseconds), row_id)
        except OverflowError as error:
            raise InvalidCursor from error


def signature(packed: bytes, secret: SecretStr) -> bytes:
    """Sign a cursor."""
    key = secret.get_secret_value().encode()[: blake2b.MAX_KEY_SIZE]
    return blake2b(packed, key=key, digest_size=SIGNATURE_BYTES).digest()


def page_json(items: Sequence[str], next_cursor: str | None, total: int | None) -> bytes:
    """Write a `Page` whose items are JSON already."""
    head = PAGE_HEAD.dump_json({"next_cursor": next_cursor, "total": total})
    return b'%s,"items":[%s]}' % (head[:-1], ",".join(items).encode())


PAGE_HEAD = TypeAdapter(dict[str, str | int | None])
