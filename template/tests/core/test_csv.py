import csv
import io
from typing import Any

import pytest
from sqlalchemy import Column, Float, MetaData, Table, bindparam, select

from app.core.database.csv import csv_header, csv_record
from app.core.database.direct import DirectQuery, in_batches
from app.core.database.model import UtcDateTime, utc_now
from app.core.database.types import BigId, LongText
from app.core.lifespan import State

notes = Table(
    "notes",
    MetaData(),
    Column("id", BigId, primary_key=True),
    Column("text", LongText),
    Column("at", UtcDateTime),
)

TEXTS = [
    "plain",
    "",
    None,
    'say "hi"',
    "a,b;c",
    "two\nlines",
    "naïve 船",
    "100 %s :x \\",
    " =1",
    "'",
]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]


@pytest.fixture
async def query(state: State) -> DirectQuery:
    rows = [
        {"id": number, "text": text, "at": utc_now()}
        for number, text in enumerate(TEXTS + FORMULAS, start=1)
    ]
    async with state["database"].write() as session:
        await session.run_sync(lambda sync: notes.create(sync.connection()))
        await session.execute(notes.insert(), rows)
    record = csv_record(notes.c.id, notes.c.text, notes.c.at)
    batch = select(notes.c.id, record).order_by(notes.c.id).limit(bindparam("limit", type_=BigId))
    return DirectQuery(batch.where(notes.c.id > bindparam("after")))


async def test_spreadsheets_read_what_was_stored_and_no_formula(
    state: State, query: DirectQuery
) -> None:
    batches = [batch async for batch in in_batches(state["database"], query, first=2, size=5)]

    text = csv_header("id", "text", "at") + "".join(batches)
    header, *records = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["id", "text", "at"]
    assert [int(record[0]) for record in records] == list(range(1, len(TEXTS + FORMULAS) + 1))
    stored = [record[1] for record in records]
    assert stored == [text or "" for text in TEXTS] + [f"'{text}" for text in FORMULAS]
    assert all(record[2].endswith("Z") for record in records)


async def test_batches_hold_no_connection_in_between(state: State, query: DirectQuery) -> None:
    sizes = []
    async for batch in in_batches(state["database"], query, first=2, size=5):
        assert state["database"].stats()["checked_out"] == 0
        sizes.append(len(list(csv.reader(io.StringIO(batch, newline="")))))

    assert sizes == [2, 5, 5, 5, 1]


def test_a_type_that_it_does_not_know_is_refused() -> None:
    column: Column[Any] = Column("grams", Float)
    with pytest.raises(TypeError, match="FLOAT"):
        csv_record(column)
