import pytest
from pydantic import ValidationError
from sqlalchemy import text

from app.core.database.engine import DatabaseSettings
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

    async with state["database"].read() as session:
        assert (await session.execute(text("SELECT count(*) FROM notes"))).scalar_one() == 0


@pytest.mark.parametrize(
    "url", ["sqlite:///app.db", "sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "app.db"]
)
def test_a_url_that_is_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url)
