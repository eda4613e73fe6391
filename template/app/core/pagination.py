"""Pages by keyset: the next one starts behind the last row seen, however deep it is.

An offset makes the database read and drop every row before it, and shifts when rows are added.
"""

import base64
import binascii
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel, Field, ValidationError

from app.core.errors import BadRequest
from app.core.fields import Moment, RowId


class InvalidCursor(BadRequest):
    """The cursor isn't one that the service gave out. Start without one."""


class PageQuery(BaseModel):
    """What a client asks of a list."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)
    include_total: bool = Field(default=False, description="Count all rows too, which costs time.")


PageQueryDep = Annotated[PageQuery, Query()]


class Page(BaseModel):
    """What every list answers; a feature adds its `items`."""

    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last.")
    total: int | None = Field(default=None, description="Rows in all, if `include_total` asked.")


class Position(BaseModel):
    """A row in an ordering by time and id. The id decides where times are equal."""

    created_at: Moment
    id: RowId

    def encode(self) -> str:
        """Make an opaque cursor of it."""
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode()

    @classmethod
    def decode(cls, cursor: str) -> Self:
        """Read a cursor back, or raise `InvalidCursor`."""
        try:
            return cls.model_validate_json(base64.urlsafe_b64decode(cursor.encode()))
        except (binascii.Error, UnicodeEncodeError, ValidationError) as error:
            raise InvalidCursor from error
