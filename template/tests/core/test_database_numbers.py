import asyncio
from typing import cast

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import literal, select

from app.core.database.direct import DirectQuery
from app.core.database.pool import MeasuredPool
from app.core.database.session import DatabaseDep
from app.core.lifespan import State
from app.settings import Settings
from tests.fixtures.tasks import eventually
from tests.readings import moved, numbers_of

ONE = DirectQuery(select(literal(1)))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"database_pool_size": 2, "database_pool_timeout_seconds": 0.3}
    )


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/query")
    async def query(database: DatabaseDep) -> int:
        return await database.fetch_value(ONE)

    return app


async def test_an_empty_pool_is_seen(client: httpx2.AsyncClient, state: State) -> None:
    database = state["database"]
    before = await numbers_of(client)
    limit = cast("MeasuredPool", database.read_engine.sync_engine.pool).limit
    gate = asyncio.Event()

    async def hold() -> None:
        async with database.direct():
            await gate.wait()

    holders = [asyncio.create_task(hold()) for _ in range(limit)]
    await eventually(lambda: database.stats()["checked_out"] >= limit)
    waiting = asyncio.create_task(client.get("/test/query"))
    await eventually(lambda: database.stats()["waiting"] > 0)

    full = await numbers_of(client)
    assert full["database_checked_out"] >= limit
    assert full["database_waiting"] >= 1
    assert full["database_size"] + full["database_overflow"] >= limit
    at_rest = full["database_checked_in"]
    assert (await waiting).status_code == 503
    gate.set()
    await asyncio.gather(*holders, return_exceptions=True)
    seen = await moved(client, before)
    assert seen["database_timeouts_total"] >= 1
    assert seen["database_wait_seconds_total"] >= 0.3
    idle = await numbers_of(client)
    assert idle["database_waiting"] == 0
    assert idle["database_checked_in"] > at_rest


async def test_queries_are_counted(client: httpx2.AsyncClient) -> None:
    before = await numbers_of(client)
    for _ in range(3):
        (await client.get("/test/query")).raise_for_status()
    seen = await moved(client, before)

    assert seen['operation_duration_seconds_count{operation="db"}'] == 3
    assert 0 < seen['operation_duration_seconds_sum{operation="db"}'] < 3
