"""Objects that are kept."""

from collections.abc import AsyncGenerator

import pytest
from pydantic import BaseModel, TypeAdapter

from app.core.cache.cache import Cache, open_cache
from app.core.cache.store import CacheSettings


@pytest.fixture
async def cache(cache_settings: CacheSettings) -> AsyncGenerator[Cache]:
    async with open_cache(cache_settings) as cache:
        yield cache


class Ship(BaseModel):
    """Something to keep."""

    name: str
    masts: list[int]


SHIP = TypeAdapter(Ship)


async def test_an_object_is_one_of_his_own_for_each(cache: Cache) -> None:
    loads: list[Ship] = []

    async def load() -> Ship:
        loads.append(Ship(name="Argo", masts=[1]))
        return loads[-1]

    async def read() -> Ship:
        return await cache.get_or_load_object("ship:1", load, SHIP, tags=("ships",))

    first = await read()
    first.masts.append(2)

    assert (await read()) == Ship(name="Argo", masts=[1])
    for number, name in enumerate(("ship:1", "ships"), start=2):
        await cache.invalidate(name)
        await read()
        assert len(loads) == number


async def test_an_object_of_another_kind_is_not_found(cache: Cache) -> None:
    async def load_text() -> str:
        return "Argo"

    async def load() -> Ship:
        return Ship(name="Argo", masts=[])

    text: TypeAdapter[str] = TypeAdapter(str)
    assert await cache.get_or_load_object("ship:1", load_text, text) == "Argo"

    assert (await cache.get_or_load_object("ship:1", load, SHIP)).name == "Argo"
