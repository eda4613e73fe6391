import os
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any

import aiohttp
import httpx2
import pytest
from fastapi import FastAPI, WebSocketException

from app.core.lifespan import State
from app.features.posts.live import admit
from tests.fixtures.live import Listener, end_of, said, serving_here, until

STREAMS = int(os.environ.get("LIVE_STREAMS", "50"))


@pytest.fixture
async def url(app: FastAPI, state: State) -> AsyncGenerator[str]:
    """The service, behind a real socket."""
    async with serving_here(app, state) as url:
        yield url
        state["shutdown"].close()


@pytest.fixture
def new(author_id: int) -> dict[str, Any]:
    """A post to be added."""
    return {"author_id": author_id, "title": "On ships", "body": "They float."}


async def test_a_new_post_is_told_to_all_who_listen(
    url: str, client: httpx2.AsyncClient, listener: Listener, state: State, new: dict[str, Any]
) -> None:
    stream = await listener.stream(f"{url}/posts/stream")
    socket = await listener.socket(f"{url}/posts/ws")
    await until(lambda: state["live"].stats()["sockets"] == 1)

    post = (await client.post("/posts", json=new)).raise_for_status().json()
    told = await stream.next()

    assert told is not None
    assert (told.event, told.data) == ("post", post)
    assert await said(socket) == told


async def test_one_may_listen_to_some_authors_alone(
    url: str, client: httpx2.AsyncClient, listener: Listener, author_id: int, new: dict[str, Any]
) -> None:
    other = {"name": "Bob", "email": "bob@example.org"}
    other_id = (await client.post("/authors", json=other)).raise_for_status().json()["id"]
    stream = await listener.stream(f"{url}/posts/stream?authors={other_id}")
    socket = await listener.socket(f"{url}/posts/ws")
    await socket.send_json({"authors": [other_id]})
    # It has understood as soon as it goes on to the next.
    await socket.send_json({"authors": [other_id]})
    await socket.ping()
    await client.get("/health")

    for writer in (author_id, other_id):
        (await client.post("/posts", json=new | {"author_id": writer})).raise_for_status()
    told = await stream.next()

    assert told is not None
    assert told.data["author"]["id"] == other_id
    assert await said(socket) == told


async def test_a_batch_is_told_once_and_what_fails_is_not(
    url: str, client: httpx2.AsyncClient, listener: Listener, new: dict[str, Any]
) -> None:
    stream = await listener.stream(f"{url}/posts/stream")

    for posts in ([new, new], [new, new | {"title": "On boats"}]):
        await client.post("/posts/batch", json={"posts": posts})
    assert (await client.post("/posts", json=new)).status_code == HTTPStatus.CONFLICT
    told = await stream.next()

    assert told is not None
    assert (told.event, told.data) == ("posts", {"created": 2})
    (await client.post("/posts", json=new | {"title": "On rafts"})).raise_for_status()
    told = await stream.next()
    assert told is not None
    assert told.event == "post"


async def test_who_may_not_listen_is_refused_before_anything_is_accepted(
    app: FastAPI, url: str, listener: Listener
) -> None:
    async def nobody() -> None:
        raise WebSocketException(1008)

    with pytest.raises(aiohttp.WSServerHandshakeError):
        await listener.socket(f"{url}/posts/ws", origin="https://evil.example.org")
    app.dependency_overrides[admit] = nobody
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await listener.socket(f"{url}/posts/ws")


async def test_both_end_with_the_service(url: str, listener: Listener, state: State) -> None:
    stream = await listener.stream(f"{url}/posts/stream")
    socket = await listener.socket(f"{url}/posts/ws")

    state["shutdown"].close()

    assert await stream.next() is None
    assert await end_of(socket) == 1012


async def test_open_streams_hold_no_connection(
    url: str, client: httpx2.AsyncClient, listener: Listener, state: State, new: dict[str, Any]
) -> None:
    streams = [await listener.stream(f"{url}/posts/stream") for _ in range(STREAMS)]

    assert state["database"].stats()["checked_out"] == 0
    (await client.post("/posts", json=new)).raise_for_status()
    for stream in streams:
        assert await stream.next() is not None
    assert state["live"].stats()["streams"] == STREAMS
