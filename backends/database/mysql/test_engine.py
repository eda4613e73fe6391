import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncmy.errors import InterfaceError, OperationalError
from pydantic import ValidationError
from sqlalchemy import Column, MetaData, String, Table, bindparam, literal_column, make_url, select
from sqlalchemy import text as sql_text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.database import engine
from app.core.database.direct import DirectQuery
from app.core.database.engine import DatabaseSettings, failure_of, fetch, session_settings
from app.core.database.failure import Failure
from app.core.database.model import UtcDateTime
from app.core.database.session import Database, open_database
from app.core.database.types import BigId, LongText
from app.core.lifespan import State
from app.core.resource import Unusable
from tests.fixtures.database import SLEEP, execute

notes = Table(
    "notes",
    MetaData(),
    Column("id", BigId, primary_key=True),
    Column("name", String(10), unique=True),
    Column("text", LongText),
    Column("at", UtcDateTime),
)
COUNT = DirectQuery(select(literal_column("count(*)")).select_from(notes))
NUMBER = DirectQuery(select(literal_column("CONNECTION_ID()")))


@pytest.fixture
async def database(state: State) -> Database:
    async with state["database"].write() as session:
        await session.run_sync(lambda sync: notes.create(sync.connection()))
    return state["database"]


@pytest.fixture
async def lone(database_url: str) -> AsyncGenerator[Database]:
    """A pool of one connection, so that who comes next gets what was left."""
    settings = DatabaseSettings(database_url=database_url, database_pool_size=1)
    async with open_database(settings) as database:
        yield database


async def value(database: Database, sql: str) -> Any:
    async with database.read() as session:
        return (await session.execute(sql_text(sql))).scalar_one()


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+asyncmy", "mariadb+asyncmy"])
def test_a_url_names_the_driver(scheme: str) -> None:
    settings = DatabaseSettings(database_url=f"{scheme}://me:secret@host/name?charset=latin1")

    assert settings.database_url.startswith("mysql+asyncmy://me:secret@host/name")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    "url", ["mysql://host", "mysql+aiomysql://host/name", "oracle://host/name", "name"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="should look like mysql://"):
        DatabaseSettings(database_url=url)


async def test_sessions_are_as_the_settings_say(database_url: str) -> None:
    settings = DatabaseSettings(
        database_url=f"{database_url}?charset=latin1",
        database_statement_timeout_seconds=1.5,
        database_lock_timeout_seconds=0.1,
        database_idle_transaction_timeout_seconds=2.5,
    )
    names = "time_zone, character_set_connection, lock_wait_timeout, innodb_lock_wait_timeout"
    async with open_database(settings) as database:
        version = await value(database, "SELECT VERSION()")
        variables = [f"@@{name}" for name in names.split(", ")]
        found = await value(database, f"SELECT CONCAT_WS(' ', {', '.join(variables)})")
        if "MariaDB" in version:
            limits = "CONCAT_WS(' ', @@max_statement_time, @@idle_transaction_timeout)"
            assert await value(database, f"SELECT {limits}") == "1.500000 3"
        else:
            assert await value(database, "SELECT @@max_execution_time") == 1500

    assert found == "+00:00 utf8mb4 1 1"


def test_mysql_is_told_what_mysql_knows() -> None:
    written = session_settings(DatabaseSettings(), "8.4.3")

    assert "max_execution_time = 30000" in written
    assert "idle_transaction_timeout" not in written
    assert "max_statement_time" not in written


async def test_what_does_not_fit_is_an_error(database: Database) -> None:
    with pytest.raises(DBAPIError, match="Data too long"):
        async with database.write() as session:
            await session.execute(notes.insert(), {"name": "x" * 11})


async def test_texts_and_moments_come_back_as_they_were(database: Database) -> None:
    # As long as it can be, of the characters that take most; and what a `\` could escape.
    row = {
        "id": 2**63 - 1,
        "name": "100 %s\\'",
        "text": "\U0001f6a2" * 20_000,
        "at": datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
    }
    async with database.write() as session:
        await session.execute(notes.insert(), row)
    one = DirectQuery(select(notes.c.text).where(notes.c.name == bindparam("name")))

    async with database.direct() as connection:
        assert await connection.fetch_value(one, name=row["name"]) == row["text"]
    async with database.read() as session:
        assert (await session.execute(notes.select())).mappings().one() == row


async def test_texts_differ_by_case_and_accent(database: Database) -> None:
    async with database.write() as session:
        await session.execute(notes.insert(), [{"name": name} for name in ("e", "E", "é", "É")])

    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.execute(notes.insert(), {"name": "é"})


async def test_a_read_sees_what_was_committed_since_the_last_one(database: Database) -> None:
    async with database.direct() as connection, database.read() as reader:
        assert await connection.fetch_value(COUNT) == 0
        assert (await reader.execute(notes.select())).all() == []
        async with database.write() as writer:
            await writer.execute(notes.insert(), {"name": "a"})
            assert await connection.fetch_value(COUNT) == 0

        assert await connection.fetch_value(COUNT) == 1
        assert len((await reader.execute(notes.select())).all()) == 1


async def test_a_write_that_fails_leaves_nothing_to_the_next(lone: Database) -> None:
    async with lone.write() as session:
        await session.run_sync(lambda sync: notes.create(sync.connection()))
    with pytest.raises(RuntimeError, match="no"):
        async with lone.write() as session:
            await session.execute(notes.insert(), {"name": "a"})
            raise RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        async with lone.direct_transaction() as transaction:
            await transaction.fetch(COUNT)
            raise RuntimeError("no")

    async with lone.direct() as connection:
        assert await connection.fetch_value(COUNT) == 0
        assert not connection._connection.get_transaction_status()


async def test_a_connection_that_was_ended_is_replaced(lone: Database, database_url: str) -> None:
    async with lone.direct() as connection:
        number = await connection.fetch_value(NUMBER)
    await asyncio.to_thread(execute, database_url, f"KILL {number}")
    await asyncio.sleep(0.05)

    async with lone.direct() as connection:
        assert await connection.fetch_value(NUMBER) != number


async def test_an_answer_that_nobody_awaited_is_nobody_elses(lone: Database) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), lone.direct() as connection:
                await fetch(connection._connection, SLEEP.format(seconds=0.2), [])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), lone.read() as session:
                await session.execute(sql_text(SLEEP.format(seconds=0.2)))

        assert await value(lone, "SELECT 42") == 42


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"username": "nobody", "password": "wrong"}, "Access denied"), ({"database": "no"}, "'no'")],
)
async def test_who_is_not_let_in_is_told_why(
    database_url: str, change: dict[str, Any], reason: str
) -> None:
    url = make_url(database_url).set(**change).render_as_string(hide_password=False)
    async with open_database(DatabaseSettings(database_url=url)) as database:
        with pytest.raises(Unusable, match=reason):
            await database.ping()


async def test_tls_that_is_not_there_is_told(database_url: str) -> None:
    if ("have_ssl", "DISABLED") not in execute(database_url, "SHOW VARIABLES LIKE 'have_ssl'"):
        pytest.skip("The server has TLS.")
    settings = DatabaseSettings(database_url=database_url, database_tls="required")
    async with open_database(settings) as database:
        with pytest.raises(Unusable, match=r"no TLS \(DATABASE_TLS=required\)"):
            await database.ping()


async def test_a_server_that_is_too_old_is_told(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "OLDEST", {"MariaDB": (99, 1), "MySQL": (99, 1)})

    with pytest.raises(Unusable, match=r"is too old: the service needs 99\.1 or later"):
        await state["database"].ping()


async def test_a_character_set_that_lacks_characters_is_told(empty_database_url: str) -> None:
    name = make_url(empty_database_url).database
    execute(empty_database_url, f"ALTER DATABASE `{name}` CHARACTER SET latin1")
    async with open_database(DatabaseSettings(database_url=empty_database_url)) as database:
        with pytest.raises(Unusable, match="is latin1: "):
            await database.ping()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OperationalError(1205, "Lock wait timeout exceeded"), Failure.AWAY),
        (OperationalError(2013, "Lost connection to MySQL server during query"), Failure.AWAY),
        (OperationalError(2013, "Lost connection (read timeout)"), Failure.SLOW),
        (InterfaceError(0, "Not connected"), Failure.AWAY),
        (OperationalError(1213, "Deadlock found"), Failure.CONFLICT),
        (OperationalError(1064, "You have an error in your SQL syntax"), None),
        (OSError("something else"), None),
    ],
)
def test_errors_have_a_meaning(error: Exception, failure: Failure | None) -> None:
    assert failure_of(error) is failure
