import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx2
import pytest
from fastapi import FastAPI

from app.core.cache.cache import MOST_FAMILIES, Cache, CacheDep, open_cache
from app.core.cache.store import CacheSettings
from app.core.lifespan import State

Load = Callable[[], Awaitable[bytes]]


class Source:
    """Counts how often it is read, and answers with the count."""

    def __init__(self) -> None:
        self.loads = 0
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self) -> bytes:
        self.loads += 1
        value = self.loads
        self.begun.set()
        await self.gate.wait()
        return str(value).encode()


@pytest.fixture
async def cache(cache_settings: CacheSettings) -> AsyncGenerator[Cache]:
    async with open_cache(cache_settings) as cache:
        yield cache


@pytest.fixture
def source() -> Source:
    return Source()


async def test_the_second_read_loads_nothing(cache: Cache, source: Source) -> None:
    values = [await cache.get_or_load("key", source.load) for _ in range(2)]

    assert values == [b"1", b"1"]
    assert {"hits": 1, "misses": 1, "loads": 1}.items() <= cache.stats().items()
    assert cache.families["key"].hits == 1


async def test_keys_do_not_mix(cache: Cache, source: Source) -> None:
    await cache.get_or_load("a", source.load)

    assert await cache.get_or_load("b", source.load) == b"2"


async def test_a_value_ends_with_its_time(cache: Cache, source: Source) -> None:
    await cache.get_or_load("key", source.load, ttl_seconds=0.01)
    await asyncio.sleep(0.02)

    assert await cache.get_or_load("key", source.load) == b"2"


async def test_the_time_is_a_setting(cache_settings: CacheSettings, source: Source) -> None:
    shorter = cache_settings.model_copy(update={"cache_ttl_seconds": 0.01})
    async with open_cache(shorter) as cache:
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
    await source.begun.wait()
    follower = asyncio.create_task(cache.get_or_load("key", source.load))
    await asyncio.sleep(0)
    leader.cancel()
    source.gate.set()

    assert await follower == b"1"
    assert source.loads == 1


async def test_a_load_that_began_before_a_write_is_not_kept(cache: Cache, source: Source) -> None:
    source.gate.clear()
    early = asyncio.create_task(cache.get_or_load("key", source.load))
    await source.begun.wait()
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
    with pytest.raises(LookupError):
        await cache.get_or_load("key", fail)
    assert cache.stats()["hits"] == 0


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


async def test_a_tag_stands_for_many_keys(cache: Cache, source: Source) -> None:
    for key, tags in (("a", ("one", "both")), ("b", ("both",)), ("c", ("one",))):
        await cache.get_or_load(key, source.load, tags=tags)
    await cache.invalidate("both")

    assert await cache.get_or_load("a", source.load, tags=("one", "both")) == b"4"
    assert await cache.get_or_load("b", source.load, tags=("both",)) == b"5"
    assert await cache.get_or_load("c", source.load, tags=("one",)) == b"3"


async def test_a_load_that_began_before_its_tag_changed_is_not_kept(
    cache: Cache, source: Source
) -> None:
    source.gate.clear()
    early = asyncio.create_task(cache.get_or_load("key", source.load, tags=("tag",)))
    await source.begun.wait()
    await cache.invalidate("tag")
    source.gate.set()

    assert await early == b"1"
    assert await cache.get_or_load("key", source.load, tags=("tag",)) == b"2"


async def test_a_stale_value_is_given_while_a_newer_one_is_loaded(
    cache: Cache, source: Source
) -> None:
    times = {"ttl_seconds": 0.02, "stale_seconds": 60}
    await cache.get_or_load("key", source.load, **times)
    await asyncio.sleep(0.03)
    source.gate.clear()

    stale = [await cache.get_or_load("key", source.load, **times) for _ in range(3)]
    source.gate.set()
    async with asyncio.timeout(5):
        while await cache.get_or_load("key", source.load, **times) == b"1":
            await asyncio.sleep(0.005)

    assert stale == [b"1"] * 3
    assert cache.stats()["stale"] >= 2


@pytest.mark.parametrize(("seconds", "loads"), [(0, 2), (60, 1)])
async def test_that_there_is_nothing_is_kept_by_choice(
    cache: Cache, seconds: float, loads: int
) -> None:
    asked: list[None] = []

    async def find_nothing() -> None:
        asked.append(None)

    for _ in range(2):
        found = await cache.get_or_load("key", find_nothing, none_ttl_seconds=seconds)
        assert found is None

    assert len(asked) == loads


async def test_a_value_may_be_empty(cache: Cache) -> None:
    async def nothing() -> bytes:
        return b""

    assert [await cache.get_or_load("key", nothing) for _ in range(2)] == [b"", b""]
    assert cache.stats()["loads"] == 1


async def test_families_are_counted_apart_and_are_not_endless(cache: Cache, source: Source) -> None:
    for number in range(2 * MOST_FAMILIES):
        await cache.get_or_load(f"{number}", source.load, ttl_seconds=0)

    assert len(cache.families) <= MOST_FAMILIES + 1
    assert cache.stats()["loads"] == 2 * MOST_FAMILIES
