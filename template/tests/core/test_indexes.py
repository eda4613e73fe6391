"""Does the database use the indexes that there are, and has each foreign key one?"""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Enum,
    LargeBinary,
    String,
    Table,
    Uuid,
    bindparam,
    insert,
    select,
    text,
)

import app.api
from app.core.database.direct import CheckedOut, DirectQuery
from app.core.database.engine import fetch
from app.core.database.model import Model, UtcDateTime, utc_now
from app.core.database.session import Database
from app.core.lifespan import State
from tests.fixtures.database import ANALYZE, EXPLAIN, FULL_SCAN
from tests.fixtures.review_queries import indexes_of

assert app.api.routers, "with the routes come the models"

# So many that to read them all takes longer than to use an index.
ROWS = 2_000
TABLES = [table for table in Model.metadata.sorted_tables if isinstance(table, Table)]
NOW = utc_now()


def value_of(column: Column[object], number: int) -> object:
    """Make up a value, another one for each row."""
    kind = column.type
    if isinstance(kind, UtcDateTime | DateTime):
        return NOW - timedelta(seconds=number)
    if isinstance(kind, Enum):
        return kind.enums[number % len(kind.enums)]
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Uuid):
        return UUID(int=number)
    if isinstance(kind, LargeBinary):
        return str(number).encode()
    return str(number) if isinstance(kind, String) else number


@pytest.fixture
async def filled(state: State) -> Database:
    """Every table with rows, each of which names one of the others."""
    async with state["database"].write() as session:
        for table in TABLES:
            columns = [each for each in table.columns if each.computed is None]
            rows = [
                {column.name: value_of(column, number) for column in columns}
                for number in range(1, ROWS + 1)
            ]
            await session.execute(insert(table), rows)
    async with state["database"].write() as session:
        names = ", ".join(table.name for table in TABLES)
        await session.execute(text(ANALYZE.replace("authors, posts", names)))
    return state["database"]


async def reads_all(database: Database, table: Table, condition: ColumnElement[bool]) -> bool:
    """Ask whether the database would read a whole table to find the rows of a condition."""
    query = DirectQuery(select(table).where(condition))
    engine = database.read_engine.sync_engine
    sql, values = query.prepare(engine.dialect, {})
    async with CheckedOut(engine) as connection:
        rows = await fetch(connection, f"{EXPLAIN} {sql}", values)
    plan = "\n".join(" ".join(map(str, row)) for row in rows)
    assert table.name in plan
    return re.search(FULL_SCAN.replace("posts", table.name), plan) is not None


def looked_up(table: Table) -> Iterator[Column[object]]:
    """List the columns by which rows are looked for: foreign keys, and what indexes begin with."""
    yield from (key.parent for key in table.foreign_keys)
    for first, *_ in indexes_of(table):
        column = table.columns[first]
        # Half of a table is found sooner without an index.
        if not isinstance(column.type, Boolean | Enum):
            yield column


async def test_what_is_looked_for_has_an_index_that_is_used(filled: Database) -> None:
    missing = [
        f"{table.name}.{column.name}"
        for table in TABLES
        for column in dict.fromkeys(looked_up(table))
        if await reads_all(
            filled, table, column == bindparam("wanted", value_of(column, 7), type_=column.type)
        )
    ]

    assert missing == [], "add an `Index` that begins with it, and a migration"


async def test_a_table_that_is_read_as_a_whole_is_recognized(filled: Database) -> None:
    for table in TABLES:
        indexed = {name for columns in indexes_of(table) for name in columns}
        others = [each for each in table.columns if each.name not in indexed]
        for column in others[:1]:
            condition = column == bindparam("wanted", value_of(column, 7), type_=column.type)
            assert await reads_all(filled, table, condition), column
