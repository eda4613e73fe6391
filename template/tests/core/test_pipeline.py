"""The connection that all share who ask."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from app.core.pipeline import Lane
from tests.redis_server import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Generator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: RedisServer) -> AsyncGenerator[Redis]:
    async with Redis.from_url(server.url, socket_timeout=1, protocol=2) as client:
        yield client


@pytest.fixture
async def lane(client: Redis) -> AsyncGenerator[Lane]:
    async with aclosing(Lane(client, timeout_seconds=1)) as lane:
        yield lane


@pytest.fixture
async def hasty_lane(client: Redis) -> AsyncGenerator[Lane]:
    async with aclosing(Lane(client, timeout_seconds=0.3)) as lane:
        yield lane


async def test_each_gets_his_answer(lane: Lane, client: Redis) -> None:
    await client.mset({f"key{number}": f"value{number}" for number in range(100)})

    answers = await asyncio.gather(
        *(lane.ask("MGET", f"key{number}", "none") for number in range(100))
    )

    assert answers == [[f"value{number}".encode(), None] for number in range(100)]
    connections = await client.client_list()
    assert len(connections) == 2, "the client's, and one for all who read"


async def test_one_is_opened_however_they_come(lane: Lane, client: Redis) -> None:
    asked = [asyncio.create_task(lane.ask("MGET", "a"))]
    while not asked[0].done():
        await asyncio.sleep(0)
        asked.append(asyncio.create_task(lane.ask("MGET", "a")))

    await asyncio.gather(*asked)
    assert len(await client.client_list()) == 2


async def test_who_leaves_takes_no_answer_of_another(lane: Lane, client: Redis) -> None:
    await client.mset({"a": "1", "b": "2"})
    await lane.ask("MGET", "a")
    leaves = asyncio.create_task(lane.ask("MGET", "a"))
    stays = asyncio.create_task(lane.ask("MGET", "b"))
    await asyncio.sleep(0)
    leaves.cancel()

    assert await stays == [b"2"]


async def test_an_error_is_told_to_who_made_it(lane: Lane, client: Redis) -> None:
    await client.set("a", "1")

    wrong, right = await asyncio.gather(
        lane.ask("MGET"), lane.ask("MGET", "a"), return_exceptions=True
    )

    assert isinstance(wrong, ResponseError)
    assert right == [b"1"]


async def test_a_connection_that_ended_is_replaced(lane: Lane, client: Redis) -> None:
    await lane.ask("MGET", "a")
    for connection in await client.client_list():
        if connection["cmd"] == "mget":
            await client.client_kill(connection["addr"])

    # The end may be noticed only when the next one asks.
    with suppress(OSError):
        await lane.ask("MGET", "a")
    assert await lane.ask("MGET", "a") == [None]


async def test_nobody_waits_for_long(server: RedisServer, hasty_lane: Lane) -> None:
    await hasty_lane.ask("MGET", "a")
    server.pause()
    try:
        async with asyncio.timeout(5):
            reads = (hasty_lane.ask("MGET", "a") for _ in range(3))
            outcomes = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 3
    finally:
        server.resume()
    assert await hasty_lane.ask("MGET", "a") == [None]


async def test_all_hear_of_an_attempt_that_failed(server: RedisServer, lane: Lane) -> None:
    server.stop()

    outcomes = await asyncio.gather(
        *(lane.ask("MGET", "a") for _ in range(50)), return_exceptions=True
    )

    assert all(isinstance(outcome, RedisError | OSError) for outcome in outcomes)
    server.start()
    assert await lane.ask("MGET", "a") == [None]
