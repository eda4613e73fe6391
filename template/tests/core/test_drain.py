"""The end of a service that has much to do, over real sockets."""

import asyncio
import os
import time
from collections import Counter
from contextlib import suppress

import httpx2
import psutil
import pytest
from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from app.api import routers
from app.settings import Settings
from tests.fixtures.live import Listener, end_of
from tests.fixtures.server import Server, serving, variables_of

ROUNDS = int(os.environ.get("DRAIN_ROUNDS", "1"))
CLIENTS = 32
SOCKETS = [
    route.path for router in routers for route in router.routes if isinstance(route, WebSocketRoute)
]


class Client:
    """Asks over and over, over one connection as long as it may, until nobody listens."""

    def __init__(self, server: Server) -> None:
        self._port = int(server.url.rpartition(":")[2])
        self.statuses: Counter[int] = Counter()
        self.said_close = 0

    async def ask_until_the_end(self) -> None:
        """Raise what is no answer: a reset, or an end in the middle of one."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except ConnectionRefusedError:
                return
            try:
                while await self._ask(reader, writer):
                    pass
            finally:
                writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        (length,) = [int(line[16:]) for line in lines if line.startswith(b"content-length: ")]
        await reader.readexactly(length)
        self.statuses[int(head.split()[1])] += 1
        ends = b"connection: close" in lines
        self.said_close += ends
        return not ends


async def test_it_says_so_and_goes_on_for_a_while(settings: Settings) -> None:
    with serving(**variables_of(settings), DRAIN_SECONDS="2") as server:
        async with httpx2.AsyncClient(base_url=server.url) as client:
            started = time.perf_counter()
            server.process.terminate()
            async with asyncio.timeout(0.9):
                while (ready := await client.get("/ready")).is_success:
                    await asyncio.sleep(0.01)
            said_after = time.perf_counter() - started

            assert said_after < 0.3
            assert ready.status_code == 503
            assert ready.json()["detail"] == "The service is about to end."
            while time.perf_counter() - started < 1:
                health = await client.get("/health")
                assert health.is_success
                assert health.headers["connection"] == "close"
        await asyncio.to_thread(server.process.wait, 20)
        assert time.perf_counter() - started >= 2


@pytest.mark.slow
async def test_who_sits_and_waits_does_not_have_to(settings: Settings) -> None:
    with serving(**variables_of(settings), DRAIN_SECONDS="6") as server:
        started = time.perf_counter()
        await asyncio.to_thread(server.stop, 2)

        assert time.perf_counter() - started < 4


@pytest.mark.slow
async def test_a_worker_that_ends_is_replaced(settings: Settings) -> None:
    with serving(**{**variables_of(settings), "WORKERS": "2"}) as server:
        supervisor = psutil.Process(server.process.pid)
        before = {child.pid for child in supervisor.children() if is_worker(child)}
        assert len(before) == 2
        psutil.Process(max(before)).kill()

        async with asyncio.timeout(20):
            while len(now := {c.pid for c in supervisor.children() if is_worker(c)} - before) < 1:
                await asyncio.sleep(0.05)
        async with httpx2.AsyncClient(base_url=server.url) as client:
            assert (await client.get("/health")).is_success
        assert "ended with -9" in server.logged()

        # Nobody would end them, and nobody else could take the port.
        workers = [child for child in supervisor.children() if is_worker(child)]
        assert {worker.pid for worker in workers} >= now
        server.process.kill()
        gone, _ = await asyncio.to_thread(psutil.wait_procs, workers, 10)
        assert len(gone) == len(workers)


def is_worker(process: psutil.Process) -> bool:
    """Tell it from the process that watches over resources, and from one that is about to end."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return "spawn_main" in " ".join(process.cmdline())
    return False


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("_round", range(ROUNDS))
async def test_no_request_is_left_without_an_answer(
    settings: Settings, app: FastAPI, listener: Listener, workers: int, _round: int
) -> None:
    variables = {**variables_of(settings), "WORKERS": f"{workers}", "DRAIN_SECONDS": "0.5"}
    with serving(**variables) as server:
        clients = [Client(server) for _ in range(CLIENTS)]
        asking = [asyncio.create_task(client.ask_until_the_end()) for client in clients]
        paths = [path for path in app.openapi()["paths"] if path.endswith("/stream")]
        streams = [await listener.stream(server.url + path) for path in paths * 4]
        sockets = [await listener.socket(server.url + path) for path in SOCKETS * 4]
        while sum(client.statuses[200] for client in clients) < 20 * CLIENTS:
            assert not any(each.done() for each in asking)
            await asyncio.sleep(0.02)
        server.process.terminate()

        async with asyncio.timeout(20):
            # A stream that was cut would raise.
            assert {await stream.next() for stream in streams} <= {None}
            assert {await end_of(socket) for socket in sockets} <= {1012}
            await asyncio.gather(*asking)
        await asyncio.to_thread(server.process.wait, 20)
        assert "Traceback" not in server.logged()

    assert {*sum((client.statuses for client in clients), Counter())} == {200}
    # Each was asked to come over another connection, and went on until nobody listened.
    assert all(client.said_close for client in clients)


@pytest.mark.slow
async def test_workers_take_turns_without_a_lost_request(settings: Settings) -> None:
    variables = {**variables_of(settings), "WORKERS": "1", "WORKER_MAX_REQUESTS": "200"}
    with serving(**variables) as server:
        client = Client(server)
        asking = asyncio.create_task(client.ask_until_the_end())
        async with asyncio.timeout(30):
            while client.said_close < 3:
                assert not asking.done(), asking
                await asyncio.sleep(0.02)
            # The last one has to be there before it can end well.
            answered = client.statuses[200]
            while client.statuses[200] == answered:
                await asyncio.sleep(0.02)
        server.process.terminate()
        await asking

    assert {*client.statuses} == {200}
