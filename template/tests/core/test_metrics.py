"""The numbers that Prometheus reads: each is made to move, and seen to."""

import asyncio
import gc
import os
import re
import signal
import time
from collections.abc import Mapping
from typing import cast

import httpx2
import psutil
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import Message, Scope

from app.core.lifespan import State
from app.core.observability.metrics import request_numbers
from app.core.observability.timing import spending
from app.settings import Settings
from tests.fixtures.server import serving, variables_of
from tests.readings import moved, numbers_of, read


async def knock(app: FastAPI, state: State, method: str, path: str) -> None:
    """Ask without a client, which would take most of the time."""

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        return

    asked = {"type": "http", "method": method, "path": path, "scheme": "http"}
    rest: Scope = {"headers": [], "query_string": b"", "state": dict(state)}
    await app({**asked, **rest}, receive, send)


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/numbers/{number}")
    async def number(number: int) -> int:
        with spending("mail"):
            return 1 // number

    @app.get("/test/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"x" * 700, b"x" * 400]))

    @app.get("/test/block")
    async def block() -> None:
        time.sleep(0.3)  # noqa: ASYNC251 - so that it's seen

    return app


async def test_requests_are_counted_by_route_and_status(client: httpx2.AsyncClient) -> None:
    before = await numbers_of(client)
    for number in (1, 2, 0):
        await client.get(f"/test/numbers/{number}")
    seen = await moved(client, before)

    count = "http_request_duration_seconds_count"
    route = 'method="GET",route="/test/numbers/{number}"'
    assert seen[f'{count}{{{route},status="2xx"}}'] == 2
    assert seen[f'{count}{{{route},status="5xx"}}'] == 1
    assert 0 < seen[f'http_request_duration_seconds_sum{{{route},status="2xx"}}'] < 1
    error = 'exception="ZeroDivisionError",route="/test/numbers/{number}"'
    assert seen[f"http_errors_total{{{error}}}"] == 1
    assert seen['operation_duration_seconds_count{operation="mail"}'] == 3


async def test_sizes_are_counted_as_they_were_sent(client: httpx2.AsyncClient) -> None:
    before = await numbers_of(client)
    await client.get("/test/stream", headers={"Accept-Encoding": "identity"})
    seen = await moved(client, before)

    route = 'method="GET",route="/test/stream"'
    assert seen[f"http_response_size_bytes_sum{{{route}}}"] == 1100
    assert seen[f'http_response_size_bytes_bucket{{le="4096.0",{route}}}'] == 1
    assert seen[f'http_response_size_bytes_bucket{{le="1024.0",{route}}}'] == 0


async def test_unknown_paths_and_methods_are_one_series(
    app: FastAPI, state: State, client: httpx2.AsyncClient
) -> None:
    await client.get("/test/nowhere")
    await client.request("BREW", "/test/nowhere")
    before = await numbers_of(client)
    for number in range(10_000):
        # Each a path, and each a method, of its own.
        await knock(app, state, f"M{number}", f"/test/nowhere/{number}")
    after = await numbers_of(client)

    assert after.keys() == before.keys()
    assert request_numbers.cache_info().currsize < 1000
    name = 'http_request_duration_seconds_count{method="other",route="-",status="4xx"}'
    assert after[name] - before[name] == 10_000


async def test_a_blocked_event_loop_is_seen(client: httpx2.AsyncClient) -> None:
    before = await numbers_of(client)
    await client.get("/test/block")
    # The longest lag is that of the last second.
    await asyncio.sleep(1.1)
    seen = await moved(client, before)

    assert (await numbers_of(client))["event_loop_lag_longest_seconds"] > 0.1
    assert seen["event_loop_lag_seconds_count"] >= 1
    late = seen["event_loop_lag_seconds_count"] - seen['event_loop_lag_seconds_bucket{le="0.1"}']
    assert late >= 1


async def test_the_process_is_seen(client: httpx2.AsyncClient) -> None:
    before = await numbers_of(client)
    for generation in range(3):
        gc.collect(generation)
    numbers, seen = await numbers_of(client), await moved(client, before)

    assert seen["python_gc_collections_0_total"] >= 1
    assert seen["python_gc_collections_1_total"] >= 1
    assert seen["python_gc_collections_2_total"] >= 1
    assert numbers["process_resident_memory_bytes"] > 10_000_000
    assert numbers["process_cpu_seconds_total"] > 0
    assert numbers["process_open_fds"] > 3
    assert numbers["process_threads"] >= 1
    # Whoever asks is under way.
    assert numbers["http_requests_in_flight"] == 1


class Boiler:
    """A resource of the user's own."""

    name = "boiler"
    totals = frozenset({"litres"})

    def __init__(self) -> None:
        self.litres = 3
        self.pressure = 2.5

    async def ping(self) -> None:
        return

    def stats(self) -> Mapping[str, float]:
        return {"litres": self.litres, "pressure": self.pressure}


async def test_everything_that_is_open_is_seen(client: httpx2.AsyncClient, state: State) -> None:
    boiler = Boiler()
    cast("dict[str, object]", state)["boiler"] = boiler
    numbers = await numbers_of(client)
    boiler.litres, boiler.pressure = 5, 1
    seen = await moved(client, numbers)

    assert numbers["boiler_pressure"] == 2.5
    assert (seen["boiler_litres_total"], seen["boiler_pressure"]) == (2, -1.5)
    assert {"http_client_in_flight", "live_streams", "tasks_enqueued_total"} <= numbers.keys()


async def test_a_resource_that_fails_hides_no_other(
    client: httpx2.AsyncClient, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Boiler):
        name = "broken"

        def stats(self) -> Mapping[str, float]:
            raise RuntimeError

    cast("dict[str, object]", state)["a"] = Broken()
    cast("dict[str, object]", state)["b"] = Boiler()
    for _ in range(2):
        assert "boiler_pressure" in await numbers_of(client)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "broken doesn't say how it is"
    ]


@pytest.mark.slow
def test_a_killed_process_takes_no_numbers_with_it(settings: Settings) -> None:
    """Two workers: what both counted is there, whoever is asked, and after one was killed."""
    variables = {**variables_of(settings), "WORKERS": "2"}
    with serving(**variables) as server, httpx2.Client(base_url=server.url) as client:

        def get(path: str) -> httpx2.Response:
            # Each over a connection of its own, so that any process may answer. One that is given
            # up and asked again would be counted twice.
            return httpx2.get(f"{server.url}{path}", timeout=30)

        def count() -> float:
            name = 'http_request_duration_seconds_count{method="GET",route="-",status="4xx"}'
            return read(get("/metrics").text).get(name, 0)

        for _ in range(60):
            assert get("/nowhere").status_code == 404
        assert {count() for _ in range(10)} == {60}

        workers = [
            child
            for child in psutil.Process(server.process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        assert len(workers) == 2
        memory = read(client.get("/metrics").text)["process_resident_memory_bytes"]
        assert memory > 1.5 * min(worker.memory_info().rss for worker in workers)
        os.kill(workers[0].pid, signal.SIGKILL)
        for _ in range(40):
            asked = time.monotonic()
            while time.monotonic() - asked < 10:
                try:
                    assert get("/nowhere").status_code == 404
                    break
                except httpx2.TransportError:
                    # It was in the hands of the one that was killed.
                    time.sleep(0.05)
        deadline = time.monotonic() + 20
        while len(psutil.Process(server.process.pid).children()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert {count() for _ in range(10)} == {100}
    assert not re.search("Traceback", server.logged() if not server.log.closed else "")
