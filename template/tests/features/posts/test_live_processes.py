"""New posts, told by one process to those who listen to another."""

from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI

from app.core.lifespan import State
from tests.fixtures.live import Listener, said, serving_here
from tests.fixtures.server import Server

AUTHOR = {"name": "Ann", "email": "ann@example.org"}


@pytest.fixture
async def urls(app: FastAPI, state: State, server: Server) -> AsyncGenerator[tuple[str, str]]:
    """The service, in this process and in another one."""
    async with serving_here(app, state) as url:
        yield url, server.url
        state["shutdown"].close()


async def test_processes_tell_one_another(urls: tuple[str, str], listener: Listener) -> None:
    streams = [await listener.stream(f"{url}/posts/stream") for url in urls]
    sockets = [await listener.socket(f"{url}/posts/ws") for url in urls]
    async with httpx2.AsyncClient(base_url=urls[0]) as client:
        author = (await client.post("/authors", json=AUTHOR)).raise_for_status().json()
        new = {"author_id": author["id"], "title": "On ships", "body": "They float."}
        post = (await client.post("/posts", json=new)).raise_for_status().json()

    told = [await stream.next() for stream in streams]
    assert [event and event.data for event in told] == [post, post]
    assert [await said(socket) for socket in sockets] == told

    # Whose stream ends with one process goes on at the other.
    again = await listener.stream(f"{urls[0]}/posts/stream", after=streams[1].last_id)
    async with httpx2.AsyncClient(base_url=urls[1]) as client:
        (await client.post("/posts", json=new | {"title": "On boats"})).raise_for_status()
    event = await again.next()
    assert event is not None
    assert event.data["title"] == "On boats"
