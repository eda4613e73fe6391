from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    select,
)

from app.core.database.direct import DirectQuery
from app.core.database.json import json_object
from app.core.database.model import UtcDateTime
from app.core.database.types import BigId, LongText
from app.core.lifespan import State

things = Table(
    "things",
    MetaData(),
    Column("id", BigId, primary_key=True),
    Column("name", String(200)),
    Column("text", LongText),
    Column("amount", Integer),
    Column("price", Numeric(12, 2)),
    Column("is_new", Boolean),
    Column("day", Date),
    Column("at", UtcDateTime),
)


class Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str | None
    is_new: bool | None


class Thing(BaseModel):
    id: int
    name: str | None
    text: str | None
    amount: int | None
    price: Decimal | None
    is_new: bool | None
    day: date | None
    at: datetime | None
    shape: Shape


ROWS = [
    {"id": 1, "name": None, "text": None, "amount": None, "price": None},
    {"id": 2**63 - 1, "name": "", "text": "", "amount": 0, "price": Decimal("0.00")},
    {"id": 3, "name": "it's", "text": 'a "b" \\c /d', "amount": -7, "price": Decimal("-1.50")},
    {"id": 4, "name": "naïve 船 \U0001f6a2", "text": "\u2028\u2029\x7f\x80 100 %s :x", "amount": 1},
    # Every control character but NUL, which no text may hold.
    {"id": 5, "name": "\r\n\t", "text": "".join(map(chr, range(1, 33))), "price": Decimal("1e9")},
    {"id": 6, "is_new": True, "day": date(2026, 2, 28), "at": datetime(2026, 1, 2, tzinfo=UTC)},
    {"id": 7, "is_new": False, "day": date(999, 1, 1), "at": datetime(1, 1, 1, 1, 1, 1, 1, UTC)},
    {"id": 8, "at": datetime(2026, 12, 31, 23, 59, 59, 100_000, UTC), "price": Decimal("0.10")},
    {"id": 9, "at": datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), "day": date(9999, 12, 31)},
]
EMPTY = dict.fromkeys(column.name for column in things.columns)


async def test_it_is_what_pydantic_would_have_written(state: State) -> None:
    async with state["database"].write() as session:
        await session.run_sync(lambda sync: things.create(sync.connection()))
        await session.execute(things.insert(), [EMPTY | row for row in ROWS])
    shape = json_object(Shape, name=things.c.name, is_new=things.c.is_new)
    query = DirectQuery(
        select(json_object(Thing, **dict(things.columns.items()), shape=shape)).order_by(
            things.c.id
        )
    )

    async with state["database"].direct() as connection:
        written = [row[0] for row in await connection.fetch(query)]

    async with state["database"].read() as session:
        rows = (await session.execute(select(things).order_by(things.c.id))).mappings().all()
    assert len(rows) == len(ROWS)
    for text, row in zip(written, rows, strict=True):
        model = Thing.model_validate({**row, "shape": dict(row)})
        assert text.encode() == model.model_dump_json().encode()


def test_fields_that_the_model_does_not_have_are_refused() -> None:
    with pytest.raises(TypeError, match="Shape has the fields name, is_new"):
        json_object(Shape, is_new=things.c.is_new, name=things.c.name)


def test_a_type_that_databases_write_each_in_its_own_way_is_refused() -> None:
    class Weight(BaseModel):
        grams: float

    with pytest.raises(TypeError, match="grams: FLOAT"):
        json_object(Weight, grams=Column("grams", Float))
