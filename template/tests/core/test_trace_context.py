"""The trace of a caller: passed on, whether anything is recorded here or not."""

import json
import logging
from collections.abc import Mapping

import httpx2
import pytest
from fastapi import FastAPI

from app.core.http_client.client import HttpClientDep, WebClientDep
from app.core.observability.lines import JsonFormatter, TextFormatter
from app.core.observability.redaction import Redaction
from app.core.observability.trace_context import trace_context, trace_id
from app.core.tasks.broker import Broker
from app.core.tasks.contract import TaskState
from app.core.tasks.task import task
from app.settings import Settings
from tests.fixtures.tasks import until_state
from tests.fixtures.upstream import Answer, Upstream

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-00"
CALLED = {"traceparent": PARENT, "tracestate": "dd=s:0,other=1"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"http_private_addresses": True})


@task()
async def note_trace(state: Mapping[str, list[object]]) -> None:
    state["seen"].append(trace_context.get())


@pytest.fixture
def app(app: FastAPI, upstream: Upstream) -> FastAPI:
    upstream.answers["/"] = Answer()

    @app.get("/test/ask")
    async def ask(http_client: HttpClientDep) -> str | None:
        await http_client.get(upstream.url)
        return trace_id()

    @app.get("/test/ask-a-stranger")
    async def ask_a_stranger(web_client: WebClientDep) -> None:
        await web_client.get(upstream.url)

    @app.get("/test/log")
    async def log() -> list[str]:
        formatters = [TextFormatter(Redaction()), JsonFormatter(Redaction())]
        return [each.format(logging.makeLogRecord({"msg": "done"})) for each in formatters]

    return app


async def test_those_who_are_asked_are_told(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    response = await client.get("/test/ask", headers=CALLED)

    (asked,) = upstream.requests
    assert {name: asked.headers.get(name) for name in CALLED} == CALLED
    assert response.json() == TRACE


async def test_strangers_are_not(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await client.get("/test/ask-a-stranger", headers=CALLED)

    (asked,) = upstream.requests
    assert not CALLED.keys() & {name.lower() for name in asked.headers}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": ""},
        {"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"},
        {"traceparent": f"00-{TRACE}-{'0' * 16}-01"},
        {"traceparent": PARENT.upper()},
        {"traceparent": f"{PARENT}\tX-Admin: 1"},
        {"tracestate": "dd=s:0"},
    ],
)
async def test_what_is_not_sound_is_not_passed_on(
    client: httpx2.AsyncClient, upstream: Upstream, headers: Mapping[str, str]
) -> None:
    response = await client.get("/test/ask", headers=headers)

    (asked,) = upstream.requests
    assert response.json() is None
    assert not CALLED.keys() & {name.lower() for name in asked.headers}


async def test_a_state_that_is_too_long_is_left_out(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await client.get("/test/ask", headers={**CALLED, "tracestate": "a=" + "b" * 512})

    (asked,) = upstream.requests
    assert asked.headers["traceparent"] == PARENT
    assert "tracestate" not in asked.headers


@pytest.mark.usefixtures("runner")
async def test_its_tasks_are_part_of_it(
    app: FastAPI, client: httpx2.AsyncClient, tasks: Broker, seen: list[object]
) -> None:
    @app.get("/test/enqueue")
    async def enqueue() -> str:
        return await tasks.enqueue(note_trace())

    task_id = (await client.get("/test/enqueue", headers=CALLED)).json()
    await until_state(tasks.ledger, task_id, TaskState.SUCCEEDED)

    assert seen == [(PARENT, CALLED["tracestate"])]


async def test_each_line_of_the_log_names_it(client: httpx2.AsyncClient) -> None:
    text, event = (await client.get("/test/log", headers=CALLED)).json()
    assert f" {TRACE}] " in text
    assert json.loads(event)["trace_id"] == TRACE

    _, event = (await client.get("/test/log")).json()
    assert "trace_id" not in json.loads(event)
