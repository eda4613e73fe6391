import asyncio
from contextlib import AsyncExitStack

import httpx2
import pytest
from sqlalchemy import text

from app.core.database.engine import DatabaseSettings
from app.core.database.session import open_database
from app.core.errors import Unavailable
from app.core.lifespan import State
from app.settings import Settings


async def test_ready_names_a_database_that_is_away(
    client: httpx2.AsyncClient, state: State, unreachable_database_url: str
) -> None:
    away = DatabaseSettings(database_url=unreachable_database_url)
    async with open_database(away) as state["database"]:
        response = await client.get("/ready")

    assert response.status_code == 503
    assert list(response.json()["failed"]) == ["database"]


async def test_pool_status_counts_connections(client: httpx2.AsyncClient, state: State) -> None:
    async with state["database"].engine.connect():
        status = (await client.get("/health/db-pool")).raise_for_status().json()

    assert status["checked_out"] == 1
    assert status["size"] == state["settings"].database_pool_size
    assert status["overflow"] == 0
    assert status["waiting"] == 0


async def test_ready_names_a_migration_that_is_missing(
    client: httpx2.AsyncClient, state: State, empty_database_url: str
) -> None:
    empty = DatabaseSettings(database_url=empty_database_url)
    async with open_database(empty) as state["database"]:
        response = await client.get("/ready")

    assert response.status_code == 503
    assert "alembic upgrade head" in response.json()["failed"]["database"]


async def test_a_later_revision_is_no_reason_to_stop(state: State) -> None:
    async with state["database"].write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'later'"))

    await state["database"].ping()


async def test_waits_are_counted(state: State, client: httpx2.AsyncClient) -> None:
    settings = state["settings"].model_copy(update={"database_pool_timeout_seconds": 0.05})
    async with open_database(settings) as state["database"]:
        with pytest.raises(Unavailable):
            async with AsyncExitStack() as held:
                for _ in range(settings.database_pool_size + 1):
                    session = await held.enter_async_context(state["database"].read())
                    await session.execute(text("SELECT 1"))
        status = (await client.get("/health/db-pool")).raise_for_status().json()

    assert status["timeouts"] == 1
    waits = status["waits"]
    assert list(waits) == ["0.001", "0.005", "0.025", "0.1", "0.5", "2.5", "+Inf"]
    assert list(waits.values()) == sorted(waits.values())
    assert waits["+Inf"] > waits["0.025"]


@pytest.mark.parametrize(("processes", "is_told"), [(1, False), (100, True)])
async def test_a_pool_that_the_server_is_too_small_for_is_told(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    processes: int,
    *,
    is_told: bool,
) -> None:
    async def limit(_connection: object) -> int:
        return 100

    monkeypatch.setattr("app.core.database.check.connection_limit", limit)
    async with open_database(settings.model_copy(update={"workers": processes})) as database:
        await database.ping()
        # Once is enough.
        await database.ping()
        per_process = database.limit

    told = [record.getMessage() for record in caplog.records if "connections" in record.message]
    assert len(told) == is_told
    assert all(f"may open {processes * per_process} connections" in line for line in told)
    assert all("server allows 100" in line for line in told)


async def test_a_pool_never_opens_more_than_its_size(state: State) -> None:
    database = state["database"]

    async def ask() -> None:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    await asyncio.gather(*(ask() for _ in range(3 * database.limit)))

    stats = database.stats()
    assert (stats["checked_out"], stats["overflow"]) == (0, 0)
    assert 1 <= stats["checked_in"] <= stats["size"] == database.limit


async def test_nobody_passes_those_who_wait(settings: Settings) -> None:
    order: list[int] = []

    async def ask(number: int) -> None:
        for _ in range(20):
            async with database.direct():
                order.append(number)
                await asyncio.sleep(0)

    async with open_database(settings.model_copy(update={"database_pool_size": 2})) as database:
        # The first time, connections are made.
        for _ in range(2):
            order.clear()
            await asyncio.gather(*(ask(number) for number in range(5)))

    # Each is about as far as the others, at any time.
    turns = [order[:50].count(number) for number in range(5)]
    assert min(turns) >= 4
