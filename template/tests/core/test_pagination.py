import base64
from datetime import UTC, datetime

import pytest

from app.core.pagination import InvalidCursor, Position


def test_a_cursor_is_read_back() -> None:
    position = Position(created_at=datetime(2026, 1, 2, 3, 4, 5, 678, UTC), id=7)

    assert Position.decode(position.encode()) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ü",
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[1, 2]").decode(),
        base64.urlsafe_b64encode(b'{"created_at": "2026-01-01T00:00:00", "id": 1}').decode(),
        base64.urlsafe_b64encode(b'{"created_at": "2026-01-01T00:00:00Z", "id": -1}').decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b'{"created_at": "9999-12-31T23:59:59-23:59", "id": 1}').decode(),
        base64.urlsafe_b64encode(b'{"created_at": "0001-01-01T00:00:00+23:59", "id": 1}').decode(),
    ],
)
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Position.decode(cursor)
