import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.database.engine import DatabaseSettings
from app.core.database.failure import Failure
from app.core.database.session import Database, WriteSession, open_database
from app.core.errors import Unavailable
from app.core.lifespan import State

counters = Table(
    "counters",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
)


@pytest.fixture
async def database(state: State) -> Database:
    async with state["database"].write() as session:
        await session.run_sync(lambda sync: counters.create(sync.connection()))
        await session.execute(counters.insert().values(id=1, value=0))
    return state["database"]


async def value_of(database: Database) -> int:
    async with database.read() as session:
        return (await session.execute(select(counters.c.value))).scalar_one()


async def increment(database: Database, gate: asyncio.Event | None = None) -> None:
    async with database.write() as session:
        value = (await session.execute(select(counters.c.value).with_for_update())).scalar_one()
        # Others get their turn between the read and the write.
        await (gate.wait() if gate else asyncio.sleep(0))
        await session.execute(counters.update().values(value=value + 1))


async def test_an_effect_runs_after_the_commit(database: Database) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(await value_of(database))

    async with database.write() as session:
        session.after_commit(look)
        await session.execute(counters.update().values(value=1))
        assert seen == []

    assert seen == [1]


async def test_a_failure_takes_everything_back(database: Database) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(1)

    with pytest.raises(RuntimeError):
        async with database.write() as session:
            session.after_commit(look)
            await session.execute(counters.update().values(value=1))
            raise RuntimeError

    assert (await value_of(database), seen) == (0, [])


async def test_an_effect_that_fails_is_logged_and_the_next_one_runs(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []

    async def fail() -> None:
        raise RuntimeError("no effect")

    async def look() -> None:
        seen.append(1)

    async with database.write() as session:
        session.after_commit(fail)
        session.after_commit(look)

    assert seen == [1]
    assert "no effect" in caplog.text


async def test_an_error_does_not_tell_values(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as session:
            await session.execute(counters.insert().values(id=1, value=4711))

    assert "4711" not in str(caught.value)


async def test_no_update_is_lost(state: State, database: Database) -> None:
    # The other one stands for another process.
    async with open_database(state["settings"]) as other:
        databases = [database, other] * 25
        await asyncio.gather(*(increment(each) for each in databases))

    assert await value_of(database) == 50


async def test_a_pool_that_is_used_up_is_unavailable(database_url: str) -> None:
    settings = DatabaseSettings(
        database_url=database_url, database_pool_size=2, database_pool_timeout_seconds=0.05
    )
    async with open_database(settings) as database:
        with pytest.raises(Unavailable):
            async with AsyncExitStack() as held:
                for _ in range(3):
                    session = await held.enter_async_context(database.read())
                    await session.execute(text("SELECT 1"))


async def test_a_statement_that_is_wrong_is_a_mistake_of_ours(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))


async def test_readers_do_not_wait_for_writers(database: Database) -> None:
    gate = asyncio.Event()
    writers = [asyncio.create_task(increment(database, gate)) for _ in range(3)]
    await asyncio.sleep(0.1)

    async with asyncio.timeout(5):
        await value_of(database)

    gate.set()
    await asyncio.gather(*writers)


async def test_a_lock_that_is_not_given_back_is_unavailable(
    database: Database, database_url: str
) -> None:
    update = counters.update().values(value=2)
    impatient = DatabaseSettings(database_url=database_url, database_lock_timeout_seconds=0.05)
    async with database.write() as first, open_database(impatient) as other:
        await first.execute(update)
        async with asyncio.timeout(4):
            with pytest.raises(Unavailable):
                async with other.write() as second:
                    await second.execute(update)


async def test_a_database_that_is_away_is_unavailable(unreachable_database_url: str) -> None:
    settings = DatabaseSettings(database_url=unreachable_database_url)
    async with open_database(settings) as database:
        with pytest.raises(Unavailable):
            async with database.read() as session:
                await session.execute(text("SELECT 1"))


def is_conflict(_error: Exception) -> Failure:
    return Failure.CONFLICT


async def test_a_unit_of_work_is_repeated_when_another_was_in_its_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []
    effects: list[int] = []

    async def work(session: WriteSession) -> int:
        async def effect() -> None:
            effects.append(len(attempts))

        attempts.append(1)
        session.after_commit(effect)
        await session.execute(counters.update().values(value=counters.c.value + 1))
        if len(attempts) < 3:
            # What no database does on demand.
            raise DBAPIError("UPDATE", {}, RuntimeError("deadlock"))
        return len(attempts)

    monkeypatch.setattr("app.core.database.session.failure_of", is_conflict)
    assert await database.run(work) == 3
    assert await value_of(database) == 1
    assert effects == [3]


async def test_work_that_is_always_in_the_way_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.database.session.failure_of", is_conflict)

    async def work(_session: WriteSession) -> None:
        raise DBAPIError("UPDATE", {}, RuntimeError("deadlock"))

    with pytest.raises(Unavailable):
        await database.run(work)
