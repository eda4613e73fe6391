import asyncio
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import column, func, insert, literal, select, table, text

from app.core.database.direct import DirectQuery
from app.core.database.engine import DatabaseSettings, open_file
from app.core.lifespan import State


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
async def test_connections_are_prepared(state: State, pragma: str, value: object) -> None:
    async with state["database"].read() as session:
        assert (await session.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


async def test_a_write_takes_the_lock_before_it_reads(state: State) -> None:
    async with state["database"].write() as session:
        await session.execute(text("SELECT 1"))
        connection = await (await session.connection()).get_raw_connection()
        assert connection.driver_connection is not None
        assert connection.driver_connection.in_transaction

    async with state["database"].read() as session:
        await session.execute(text("SELECT 1"))
        connection = await (await session.connection()).get_raw_connection()
        assert connection.driver_connection is not None
        assert not connection.driver_connection.in_transaction


async def test_what_a_read_writes_is_taken_back(state: State) -> None:
    async with state["database"].write() as session:
        await session.execute(text("CREATE TABLE notes (id INTEGER)"))

    async with state["database"].read() as session:
        await session.execute(text("INSERT INTO notes VALUES (1)"))
    async with state["database"].direct() as connection:
        notes = table("notes", column("id"))
        await connection.fetch(DirectQuery(insert(notes).values(id=2)))

    async with state["database"].read() as session:
        assert (await session.execute(text("SELECT count(*) FROM notes"))).scalar_one() == 0


async def test_a_query_that_nobody_waits_for_is_interrupted(state: State) -> None:
    numbers = select(literal(1).label("n")).cte(recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 30_000_000))
    long = DirectQuery(select(func.count()).select_from(numbers))

    async def ask() -> None:
        async with state["database"].direct() as connection:
            await connection.fetch(long)

    before = workers()
    asking = asyncio.create_task(ask())
    await asyncio.sleep(0.1)
    assert workers() > before
    asking.cancel()
    began = time.monotonic()
    await asyncio.wait([asking])
    while workers() > before:
        await asyncio.sleep(0.01)

    # To the end it would take several seconds.
    assert time.monotonic() - began < 2


async def test_an_opening_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    before = workers()
    for number in range(20):
        opening = asyncio.create_task(open_file(str(tmp_path / "new.db")))
        await asyncio.sleep(number / 10_000)
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await (await opening).close()
        assert workers() == before


def workers() -> int:
    """Count the threads of connections."""
    return sum("_connection_worker" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize(
    "url", ["sqlite:///app.db", "sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "app.db"]
)
def test_a_url_that_is_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url)
