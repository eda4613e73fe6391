"""A collector that is away, slow or broken, and the end of the service."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.api import routers
from app.core.application import create_app
from app.core.lifespan import StateDep
from app.settings import Settings
from tests.fixtures.collector import Collector
from tests.fixtures.server import free_port


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(
        update={"otel_exporter_otlp_endpoint": collector.url, "tracing_sample_ratio": 1.0}
    )


def be_away(settings: Settings, _collector: Collector) -> Settings:
    url = f"http://127.0.0.1:{free_port()}"
    return settings.model_copy(update={"otel_exporter_otlp_endpoint": url})


def be_slow(settings: Settings, collector: Collector) -> Settings:
    collector.seconds = 30
    return settings


def refuse(settings: Settings, collector: Collector) -> Settings:
    collector.status = 500
    return settings


@pytest.mark.parametrize("fault", [be_away, be_slow, refuse])
async def test_requests_do_not_care_for_the_collector(
    settings: Settings,
    collector: Collector,
    fault: Callable[[Settings, Collector], Settings],
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(fault(settings, collector), routers)

    @app.get("/test/quiet")
    async def quiet(_state: StateDep) -> None: ...

    async with app.router.lifespan_context(app) as state:
        client = httpx2.AsyncClient(transport=in_state(app, state), base_url="http://test")
        for _ in range(20):
            response = await client.get("/test/quiet")
            assert response.is_success
            assert float(response.headers["x-process-time"]) < 1
        await asyncio.sleep(0.3)
        ending = time.monotonic()

    # Neither does the end of the service.
    assert time.monotonic() - ending < 6
    said = [record for record in caplog.records if "Spans can't be sent" in record.message]
    assert len(said) <= 1
    assert [r for r in caplog.records if r.name.startswith("opentelemetry.exporter")] == []


def in_state(app: FastAPI, state: Mapping[str, object] | None) -> httpx2.ASGITransport:
    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(state or {})
        await app(scope, receive, send)

    return httpx2.ASGITransport(with_state)


async def test_what_was_not_sent_is_sent_at_the_end(
    settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    app = create_app(settings, routers)

    async with app.router.lifespan_context(app) as state:
        client = httpx2.AsyncClient(transport=in_state(app, state), base_url="http://test")
        await client.get("/test/nowhere")

    (span,) = collector.spans
    assert (span.name, span.failed) == ("GET", False)


@pytest.mark.parametrize("url", ["collector:4318", "grpc://collector:4317"])
def test_an_endpoint_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://collector:4318"):
        Settings(otel_exporter_otlp_endpoint=url)
