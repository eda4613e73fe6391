from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from app.core.errors import Unavailable
from app.core.streaming import download

CHUNKS = ["first", "", "zweiter: ü", "last"]


class Source:
    """Makes chunks until it fails, and knows whether it was closed."""

    def __init__(self) -> None:
        self.fails_at = len(CHUNKS)
        self.made = 0
        self.is_closed = False

    async def chunks(self) -> AsyncGenerator[str]:
        try:
            for number, chunk in enumerate(CHUNKS):
                if number == self.fails_at:
                    raise Unavailable("The store is away.")
                self.made += 1
                yield chunk
        finally:
            self.is_closed = True


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def app(app: FastAPI, source: Source) -> FastAPI:
    @app.get("/test/file")
    async def get_file() -> StreamingResponse:
        return await download(source.chunks(), filename="a.txt", media_type="text/plain")

    return app


async def test_a_file_is_sent_as_it_is_made(client: httpx2.AsyncClient, source: Source) -> None:
    response = (await client.get("/test/file")).raise_for_status()

    assert response.content == "".join(CHUNKS).encode()
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="a.txt"'
    assert "content-length" not in response.headers
    assert source.is_closed


async def test_what_fails_at_first_is_an_ordinary_error(
    client: httpx2.AsyncClient, source: Source
) -> None:
    source.fails_at = 0

    response = await client.get("/test/file")

    assert response.status_code == 503
    assert response.json()["detail"] == "The store is away."
    assert source.is_closed


async def test_what_fails_later_is_no_answer(client: httpx2.AsyncClient, source: Source) -> None:
    source.fails_at = 2

    # The server cuts the connection when the application raises.
    with pytest.raises(RuntimeError, match="response already started"):
        await client.get("/test/file")

    assert source.is_closed


async def test_nothing_more_is_made_for_a_client_that_has_left(source: Source) -> None:
    response = await download(source.chunks(), filename="a.txt", media_type="text/plain")
    body = response.body_iterator
    assert isinstance(body, AsyncGenerator)
    assert await anext(body) == "first"

    await body.aclose()

    assert source.is_closed
    assert source.made == 1


async def test_an_empty_file_is_a_file() -> None:
    async def nothing() -> AsyncGenerator[str]:
        for chunk in ():
            yield chunk

    response = await download(nothing(), filename="a.txt", media_type="text/plain")

    assert [chunk async for chunk in response.body_iterator] == [""]
