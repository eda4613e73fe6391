import json
from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.types import Message

from app.settings import Settings

LIMIT = 1000
JSON = {"Content-Type": "application/json"}


class Item(BaseModel):
    name: str


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_body_bytes": LIMIT})


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.post("/test/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/test/items")
    async def add_item(item: Item) -> int:
        return len(item.name)

    return app


async def in_pieces(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), 300):
        yield body[start : start + 300]


@pytest.mark.parametrize("path", ["/test/raw", "/test/items"])
async def test_what_is_longer_is_refused(over_socket: httpx2.AsyncClient, path: str) -> None:
    at_most = json.dumps({"name": "x" * (LIMIT - len('{"name": ""}'))}).encode()
    assert len(at_most) == LIMIT

    for body in (at_most, in_pieces(at_most)):
        assert (await over_socket.post(path, content=body, headers=JSON)).is_success
    for body in (at_most + b" ", in_pieces(at_most + b" ")):
        response = await over_socket.post(path, content=body, headers=JSON)
        assert response.status_code == 413
        assert response.json()["detail"] == "The body is longer than 1000 bytes."


async def test_what_is_too_long_is_not_even_read(app: FastAPI) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nobody has to read it")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/test/raw", "scheme": "http"}
    headers = [(b"content-length", b"1001")]
    await app({**scope, "headers": headers, "query_string": b""}, receive, send)

    assert sent[0]["status"] == 413
