import base64
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from app.core.pagination import InvalidCursor, Page, PageQuery, Position, page_json

SECRET = SecretStr("secret")
POSITION = Position(datetime(2026, 1, 2, 3, 4, 5, 678, UTC), 7)


@pytest.mark.parametrize(
    "position",
    [POSITION, Position(datetime(1, 1, 1, tzinfo=UTC), 2**63 - 1)],
    ids=["now", "long ago"],
)
def test_a_cursor_is_read_back(position: Position) -> None:
    assert Position.decode(position.encode(SECRET), SECRET) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ü",
        "forged",
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(bytes(28)).decode(),
        POSITION.encode(SecretStr("another")),
        POSITION.encode(SECRET)[:-1],
    ],
)
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Position.decode(cursor, SECRET)


def test_every_bit_of_a_cursor_is_signed() -> None:
    raw = base64.urlsafe_b64decode(POSITION.encode(SECRET) + "==")
    for index in range(len(raw)):
        changed = bytearray(raw)
        changed[index] ^= 1
        with pytest.raises(InvalidCursor):
            Position.decode(base64.urlsafe_b64encode(changed).decode(), SECRET)


def test_a_page_begins_in_one_place() -> None:
    with pytest.raises(ValidationError):
        PageQuery(cursor="x", offset=1)


class Numbers(Page):
    items: list[int]


@pytest.mark.parametrize("cursor", [None, "abc"])
def test_a_page_is_written_as_its_model_would_be(cursor: str | None) -> None:
    page = Numbers(items=[1, 2], next_cursor=cursor, total=3)

    assert page_json(["1", "2"], cursor, 3) == page.model_dump_json().encode()
