"""Cached reads over real processes, which share what they keep through Redis."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from http import HTTPStatus
from uuid import uuid4

import aiohttp
import pytest

from app.settings import Settings
from tests.fixtures.server import serving, variables_of
from tests.redis_server import RedisServer

RETRY_SECONDS = 0.5


@pytest.fixture
def patience() -> float:
    """How long they wait for Redis: a busy machine is no fault."""
    return 5


@pytest.fixture
def urls(settings: Settings, own_redis: RedisServer, patience: float) -> Generator[tuple[str, str]]:
    """Two services on the same data."""
    variables = {
        **variables_of(settings),
        "CACHE_TIMEOUT_SECONDS": str(patience),
        "CACHE_RETRY_SECONDS": str(RETRY_SECONDS),
        "REDIS_URL": own_redis.url,
    }
    with ExitStack() as servers:
        one, other = (servers.enter_context(serving(**variables)) for _ in range(2))
        yield one.url, other.url


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


async def create_post(session: aiohttp.ClientSession, url: str) -> str:
    """Give the path of a new post."""
    author = {"name": "Ann", "email": f"{uuid4().hex}@example.org"}
    async with session.post(f"{url}/authors", json=author) as response:
        author_id = (await response.json())["id"]
    new = {"author_id": author_id, "title": "On ships", "body": "They float."}
    async with session.post(f"{url}/posts", json=new) as response:
        return response.headers["Location"]


@pytest.fixture
async def post(session: aiohttp.ClientSession, urls: tuple[str, str]) -> str:
    """The path of a post."""
    return await create_post(session, urls[0])


class Reader:
    """Reads a post, and remembers what came of it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.statuses: Counter[int] = Counter()
        self.said: Counter[str] = Counter()
        self.seconds: list[float] = []

    async def likes(self) -> int:
        """Read how often it is liked."""
        began = time.monotonic()
        async with self._session.get(self._url) as response:
            body = await response.json()
        self.seconds.append(time.monotonic() - began)
        self.statuses[response.status] += 1
        how = response.headers.get("Cache-Status", "").split("; ")[1:]
        self.said["hit" if "hit" in how else how[-1]] += 1
        return body["likes"]

    async def like(self) -> None:
        """Like it."""
        async with self._session.post(f"{self._url}/likes") as response:
            assert response.status == HTTPStatus.NO_CONTENT


async def test_two_hundred_who_miss_share_one_load(
    session: aiohttp.ClientSession, urls: tuple[str, str]
) -> None:
    stored: list[int] = []
    # Another load is right where the task that counts the words of a post comes in between.
    while 1 not in stored and len(stored) < 5:
        post = await create_post(session, urls[0])
        readers = [Reader(session, url + post) for url in urls]

        await asyncio.gather(*(reader.likes() for reader in readers for _ in range(100)))

        assert sum((reader.statuses for reader in readers), Counter()) == {HTTPStatus.OK: 200}
        stored.append(sum((reader.said for reader in readers), Counter())["stored"])
    assert stored[-1] == 1


async def test_a_write_is_seen_at_once_here_and_soon_there(
    session: aiohttp.ClientSession, urls: tuple[str, str], post: str
) -> None:
    here, there = (Reader(session, url + post) for url in urls)
    for number in range(1, 21):
        await asyncio.gather(here.likes(), there.likes())
        await here.like()
        written = time.monotonic()

        assert await here.likes() == number
        while await there.likes() != number:
            assert time.monotonic() - written < 1
        here, there = there, here


@pytest.mark.slow
async def test_no_read_is_older_than_a_second(
    session: aiohttp.ClientSession, urls: tuple[str, str], post: str
) -> None:
    """Of ten thousand reads and writes, in a row by twenty clients."""
    readers = [Reader(session, url + post) for url in urls]
    written_at = [time.monotonic()]

    async def write() -> None:
        for number in range(1000):
            await readers[number % 2].like()
            written_at.append(time.monotonic())

    async def read(reader: Reader) -> None:
        for _ in range(450):
            began = time.monotonic()
            likes = await reader.likes()
            assert likes + 1 >= len(written_at) or began - written_at[likes + 1] < 1

    await asyncio.gather(write(), *(read(reader) for reader in readers for _ in range(10)))

    for reader in readers:
        assert reader.said["hit"] > 0
        assert reader.statuses == {HTTPStatus.OK: 4500}
        assert await reader.likes() == 1000


@pytest.mark.parametrize("patience", [0.05])
@pytest.mark.parametrize("fault", ["stop", "pause"])
async def test_readers_hardly_notice_that_redis_is_away(
    session: aiohttp.ClientSession,
    urls: tuple[str, str],
    post: str,
    own_redis: RedisServer,
    patience: float,
    fault: str,
) -> None:
    readers = [Reader(session, url + post) for url in urls]
    is_over = False

    async def read(reader: Reader) -> None:
        while not is_over:
            await reader.likes()
            await asyncio.sleep(0.02)

    load = [asyncio.create_task(read(reader)) for reader in readers for _ in range(4)]
    await asyncio.sleep(1)
    getattr(own_redis, fault)()
    for reader in readers:
        reader.seconds.clear()
    await asyncio.sleep(2)
    seconds = sorted(second for reader in readers for second in reader.seconds)
    if fault == "stop":
        own_redis.start()
    else:
        own_redis.resume()
    await asyncio.sleep(2 * RETRY_SECONDS)
    for reader in readers:
        reader.said.clear()
    async with asyncio.timeout(10):
        while not all(reader.said["hit"] for reader in readers):
            await asyncio.sleep(0.05)
    is_over = True
    await asyncio.gather(*load)

    # Those who try whether it is back wait for it; the others don't.
    assert seconds[len(seconds) * 3 // 4] < 5 * patience
    assert {status for reader in readers for status in reader.statuses} == {HTTPStatus.OK}
