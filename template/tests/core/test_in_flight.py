import asyncio
import time
from collections.abc import AsyncGenerator
from statistics import median

import httpx2
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import Message

from app.core.deadline import no_deadline, remaining_seconds
from app.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    update = {"max_requests_in_flight": 3, "request_timeout_seconds": 0.3}
    return settings.model_copy(update=update)


@pytest.fixture
def ended() -> list[str]:
    """What was ended before it was done."""
    return []


@pytest.fixture
def gate() -> asyncio.Event:
    """Keeps requests in flight."""
    return asyncio.Event()


@pytest.fixture
def app(app: FastAPI, ended: list[str], gate: asyncio.Event) -> FastAPI:
    @app.get("/test/slow/{seconds}")
    async def slow(seconds: float) -> float | None:
        left = remaining_seconds()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append("slow")
            raise
        return left

    @app.get("/test/stubborn")
    async def stubborn() -> None:
        try:
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0.3)

    @app.get("/test/exempt", dependencies=[Depends(no_deadline)])
    async def exempt() -> float | None:
        await asyncio.sleep(0.5)
        return remaining_seconds()

    @app.get("/test/held", dependencies=[Depends(no_deadline)])
    async def held() -> None:
        await gate.wait()

    @app.get("/test/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncGenerator[bytes]:
            for _ in range(5):
                yield b"x"
                await asyncio.sleep(0.1)

        return StreamingResponse(pieces())

    return app


async def test_what_takes_too_long_is_ended(client: httpx2.AsyncClient, ended: list[str]) -> None:
    started = time.perf_counter()

    response = await client.get("/test/slow/5")

    assert response.status_code == 504
    assert 0.3 <= time.perf_counter() - started < 1
    assert ended == ["slow"]
    assert 0 < (await client.get("/test/slow/0")).json() < 0.31


@pytest.mark.parametrize(
    ("said", "most"),
    [("0.2", 0.2), ("60", 0.3), ("0", 0.3), ("-1", 0.3), ("soon", 0.3), ("nan", 0.3), ("inf", 0.3)],
)
async def test_a_client_may_wait_for_less(
    client: httpx2.AsyncClient, said: str, most: float
) -> None:
    response = await client.get("/test/slow/0", headers={"X-Request-Timeout": said})

    assert 0 < response.json() < most + 0.01


async def test_a_route_may_be_exempt(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/test/exempt")).json() is None


async def test_an_answer_that_has_begun_may_take_its_time(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/test/stream")).content == b"xxxxx"


@pytest.mark.parametrize(("path", "seconds"), [("/test/slow/5", 0.05), ("/test/stubborn", 0.4)])
async def test_who_wants_it_to_end_as_well_is_heard(
    app: FastAPI, path: str, seconds: float
) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        """Take it."""

    scope = {"type": "http", "method": "GET", "path": path, "scheme": "http"}
    asked = app({**scope, "headers": [], "query_string": b"", "state": {}}, receive, send)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asked, seconds)


async def test_more_at_once_are_refused_and_probes_are_not(
    client: httpx2.AsyncClient, gate: asyncio.Event
) -> None:
    held = [asyncio.create_task(client.get("/test/held")) for _ in range(3)]
    await asyncio.sleep(0.05)

    refused = [await client.get("/test/slow/0") for _ in range(9)]
    probed = await client.get("/health")
    gate.set()

    assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(503, "1")}
    # Some may have been in the way of others of this machine.
    assert median(float(each.headers["x-process-time"]) for each in refused) < 0.005
    assert probed.is_success
    assert [response.status_code for response in await asyncio.gather(*held)] == [200] * 3
    assert (await client.get("/test/slow/0")).is_success


async def test_streams_keep_nobody_out(client: httpx2.AsyncClient) -> None:
    streams = [asyncio.create_task(client.get("/test/stream")) for _ in range(3)]
    await asyncio.sleep(0.1)

    assert (await client.get("/test/slow/0")).is_success
    await asyncio.gather(*streams)
