"""Both ways to a database leave spans: without a value in them."""

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import bindparam, literal, select, text
from sqlalchemy.types import String

from app.core.database.direct import DirectQuery
from app.core.database.session import DatabaseDep
from app.settings import Settings
from tests.fixtures.collector import Collector

SECRET = "hunter2"  # noqa: S105 - what must not be found
SPOKEN = DirectQuery(
    select(literal("direct")).where(bindparam("value", type_=String()) != literal("x"))
)


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(
        update={"otel_exporter_otlp_endpoint": collector.url, "tracing_sample_ratio": 1.0}
    )


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/session/{value}")
    async def session(value: str, database: DatabaseDep) -> None:
        async with database.read() as session:
            await session.execute(text("SELECT :value AS\n  spoken"), {"value": value})

    @app.post("/test/direct")
    async def direct(value: str, database: DatabaseDep) -> None:
        async with database.direct() as connection:
            await connection.fetch(SPOKEN, value=value)

    return app


async def test_a_session_leaves_one(client: httpx2.AsyncClient, collector: Collector) -> None:
    await client.get(f"/test/session/{'x' * 9}")

    served = await collector.span("GET /test/session/{value}")
    asked = await collector.span("db SELECT")
    assert (asked.parent_id, asked.kind) == (served.id, "CLIENT")
    assert asked.attributes["db.operation.name"] == "SELECT"
    assert "AS spoken" in str(asked.attributes["db.query.text"])
    assert "xxxxxxxxx" not in str(asked.attributes)
    assert Settings().database_url.startswith(str(asked.attributes["db.system.name"]))


async def test_the_direct_path_leaves_one(client: httpx2.AsyncClient, collector: Collector) -> None:
    response = await client.post("/test/direct", params={"value": SECRET})

    assert response.is_success
    served = await collector.span("POST /test/direct")
    asked = await collector.span("db SELECT")
    assert asked.parent_id == served.id
    assert asked.attributes["db.operation.name"] == "SELECT"
    assert SECRET.encode() not in b"".join(collector.bodies)
