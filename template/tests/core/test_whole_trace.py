"""A request that asks everybody there is to ask."""

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import literal, select

from app.core.cache.cache import CacheDep
from app.core.database.direct import DirectQuery
from app.core.database.session import Database, DatabaseDep
from app.core.http_client.client import HttpClientDep
from app.core.lifespan import State
from app.core.tasks.broker import BrokerDep
from app.core.tasks.task import task
from app.settings import Settings
from tests.fixtures.collector import Collector
from tests.fixtures.upstream import Answer, Upstream

ONE = DirectQuery(select(literal(1)))


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(
        update={
            "otel_exporter_otlp_endpoint": collector.url,
            "tracing_sample_ratio": 1.0,
            "rate_limit_requests": 100,
        }
    )


@task()
async def look(state: State) -> None:
    database: Database = state["database"]
    await database.fetch_value(ONE)


@pytest.fixture
def app(app: FastAPI, upstream: Upstream) -> FastAPI:
    upstream.answers["/"] = Answer()

    @app.get("/test/everything")
    async def everything(
        database: DatabaseDep, cache: CacheDep, http_client: HttpClientDep, broker: BrokerDep
    ) -> None:
        await database.fetch_value(ONE)
        await cache.get_or_load("test", lambda: loaded(http_client))
        await broker.enqueue(look())

    async def loaded(http_client: HttpClientDep) -> bytes:
        return (await http_client.get(upstream.url)).body

    return app


@pytest.mark.usefixtures("workers_here")
async def test_it_is_one_trace_with_everything_in_it(
    client: httpx2.AsyncClient, collector: Collector
) -> None:
    await client.get("/test/everything")

    served = await collector.span("GET /test/everything")
    worked = await collector.span(f"task {look().name}")
    spans = {span.id: span for span in collector.spans if span.trace_id == served.trace_id}
    assert served.parent_id == ""
    assert worked.id in spans

    def above(span_id: str) -> str:
        return spans[spans[span_id].parent_id].name

    below = {(span.name, above(span.id)) for span in spans.values() if span is not served}
    assert {
        ("limit EVAL", served.name),
        ("db SELECT", served.name),
        ("cache MGET", served.name),
        ("GET", served.name),
        (f"enqueue {look().name}", served.name),
        (worked.name, f"enqueue {look().name}"),
        ("db SELECT", worked.name),
    } <= below
