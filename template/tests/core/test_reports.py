"""Who is told of errors, and of what in them."""

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus

import httpx2
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from app.core.lifespan import State
from app.core.tasks.broker import BrokerDep
from app.core.tasks.task import task
from app.settings import Settings
from tests.fixtures.reports import Reports
from tests.ports import free_port

SECRET = "hunter2"  # noqa: S105 - what must not be found
TRACE = "0af7651916cd43dd8448eb211c80319c"
logger = logging.getLogger("test")


class Card(BaseModel):
    number: int


class TornError(Exception):
    """No pause mends it."""


@pytest.fixture
def settings(settings: Settings, reports: Reports) -> Settings:
    return settings.model_copy(
        update={"sentry_dsn": reports.dsn, "environment": "staging", "task_poll_seconds": 0.02}
    )


@task(max_attempts=1)
async def fail_at_work(_state: State, card: str) -> None:
    Card.model_validate({"number": card})


@task(fatal=(TornError,))
async def fail_for_good(_state: State) -> None:
    raise TornError


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.post("/test/fail/{number}")
    async def fail(number: int, request: Request) -> None:
        secret = (await request.body()).decode()
        assert secret != f"{number}"
        Card.model_validate({"number": secret})

    @app.get("/test/fail-at-work")
    async def enqueue(broker: BrokerDep) -> None:
        await broker.enqueue(fail_at_work(SECRET))
        await broker.enqueue(fail_for_good())

    @app.get("/test/log")
    async def log() -> None:
        logger.warning("Not this one")
        logger.error("The token=%s is %d too long", SECRET, 3, extra={"card": SECRET})

    return app


async def test_what_nobody_caught_is_told(client: httpx2.AsyncClient, reports: Reports) -> None:
    response = await client.post(
        f"/test/fail/4711?token={SECRET}",
        content=SECRET,
        headers={
            "Authorization": f"Bearer {SECRET}",
            "Cookie": f"session={SECRET}",
            "X-Request-ID": "abc-1",
            "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        },
    )

    event = await reports.event("POST /test/fail/{number}")
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert event["tags"] == {"request_id": "abc-1"}
    assert event["release"] == f"{Settings().service_name}@{Settings().service_version}"
    assert event["environment"] == "staging"
    assert event["contexts"]["trace"]["trace_id"] == TRACE
    error = event["exception"]["values"][-1]
    assert (error["type"], error["value"]) == ("ValidationError", "1 validation error for Card")
    assert error["stacktrace"]["frames"][-1]["function"] == "fail"
    assert SECRET.encode() not in b"".join(reports.bodies)


@pytest.mark.usefixtures("workers_here")
async def test_tasks_that_fail_are_told(client: httpx2.AsyncClient, reports: Reports) -> None:
    await client.get("/test/fail-at-work", headers={"X-Request-ID": "abc-1"})

    for failed in (fail_at_work(SECRET), fail_for_good()):
        event = await reports.event(f"task {failed.name}")
        assert event["tags"] == {"request_id": "abc-1"}
        assert event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert SECRET.encode() not in b"".join(reports.bodies)


async def test_what_is_logged_as_an_error_is_told(
    client: httpx2.AsyncClient, reports: Reports
) -> None:
    await client.get("/test/log")

    event = await reports.event("GET /test/log")
    assert event["logentry"]["formatted"] == "The token=*** is 3 too long"
    assert len(reports.events) == 1
    assert SECRET.encode() not in b"".join(reports.bodies)


async def test_what_was_not_sent_is_sent_at_the_end(app: FastAPI, reports: Reports) -> None:
    reports.seconds = 0.3
    async with app.router.lifespan_context(app):
        logger.error("The last word")

    assert [event["logentry"]["message"] for event in reports.events] == ["The last word"]


class TestSampled:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"sentry_sample_rate": 0.0})

    async def test_only_a_share_is_told(self, client: httpx2.AsyncClient, reports: Reports) -> None:
        await client.post("/test/fail/1", content="x")
        await asyncio.sleep(0.2)

        assert reports.events == []


class TestOff:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"sentry_dsn": ""})

    async def test_nobody_is_told(self, client: httpx2.AsyncClient, reports: Reports) -> None:
        handlers = logging.getLogger().handlers
        await client.post("/test/fail/1", content="x")

        assert not [each for each in handlers if "Report" in type(each).__name__]
        assert reports.bodies == []


def be_away(settings: Settings, _reports: Reports) -> Settings:
    dsn = f"http://key@127.0.0.1:{free_port()}/1"
    return settings.model_copy(update={"sentry_dsn": dsn})


def be_slow(settings: Settings, reports: Reports) -> Settings:
    reports.seconds = 30
    return settings


def refuse(settings: Settings, reports: Reports) -> Settings:
    reports.status = 500
    return settings


class TestFaults:
    @pytest.fixture(params=[be_away, be_slow, refuse])
    def settings(
        self,
        settings: Settings,
        reports: Reports,
        request: pytest.FixtureRequest,
    ) -> Settings:
        fault: Callable[[Settings, Reports], Settings] = request.param
        return fault(settings, reports)

    async def test_requests_do_not_care(
        self, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        began = time.monotonic()
        for _ in range(20):
            response = await client.post("/test/fail/1", content="x")
            assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR

        assert time.monotonic() - began < 5
        await asyncio.sleep(0.1)
        assert [record for record in caplog.records if record.name.startswith("urllib3")] == []


@pytest.mark.parametrize("dsn", ["sentry.example.org", "https://sentry.example.org/1"])
def test_a_dsn_that_is_none_is_refused(dsn: str) -> None:
    with pytest.raises(ValueError, match="https://key@"):
        Settings(sentry_dsn=dsn)
