"""Clients are counted over all processes."""

import asyncio

import pytest

from app.core.rate_limit.counter import CounterSettings, open_counter
from tests.redis_server import RedisServer


@pytest.fixture
def settings(own_redis: RedisServer) -> CounterSettings:
    return CounterSettings(
        redis_url=own_redis.url,
        rate_limit_requests=10,
        rate_limit_window_seconds=3600,
        cache_timeout_seconds=1,
        cache_retry_seconds=0.05,
    )


async def test_processes_count_together(settings: CounterSettings) -> None:
    async with open_counter(settings) as one, open_counter(settings) as other:
        counted = await asyncio.gather(*(each.add("me") for each in (one, other) for _ in range(8)))

        assert sorted(count for count in counted if count is not None) == [*range(1, 11)]
        assert await other.add("somebody else") == 1


async def test_each_counts_alone_while_redis_is_away(
    settings: CounterSettings, own_redis: RedisServer
) -> None:
    async with open_counter(settings) as counter:
        assert await counter.add("me") == 1
        own_redis.stop()

        assert [await counter.add("me") for _ in range(11)] == [*range(1, 11), None]

        own_redis.start()
        async with asyncio.timeout(5):
            while await counter.add("me") is None:
                await asyncio.sleep(0.02)


async def test_counts_end_by_themselves(settings: CounterSettings, own_redis: RedisServer) -> None:
    async with open_counter(settings) as counter:
        await counter.add("me")

    assert own_redis.times_to_live() == [7200]
