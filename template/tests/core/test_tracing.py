"""What is recorded of a request, and what is not."""

import asyncio
import threading
from http import HTTPStatus

import httpx2
import pytest
from fastapi import FastAPI, Request

from app.core.http_client.client import HttpClientDep
from app.core.lifespan import State
from app.core.observability.timing import spending
from app.core.observability.trace_context import trace_id
from app.core.tasks.broker import BrokerDep
from app.core.tasks.task import task
from app.settings import Settings
from tests.fixtures.collector import Collector
from tests.fixtures.tasks import eventually
from tests.fixtures.upstream import Answer, Upstream

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SECRET = "hunter2"  # noqa: S105 - what must not be found


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(
        update={
            "otel_exporter_otlp_endpoint": collector.url,
            "otel_exporter_otlp_headers": "api-key=4711",
            "tracing_sample_ratio": 1.0,
            "environment": "staging",
            "task_poll_seconds": 0.02,
        }
    )


@task(max_attempts=2, backoff_seconds=0.01)
async def work(state: State, url: str) -> None:
    await state["http_client"].get(f"{url}/task")


@task(max_attempts=1)
async def fail_at_work(_state: State) -> None:
    raise RuntimeError(SECRET)


@pytest.fixture
def app(app: FastAPI, upstream: Upstream) -> FastAPI:
    upstream.answers["/ok"] = upstream.answers["/task"] = Answer()

    @app.get("/test/quiet")
    async def quiet() -> str | None:
        return trace_id()

    @app.post("/test/everything/{name}")
    async def everything(
        name: str, request: Request, http_client: HttpClientDep, broker: BrokerDep
    ) -> str | None:
        assert (name, await request.body()) == ("x", SECRET.encode())
        with spending("sums"):
            await http_client.get(
                f"{upstream.url}/ok?key={SECRET}",
                params={"token": SECRET},
                headers={"Authorization": SECRET},
            )
        await broker.enqueue(work(upstream.url))
        return trace_id()

    @app.get("/test/fail")
    async def fail(broker: BrokerDep) -> None:
        await broker.enqueue(fail_at_work())
        raise RuntimeError(SECRET)

    @app.get("/test/ask-in-vain")
    async def ask_in_vain(http_client: HttpClientDep) -> None:
        await http_client.get(f"{upstream.url}/nowhere")

    return app


@pytest.mark.usefixtures("workers_here")
async def test_a_request_and_its_task_are_one_trace(
    client: httpx2.AsyncClient, collector: Collector, upstream: Upstream
) -> None:
    response = await client.post(
        f"/test/everything/x?token={SECRET}",
        content=SECRET,
        headers={
            "Authorization": f"Bearer {SECRET}",
            "Cookie": f"session={SECRET}",
            "X-Api-Key": SECRET,
            "traceparent": f"00-{TRACE}-{CALLER}-01",
        },
    )

    name = work(upstream.url).name
    served = await collector.span("POST /test/everything/{name}")
    asked = next(span for span in collector.spans if span.name == "GET")
    summed = await collector.span("sums")
    enqueued = await collector.span(f"enqueue {name}")
    worked = await collector.span(f"task {name}")
    assert response.json() == TRACE
    assert {span.trace_id for span in (served, asked, summed, enqueued, worked)} == {TRACE}
    parents = [span.parent_id for span in (served, summed, asked, enqueued, worked)]
    assert parents == [CALLER, served.id, summed.id, served.id, enqueued.id]
    assert [span.kind for span in (served, asked, summed, enqueued, worked)] == [
        *("SERVER", "CLIENT", "INTERNAL", "PRODUCER", "CONSUMER"),
    ]
    assert served.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/test/everything/{name}",
        "url.path": "/test/everything/x",
        "url.scheme": "http",
    }
    assert asked.attributes["url.full"] == f"{upstream.url}/ok"
    # Who is asked sees whose span it is part of: of the request, and of the task.
    (by_request, by_task) = (each.headers["traceparent"] for each in upstream.requests)
    assert by_request == f"00-{TRACE}-{asked.id}-01"
    later = await called_by(collector, worked.id)
    assert by_task == f"00-{TRACE}-{later}-01"
    assert SECRET.encode() not in b"".join(collector.bodies)


async def called_by(collector: Collector, parent_id: str) -> str:
    await eventually(lambda: any(span.parent_id == parent_id for span in collector.spans))
    return next(span.id for span in collector.spans if span.parent_id == parent_id)


async def test_spans_say_whose_they_are(client: httpx2.AsyncClient, collector: Collector) -> None:
    await client.get("/test/quiet")
    await collector.span("GET /test/quiet")

    assert collector.resource["service.name"] == Settings().service_name
    assert collector.resource["service.version"] == Settings().service_version
    assert collector.resource["deployment.environment.name"] == "staging"
    assert collector.headers[0]["api-key"] == "4711"


@pytest.mark.usefixtures("workers_here")
async def test_what_fails_is_marked_and_not_quoted(
    client: httpx2.AsyncClient, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/test/fail")

    served = await collector.span("GET /test/fail")
    worked = await collector.span(f"task {fail_at_work().name}")
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert all(span.failed for span in (served, worked))
    assert served.attributes["error.type"] == worked.attributes["error.type"] == "RuntimeError"
    assert SECRET.encode() not in b"".join(collector.bodies)
    assert "failed" in caplog.text


async def test_a_call_that_fails_is_marked(
    client: httpx2.AsyncClient, collector: Collector
) -> None:
    await client.get("/test/ask-in-vain")

    served = await collector.span("GET /test/ask-in-vain")
    asked = await collector.span("GET")
    assert (asked.parent_id, asked.failed) == (served.id, True)
    assert asked.attributes["error.type"] == "ErrorAnswer"
    # 502 to the client.
    assert served.failed


async def test_probes_leave_no_span(client: httpx2.AsyncClient, collector: Collector) -> None:
    await client.get("/health")
    await client.get("/metrics")
    await client.get("/test/quiet")

    await collector.span("GET /test/quiet")
    assert len(collector.spans) == 1


class TestUnsampled:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"tracing_sample_ratio": 0.0})

    async def test_nothing_is_sent_and_the_id_is_known(
        self, client: httpx2.AsyncClient, collector: Collector, upstream: Upstream
    ) -> None:
        response = await client.post("/test/everything/x", content=SECRET)
        await client.get("/test/quiet", headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
        await asyncio.sleep(0.2)

        assert collector.bodies == []
        _, trace, _, flags = upstream.requests[0].headers["traceparent"].split("-")
        assert trace == response.json()
        assert not int(flags, 16) & 1

    async def test_a_caller_may_have_decided(
        self, client: httpx2.AsyncClient, collector: Collector
    ) -> None:
        await client.get("/test/quiet", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})

        assert (await collector.span("GET /test/quiet")).trace_id == TRACE


class TestOff:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"otel_exporter_otlp_endpoint": ""})

    async def test_no_thread_is_started(self, client: httpx2.AsyncClient, state: State) -> None:
        response = await client.get("/test/quiet")

        assert response.json() is None
        assert state["tracing"] is None
        assert not [thread for thread in threading.enumerate() if "Otel" in thread.name]
