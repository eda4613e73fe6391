"""What several processes share: each of these caches stands for one."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import cast

import httpx2
import pytest
from fastapi import FastAPI
from redis import Redis

from app.core.cache.cache import Cache, CacheDep, open_cache
from app.core.cache.store import CacheSettings, open_store
from tests.redis_server import RedisServer


class Source:
    """Changes, and is read slowly."""

    def __init__(self) -> None:
        self.value = 0
        self.loads = 0
        self.seconds = 0.0

    async def load(self) -> bytes:
        self.loads += 1
        value = self.value
        await asyncio.sleep(self.seconds)
        return str(value).encode()


@pytest.fixture
def source() -> Source:
    return Source()


async def until(happens: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not happens():
            await asyncio.sleep(0.005)


@pytest.fixture
async def pair(cache_settings: CacheSettings) -> AsyncGenerator[tuple[Cache, Cache]]:
    # Without word from the other, a copy would be good for longer than any test takes.
    settings = cache_settings.model_copy(update={"cache_copy_seconds": 60})
    async with open_cache(settings) as one, open_cache(settings) as other:
        await until(lambda: all(cache.stats()["is_listening"] for cache in (one, other)))
        yield one, other


async def test_what_one_loads_the_other_has(pair: tuple[Cache, Cache], source: Source) -> None:
    values = [await cache.get_or_load("key", source.load) for cache in pair * 2]

    assert (values, source.loads) == ([b"0"] * 4, 1)


async def test_two_hundred_who_miss_share_one_load(
    pair: tuple[Cache, Cache], source: Source
) -> None:
    source.seconds = 0.3
    reads = [cache.get_or_load("key", source.load) for cache in pair for _ in range(100)]

    assert set(await asyncio.gather(*reads)) == {b"0"}
    assert source.loads == 1


async def test_what_one_changes_the_other_sees_at_once(
    pair: tuple[Cache, Cache], source: Source
) -> None:
    one, other = pair
    for name in ("key", "tag"):
        for cache in pair:
            await cache.get_or_load("key", source.load, tags=("tag",))
        source.value += 1
        await one.invalidate(name)

        wanted = str(source.value).encode()
        assert await one.get_or_load("key", source.load, tags=("tag",)) == wanted
        began = time.monotonic()
        while await other.get_or_load("key", source.load, tags=("tag",)) != wanted:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.001)


async def test_a_load_that_began_before_the_write_of_another_is_not_kept(
    pair: tuple[Cache, Cache], source: Source
) -> None:
    one, other = pair
    source.seconds = 0.1
    early = asyncio.create_task(one.get_or_load("key", source.load))
    await until(lambda: source.loads == 1)
    source.value = 1
    await other.invalidate("key")

    assert await early == b"0"
    source.seconds = 0
    assert [await cache.get_or_load("key", source.load) for cache in pair] == [b"1", b"1"]


async def test_no_read_is_older_than_a_second(pair: tuple[Cache, Cache], source: Source) -> None:
    written_at: list[float] = [time.monotonic()]

    async def write() -> None:
        for number in range(200):
            source.value += 1
            written_at.append(time.monotonic())
            await pair[number % 2].invalidate("tag")
            await asyncio.sleep(0.002)

    async def read(cache: Cache) -> None:
        for _ in range(1000):
            began = time.monotonic()
            value = int(await cache.get_or_load("key", source.load, tags=("tag",)) or b"")
            assert value == source.value or began - written_at[value + 1] < 1
            await asyncio.sleep(0)

    source.seconds = 0.001
    await asyncio.gather(write(), *(read(cache) for cache in pair for _ in range(5)))


async def test_values_of_other_services_are_not_touched(
    cache_settings: CacheSettings, source: Source
) -> None:
    theirs = cache_settings.model_copy(update={"service_name": "theirs"})
    async with open_cache(cache_settings) as ours, open_cache(theirs) as other:
        assert await ours.get_or_load("key", source.load) == b"0"
        source.value = 1
        assert await other.get_or_load("key", source.load) == b"1"
        await other.invalidate("key")
        assert await ours.get_or_load("key", source.load) == b"0"


async def test_a_version_that_was_evicted_brings_nothing_back(
    cache_settings: CacheSettings, source: Source
) -> None:
    async with open_store(cache_settings) as store, AsyncExitStack() as opened:
        cache = await opened.enter_async_context(open_cache(cache_settings))
        await cache.get_or_load("key", source.load)
        await store.invalidate(["key"])
        with Redis.from_url(cache_settings.redis_url) as client:
            client.delete(*client.scan_iter("*version*"))

        assert (await store.read("key", ())).entry is None


@pytest.fixture
def own_settings(own_redis: RedisServer) -> CacheSettings:
    return CacheSettings(
        redis_url=own_redis.url, cache_timeout_seconds=0.2, cache_retry_seconds=0.5
    )


@pytest.mark.parametrize("fault", ["stop", "pause"])
async def test_without_redis_all_comes_from_the_source(
    own_redis: RedisServer,
    own_settings: CacheSettings,
    source: Source,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    async with open_cache(own_settings) as cache:
        await until(lambda: bool(cache.stats()["is_listening"]))
        await cache.get_or_load("key", source.load)
        getattr(own_redis, fault)()

        # A copy may not outlive the channel that would tell of changes.
        await until(lambda: cache.stats()["entries"] == 0)
        began = time.monotonic()
        for number in range(50):
            await cache.get_or_load(f"key{number}", source.load)
        # Not every one pays for the patience: that would be 20 seconds.
        assert time.monotonic() - began < 4

        source.value = 1
        await cache.invalidate("key")
        assert await cache.get_or_load("key", source.load) == b"1"

        source.value = 2
        await cache.invalidate("key")
        if fault == "stop":
            own_redis.start()
        else:
            own_redis.resume()
        await until(lambda: bool(cache.stats()["is_listening"]), seconds=10)
        # What was changed meanwhile is told before anything is read.
        async with asyncio.timeout(10):
            while cache.stats()["is_away"]:
                await cache.get_or_load("other", source.load, ttl_seconds=0)
                await asyncio.sleep(0.05)
        assert await cache.get_or_load("key", source.load) == b"2"
    levels = [record.levelno for record in caplog.records]
    assert max(levels) == logging.WARNING


async def test_names_that_could_not_be_told_are_bounded(
    own_redis: RedisServer, own_settings: CacheSettings
) -> None:
    async with open_store(own_settings) as store:
        own_redis.stop()
        for number in range(3000):
            await store.invalidate([f"key{number}"])
        own_redis.start()
        await asyncio.sleep(own_settings.cache_retry_seconds)

        heard: list[str] = []
        with Redis.from_url(own_redis.url) as client, client.pubsub() as channel:
            channel.psubscribe("*:cache:changes")
            channel.get_message(timeout=1)
            await store.read("key", ())
            while message := channel.get_message(timeout=0.5):
                heard += json.loads(cast("bytes", message["data"]))[1:]
        assert "*" in heard
        assert len(heard) <= 1000


async def test_it_starts_without_redis(own_redis: RedisServer, own_settings: CacheSettings) -> None:
    own_redis.stop()
    async with open_cache(own_settings) as cache:
        await cache.ping()
        assert await cache.get_or_load("key", Source().load) == b"0"


async def test_an_answer_tells_how_long_it_waited_for_redis(
    app: FastAPI, client: httpx2.AsyncClient, source: Source
) -> None:
    @app.get("/test/cached")
    async def cached(cache: CacheDep) -> str:
        return (await cache.get_or_load("key", source.load)).decode()

    assert "cache;dur=" in (await client.get("/test/cached")).headers["server-timing"]
