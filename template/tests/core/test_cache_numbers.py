import asyncio

import httpx2

from app.core.lifespan import State
from tests.readings import moved, numbers_of


async def load() -> bytes:
    await asyncio.sleep(0.01)
    return b"value"


async def test_reads_are_counted(client: httpx2.AsyncClient, state: State) -> None:
    before = await numbers_of(client)
    for _ in range(3):
        await state["cache"].get_or_load("key", load)
    seen = await moved(client, before)

    assert (seen["cache_misses_total"], seen["cache_loads_total"]) == (1, 1)
    assert seen["cache_hits_total"] == 2
    assert seen["cache_load_seconds_total"] >= 0.009
    assert seen["cache_bytes"] >= len(b"value")
    assert seen["cache_entries"] == 1
    assert (await numbers_of(client))["cache_max_bytes"] > seen["cache_bytes"]
