import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from pydantic import ValidationError
from sqlalchemy import Integer, bindparam, func, literal_column, select, text

from app.core.database.direct import DirectQuery
from app.core.database.engine import DatabaseSettings
from app.core.database.session import open_database
from app.core.errors import Unavailable
from app.core.resource import Unusable
from tests.fixtures.database import opened, pid_of

NUMBER = DirectQuery(select(bindparam("number", type_=Integer)))
SLEEP = DirectQuery(select(literal_column("pg_sleep(30)::text")))
LOCK = DirectQuery(select(literal_column("pg_advisory_xact_lock(1)::text")))
TIMEOUTS = {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}


@pytest.mark.parametrize(
    "url",
    ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"],
)
def test_a_url_names_the_driver(url: str) -> None:
    assert DatabaseSettings(database_url=url).database_url == "postgresql+asyncpg://u:p@h/d"


@pytest.mark.parametrize("url", ["postgresql://host", "postgresql+psycopg://h/d", ""])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="should look like postgresql://"):
        DatabaseSettings(database_url=url)


@pytest.mark.parametrize(
    ("options", "size", "seconds"),
    [
        ({}, 10, 5),
        ({"database_pool_profile": "high-traffic"}, 20, 2),
        ({"database_pool_profile": "high-traffic", "database_pool_size": 3}, 3, 2),
        ({"database_pool_timeout_seconds": 0.5}, 10, 0.5),
    ],
)
async def test_a_profile_gives_what_is_not_said(
    options: dict[str, Any], size: int, seconds: float
) -> None:
    settings = DatabaseSettings(**options)
    async with open_database(settings) as database:
        assert (database.limit, settings.database_pool_timeout_seconds) == (size, seconds)


@pytest.mark.parametrize("is_pooled", [False, True])
async def test_the_server_knows_the_name_and_the_timeouts(
    database_url: str, *, is_pooled: bool
) -> None:
    options = {"service_name": "orders", "database_lock_timeout_seconds": 0.0015}
    said = "SELECT name, setting FROM pg_settings WHERE source = 'client' AND name <> 'search_path'"
    async with opened(database_url, database_pgbouncer=is_pooled, **options) as database:
        async with database.read() as session:
            known = {row.name: row.setting for row in await session.execute(text(said))}
        async with database.direct() as direct:
            await direct.fetch_value(NUMBER, number=1)
        async with database.read() as session:
            prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
            count = (await session.execute(prepared)).scalar_one()

    assert known["application_name"] == "orders"
    assert (count == 0) == is_pooled
    timeouts = {name: known[name] for name in TIMEOUTS & known.keys()}
    expected = dict(zip(sorted(TIMEOUTS), ["30000", "2", "30000"], strict=True))
    assert timeouts == ({} if is_pooled else expected)


async def test_a_read_session_begins_no_transaction(database_url: str) -> None:
    async with opened(database_url, database_pool_size=1) as database:
        moments: dict[str, set[object]] = {}
        pids: set[int] = set()
        for way, begin in (("read", database.read), ("write", database.write)):
            async with begin() as session:
                now = [(await session.execute(select(func.now()))).scalar_one() for _ in "12"]
                moments[way] = set(now)
                pids.add(await pid_of(session))

    assert {way: len(seen) for way, seen in moments.items()} == {"read": 2, "write": 1}
    assert len(pids) == 1


async def test_a_direct_query_sees_what_was_just_committed(database_url: str) -> None:
    count = DirectQuery(select(literal_column("count(*)")).select_from(text("counted")))
    async with opened(database_url) as database:
        async with database.write() as session:
            await session.execute(text("CREATE TABLE counted ()"))
        for number in range(20):
            async with database.direct() as direct:
                assert await direct.fetch_value(count) == number
            async with database.write() as session:
                await session.execute(text("INSERT INTO counted DEFAULT VALUES"))


@pytest.mark.parametrize("way", ["write", "direct_transaction"])
async def test_a_transaction_that_idles_is_unavailable(database_url: str, way: str) -> None:
    impatient = {"database_idle_transaction_timeout_seconds": 1, "database_pool_size": 1}
    async with opened(database_url, **impatient) as database:
        with pytest.raises(Unavailable):
            async with getattr(database, way)() as connection:
                await pid_of(connection)
                await asyncio.sleep(1.5)
        async with getattr(database, way)() as connection:
            assert await pid_of(connection)


async def test_a_lock_that_is_held_is_unavailable(database_url: str) -> None:
    async with (
        opened(database_url, database_lock_timeout_seconds=0.05) as database,
        database.direct_transaction() as first,
    ):
        await first.fetch(LOCK)
        with pytest.raises(Unavailable):
            async with database.direct_transaction() as second:
                await second.fetch(LOCK)


async def test_a_connection_that_two_use_at_once_is_a_mistake_of_ours(database_url: str) -> None:
    async with opened(database_url) as database:
        with pytest.raises(asyncpg.InterfaceError, match="in progress"):
            async with database.direct() as direct:
                await asyncio.gather(*(direct.fetch_value(NUMBER, number=n) for n in range(2)))


async def test_a_server_that_is_too_old_is_unusable(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.database.engine.OLDEST", 99)
    async with opened(database_url) as database:
        with pytest.raises(Unusable, match="too old: the service needs 99"):
            await database.ping()


async def test_cancelled_queries_leave_the_pool_whole(database_url: str) -> None:
    async with opened(database_url, database_pool_size=5) as database:

        async def ask(query: DirectQuery, **values: int) -> Any:
            async with database.direct() as direct:
                return await direct.fetch_value(query, **values)

        for _ in range(4):
            asked = [asyncio.create_task(ask(SLEEP)) for _ in range(5)]
            await asyncio.sleep(0.1)
            for each in asked:
                each.cancel()
            ended = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(each) for each in ended} == {asyncio.CancelledError}
        async with AsyncExitStack() as held:
            for number in range(database.limit):
                direct = await held.enter_async_context(database.direct())
                assert await direct.fetch_value(NUMBER, number=number) == number
        assert database.stats()["checked_out"] == 0


@pytest.mark.parametrize(("idle_seconds", "answers"), [(30, True), (0, True), (0, False)])
async def test_a_connection_that_idled_is_asked(
    database_url: str, monkeypatch: pytest.MonkeyPatch, idle_seconds: int, *, answers: bool
) -> None:
    monkeypatch.setattr("app.core.database.pool.IDLE_SECONDS", idle_seconds)
    pings: list[object] = []

    fetchrow = asyncpg.Connection.fetchrow

    async def watched(connection: asyncpg.Connection, sql: str) -> object:
        if sql == ";":
            pings.append(connection)
            if not answers:
                raise TimeoutError
        return await fetchrow(connection, sql)

    monkeypatch.setattr(asyncpg.Connection, "fetchrow", watched)
    async with opened(database_url, database_pool_size=1) as database:
        pids: set[int] = set()
        for _ in range(2):
            async with database.direct() as direct:
                pids.add(await pid_of(direct))

    assert len(pings) == (idle_seconds == 0)
    assert len(pids) == (1 if answers else 2)
