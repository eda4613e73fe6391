"""A collector that is away, slow or broken, and the end of the service."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.settings import Settings
from tests.fixtures.collector import Collector
from tests.fixtures.tasks import eventually
from tests.ports import free_port


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(
        update={"otel_exporter_otlp_endpoint": collector.url, "tracing_sample_ratio": 1.0}
    )


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/quiet")
    async def quiet() -> None: ...

    return app


def be_away(settings: Settings, _collector: Collector) -> Settings:
    url = f"http://127.0.0.1:{free_port()}"
    return settings.model_copy(update={"otel_exporter_otlp_endpoint": url})


def be_slow(settings: Settings, collector: Collector) -> Settings:
    collector.seconds = 30
    return settings


def refuse(settings: Settings, collector: Collector) -> Settings:
    collector.status = 500
    return settings


class TestFaults:
    @pytest.fixture(params=[be_away, be_slow, refuse])
    def settings(
        self, settings: Settings, collector: Collector, request: pytest.FixtureRequest
    ) -> Settings:
        fault: Callable[[Settings, Collector], Settings] = request.param
        return fault(settings, collector)

    async def test_neither_requests_nor_the_end_care(
        self, app: FastAPI, collector: Collector, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with app.router.lifespan_context(app) as state:
            client = httpx2.AsyncClient(transport=in_state(app, state), base_url="http://test")
            for _ in range(20):
                response = await client.get("/test/quiet")
                assert response.is_success
                assert float(response.headers["x-process-time"]) < 1
            await asyncio.sleep(0.3)
            ending = time.monotonic()

        assert time.monotonic() - ending < 6
        if not collector.seconds:
            await eventually(lambda: "Spans can't be sent" in caplog.text)
        assert caplog.text.count("Spans can't be sent") <= 1
        assert [r for r in caplog.records if r.name.startswith("opentelemetry.exporter")] == []


def in_state(app: FastAPI, state: Mapping[str, object] | None) -> httpx2.ASGITransport:
    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(state or {})
        await app(scope, receive, send)

    return httpx2.ASGITransport(with_state)


async def test_what_was_not_sent_is_sent_at_the_end(
    app: FastAPI, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")

    async with app.router.lifespan_context(app) as state:
        client = httpx2.AsyncClient(transport=in_state(app, state), base_url="http://test")
        await client.get("/test/quiet")

    assert [span.name for span in collector.spans] == ["GET /test/quiet"]


@pytest.mark.parametrize("url", ["collector:4318", "grpc://collector:4317"])
def test_an_endpoint_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://collector:4318"):
        Settings(otel_exporter_otlp_endpoint=url)
