import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import literal, select, text

from app.core.database.direct import DirectQuery
from app.core.database.session import DatabaseDep
from app.settings import Settings

VALUE = "4711"
ONE = DirectQuery(select(literal(1)))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # Nothing is that fast, so everything is slow.
    return settings.model_copy(update={"database_slow_query_milliseconds": 0.000_001})


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/queries/{value}")
    async def query(value: str, database: DatabaseDep) -> None:
        async with database.read() as session:
            await session.execute(text("SELECT :value AS\n  spoken"), {"value": value})
        async with database.direct() as connection:
            await connection.fetch(ONE)

    return app


async def test_queries_are_counted_and_timed(client: httpx2.AsyncClient) -> None:
    response = await client.get(f"/test/queries/{VALUE}")

    assert response.is_success
    name, duration, count = response.headers["server-timing"].split(", ")[1].split(";")
    assert (name, count) == ("db", 'desc="2"')
    assert float(duration.removeprefix("dur=")) >= 0


async def test_a_slow_query_is_logged_without_its_values(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.get(f"/test/queries/{VALUE}")

    lines = [record.getMessage() for record in caplog.records if "Slow query" in record.message]
    assert len(lines) == 2
    assert all("ms in GET /test/queries/{value}: SELECT " in line for line in lines)
    assert "spoken" in lines[0]
    assert not any(VALUE in line for line in lines)
