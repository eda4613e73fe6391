from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI

from app.core.lifespan import State
from tests.fixtures.live import Listener, serving_here
from tests.fixtures.upstream import Upstream

PATH = "/repositories/acme/ships"


@pytest.fixture
async def url(app: FastAPI, state: State) -> AsyncGenerator[str]:
    """The service, behind a real socket."""
    async with serving_here(app, state) as url:
        yield url
        state["shutdown"].close()


async def test_what_is_looked_up_is_told_to_all_who_listen(
    url: str, client: httpx2.AsyncClient, github: Upstream, listener: Listener
) -> None:
    streams = [await listener.stream(f"{url}/repositories/stream") for _ in range(2)]

    found = (await client.get(PATH)).raise_for_status().json()

    for stream in streams:
        told = await stream.next()
        assert told is not None
        assert (told.event, told.data) == ("repository", found)
    assert github.asked


async def test_streams_end_with_the_service(url: str, listener: Listener, state: State) -> None:
    stream = await listener.stream(f"{url}/repositories/stream")

    state["shutdown"].close()

    assert await stream.next() is None
