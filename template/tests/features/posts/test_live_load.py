"""Many who listen to two processes, some of whom stall.

`LIVE_CLIENTS=1000 LIVE_MESSAGES=10000` for the whole of it, which takes minutes.
"""

import asyncio
import os
import resource
import socket
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from app.settings import Settings
from tests.fixtures.live import Listener, said
from tests.fixtures.server import Server, serving, variables_of

CLIENTS = int(os.environ.get("LIVE_CLIENTS", "100"))
MESSAGES = int(os.environ.get("LIVE_MESSAGES", "500"))
STALLED = 50
BROADCASTS = 5
AT_ONCE = 10

HANDSHAKE = (
    "GET /posts/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.fixture
def processes(settings: Settings) -> Generator[Server]:
    """The service, in two processes."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        with serving(**variables_of(settings), WORKERS="2") as server:
            yield server
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Writer:
    """Writes posts."""

    def __init__(self, session: aiohttp.ClientSession, url: str, author_id: int) -> None:
        self._session = session
        self._url = url
        self._author_id = author_id
        self.slowest_seconds = 0.0

    async def write(self, count: int) -> list[int]:
        """Write several at once, and give their ids."""
        room = asyncio.Semaphore(AT_ONCE)
        return await asyncio.gather(*(self._write(room) for _ in range(count)))

    async def _write(self, room: asyncio.Semaphore) -> int:
        async with room:
            began = time.monotonic()
            new = {
                "author_id": self._author_id,
                "title": os.urandom(16).hex(),
                "body": "x" * 20_000,
            }
            async with self._session.post(f"{self._url}/posts", json=new) as response:
                post_id: int = (await response.json())["id"]
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        return post_id


@pytest.fixture
async def writer(processes: Server) -> AsyncGenerator[Writer]:
    """Somebody who writes."""
    async with aiohttp.ClientSession() as session:
        author: dict[str, Any] = {"name": "Ann", "email": "ann@example.org"}
        async with session.post(f"{processes.url}/authors", json=author) as response:
            yield Writer(session, processes.url, (await response.json())["id"])


def stalled(url: str) -> socket.socket:
    """Open a socket that nobody reads, with little room in between."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((urlsplit(url).hostname, urlsplit(url).port))
    connection.sendall(HANDSHAKE.encode())
    return connection


def read_to_the_end(connection: socket.socket) -> None:
    """Read until the server says goodbye, or hangs up because nobody listened to that."""
    connection.settimeout(10)
    read = b""
    while b"You read too slowly." not in read:
        new = connection.recv(65536)
        if not new:
            return
        read = read[-100:] + new


async def heard(client: aiohttp.ClientWebSocketResponse, count: int) -> list[int]:
    """Give the ids of the posts that a client is told of."""
    return [(await said(client)).data["id"] for _ in range(count)]


def memory_of(server: Server) -> int:
    """Measure all of its processes."""
    process = psutil.Process(server.process.pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


@pytest.mark.slow
async def test_many_listen_and_some_stall(
    processes: Server, writer: Writer, listener: Listener
) -> None:
    url = f"{processes.url}/posts/ws"
    clients = [await listener.socket(url) for _ in range(CLIENTS)]
    for _ in range(BROADCASTS):
        told = await asyncio.gather(*(heard(each, 10) for each in clients), writer.write(10))
        assert [sorted(ids) for ids in told] == [sorted(told[-1])] * (CLIENTS + 1)
        # In the same order for all, whichever process they listen to.
        assert told[:-1] == [told[0]] * CLIENTS

    clients, others = clients[:10], clients[10:]
    await asyncio.gather(*(each.close() for each in others))
    with ExitStack() as stack:
        connections = [stack.enter_context(stalled(url)) for _ in range(STALLED)]
        memory: list[int] = []
        for _ in range(5):
            count = MESSAGES // 5
            told = await asyncio.gather(
                *(heard(each, count) for each in clients), writer.write(count)
            )
            assert [sorted(ids) for ids in told] == [sorted(told[-1])] * 11
            memory.append(memory_of(processes))

        assert writer.slowest_seconds < 1
        # At first the history fills, and what waits for those who stall.
        assert memory[-1] - memory[2] < 0.05 * memory[-1]
        await asyncio.gather(*(asyncio.to_thread(read_to_the_end, each) for each in connections))
