"""The connection that reads share."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from app.core.cache.pipeline import Lane
from app.core.cache.redis_client import open_redis
from tests.fixtures.cache import RedisServer


@pytest.fixture
async def client(own_redis: RedisServer) -> AsyncGenerator[Redis]:
    async with open_redis(own_redis.url, timeout_seconds=1, max_connections=5) as client:
        yield client


@pytest.fixture
async def lane(client: Redis) -> AsyncGenerator[Lane]:
    async with aclosing(Lane(client, timeout_seconds=1)) as lane:
        yield lane


@pytest.fixture
async def hasty_lane(client: Redis) -> AsyncGenerator[Lane]:
    async with aclosing(Lane(client, timeout_seconds=0.1)) as lane:
        yield lane


async def test_each_gets_his_answer(lane: Lane, client: Redis) -> None:
    await client.mset({f"key{number}": f"value{number}" for number in range(100)})

    answers = await asyncio.gather(*(lane.mget(f"key{number}", "none") for number in range(100)))

    assert answers == [[f"value{number}".encode(), None] for number in range(100)]
    connections = await client.client_list()
    assert len(connections) == 2, "the client's, and one for all who read"


async def test_who_leaves_takes_no_answer_of_another(lane: Lane, client: Redis) -> None:
    await client.mset({"a": "1", "b": "2"})
    await lane.mget("a")
    leaves = asyncio.create_task(lane.mget("a"))
    stays = asyncio.create_task(lane.mget("b"))
    await asyncio.sleep(0)
    leaves.cancel()

    assert await stays == [b"2"]


async def test_an_error_is_told_to_who_made_it(lane: Lane, client: Redis) -> None:
    await client.set("a", "1")

    wrong, right = await asyncio.gather(lane.mget(), lane.mget("a"), return_exceptions=True)

    assert isinstance(wrong, ResponseError)
    assert right == [b"1"]


async def test_a_connection_that_ended_is_replaced(lane: Lane, client: Redis) -> None:
    await lane.mget("a")
    for connection in await client.client_list():
        if connection["cmd"] == "mget":
            await client.client_kill(connection["addr"])

    # The end may be noticed only when the next one asks.
    with suppress(OSError):
        await lane.mget("a")
    assert await lane.mget("a") == [None]


async def test_nobody_waits_for_long(own_redis: RedisServer, hasty_lane: Lane) -> None:
    await hasty_lane.mget("a")
    own_redis.pause()
    try:
        async with asyncio.timeout(5):
            reads = (hasty_lane.mget("a") for _ in range(3))
            outcomes = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 3
    finally:
        own_redis.resume()
    assert await hasty_lane.mget("a") == [None]


async def test_all_hear_of_an_attempt_that_failed(own_redis: RedisServer, lane: Lane) -> None:
    own_redis.stop()

    outcomes = await asyncio.gather(*(lane.mget("a") for _ in range(50)), return_exceptions=True)

    assert all(isinstance(outcome, RedisError | OSError) for outcome in outcomes)
    own_redis.start()
    assert await lane.mget("a") == [None]
