import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx2
import pytest
from fastapi import FastAPI

from app.core.cache.cache import Cache, CacheDep, open_cache
from app.core.cache.store import CacheSettings, open_store
from app.core.lifespan import State

Load = Callable[[], Awaitable[bytes]]


class Source:
    """Counts how often it is read, and answers with the count."""

    def __init__(self) -> None:
        self.loads = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self) -> bytes:
        self.loads += 1
        value = self.loads
        await self.gate.wait()
        return str(value).encode()


@pytest.fixture
async def cache() -> AsyncGenerator[Cache]:
    async with open_cache(CacheSettings()) as cache:
        yield cache


@pytest.fixture
def source() -> Source:
    return Source()


async def test_the_second_read_loads_nothing(cache: Cache, source: Source) -> None:
    values = [await cache.get_or_load("key", source.load) for _ in range(2)]

    assert values == [b"1", b"1"]
    assert {"hits": 1, "misses": 1, "entries": 1}.items() <= cache.stats().items()


async def test_keys_do_not_mix(cache: Cache, source: Source) -> None:
    await cache.get_or_load("a", source.load)

    assert await cache.get_or_load("b", source.load) == b"2"


async def test_a_value_ends_with_its_time(cache: Cache, source: Source) -> None:
    await cache.get_or_load("key", source.load, ttl_seconds=0.01)
    await asyncio.sleep(0.02)

    assert await cache.get_or_load("key", source.load) == b"2"


async def test_the_time_is_a_setting(source: Source) -> None:
    async with open_cache(CacheSettings(cache_ttl_seconds=0.01)) as cache:
        await cache.get_or_load("key", source.load)
        await asyncio.sleep(0.02)

        assert await cache.get_or_load("key", source.load) == b"2"


async def test_an_invalidated_value_is_loaded_again(cache: Cache, source: Source) -> None:
    await cache.get_or_load("key", source.load)
    await cache.invalidate("key")

    assert await cache.get_or_load("key", source.load) == b"2"


async def test_all_who_miss_share_one_load(cache: Cache, source: Source) -> None:
    source.gate.clear()
    readers = [asyncio.create_task(cache.get_or_load("key", source.load)) for _ in range(100)]
    await asyncio.sleep(0)
    source.gate.set()

    assert set(await asyncio.gather(*readers)) == {b"1"}
    assert source.loads == 1


async def test_the_load_outlives_the_reader_who_began_it(cache: Cache, source: Source) -> None:
    source.gate.clear()
    leader = asyncio.create_task(cache.get_or_load("key", source.load))
    await asyncio.sleep(0)
    follower = asyncio.create_task(cache.get_or_load("key", source.load))
    await asyncio.sleep(0)
    leader.cancel()
    source.gate.set()

    assert await follower == b"1"
    assert source.loads == 1


async def test_a_load_that_began_before_a_write_is_not_kept(cache: Cache, source: Source) -> None:
    source.gate.clear()
    early = asyncio.create_task(cache.get_or_load("key", source.load))
    await asyncio.sleep(0)
    await cache.invalidate("key")
    late = asyncio.create_task(cache.get_or_load("key", source.load))
    await asyncio.sleep(0)
    source.gate.set()

    assert [await early, await late] == [b"1", b"2"]
    assert await cache.get_or_load("key", source.load) == b"2"


async def test_an_error_reaches_all_who_wait_and_is_not_kept(cache: Cache) -> None:
    async def fail() -> bytes:
        await asyncio.sleep(0)
        raise LookupError

    reads = (cache.get_or_load("key", fail) for _ in range(3))
    outcomes = await asyncio.gather(*reads, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [LookupError] * 3
    assert cache.stats()["entries"] == 0


async def test_a_route_gets_the_cache(
    app: FastAPI, client: httpx2.AsyncClient, state: State
) -> None:
    @app.get("/test/cache")
    async def same(cache: CacheDep) -> bool:
        return cache is state["cache"]

    assert (await client.get("/test/cache")).json() is True


async def test_nothing_is_kept_for_no_time(cache: Cache, source: Source) -> None:
    await cache.get_or_load("key", source.load, ttl_seconds=0)

    assert await cache.get_or_load("key", source.load) == b"2"


async def test_the_store_stays_within_its_bytes() -> None:
    async with open_store(CacheSettings(cache_max_bytes=10_000)) as store:
        for number in range(1000):
            await store.set(f"key{number}", b"x" * 100, 60)
            await store.get("key0")

        assert store.stats()["bytes"] <= 10_000
        assert await store.get("key999") is not None
        assert await store.get("key0") is not None, "what is used stays"
        assert await store.get("key500") is None

        await store.set("huge", b"x" * 20_000, 60)
        assert await store.get("huge") is None
        assert await store.get("key999") is not None
