import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Path, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Message

from app.core.errors import Conflict, NotFound, Unavailable
from app.core.problem import problem_responses
from app.core.text import Text


class ItemNotFound(NotFound):
    """There is no such item."""


class Item(BaseModel):
    name: Text
    amount: int


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/items/{item_id}", responses=problem_responses(ItemNotFound, NotFound, Conflict))
    async def get_item(item_id: Annotated[int, Path(ge=1)]) -> None:
        raise ItemNotFound(f"There is no item {item_id}.")

    @app.post("/test/items")
    async def add_item(item: Item) -> Item:
        return item

    @app.get("/test/crash")
    async def crash() -> None:
        raise RuntimeError("the password is hunter2")

    @app.get("/test/unavailable")
    async def unavailable() -> None:
        raise Unavailable("The mail server is away.", retry_after_seconds=7)

    @app.get("/test/late")
    async def late() -> None:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)

    @app.get("/test/teapot")
    async def teapot() -> None:
        raise HTTPException(460, {"leaves": "green"})

    @app.get("/test/half")
    async def half() -> StreamingResponse:
        return StreamingResponse(fail_halfway())

    return app


async def fail_halfway() -> AsyncGenerator[bytes]:
    yield b"the first half"
    raise RuntimeError("halfway")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/test/nowhere", 404, "about:blank"),
        ("PATCH", "/health", 405, "about:blank"),
        ("GET", "/test/items/0", 422, "about:blank"),
        ("GET", "/test/items/1", 404, "urn:problem:item-not-found"),
        ("GET", "/test/unavailable", 503, "urn:problem:unavailable"),
        ("GET", "/test/late", 504, "urn:problem:gateway-timeout"),
        ("GET", "/test/teapot", 460, "about:blank"),
        ("GET", "/test/crash", 500, "about:blank"),
    ],
)
async def test_every_error_has_one_shape(
    client: httpx2.AsyncClient, method: str, path: str, status: int, kind: str
) -> None:
    response = await client.request(method, path, headers={"X-Request-ID": "abc-1"})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "abc-1"
    problem = response.json()
    assert problem["title"]
    assert problem["detail"]
    assert (problem["status"], problem["request_id"], problem["type"]) == (status, "abc-1", kind)


async def test_what_is_not_allowed_says_what_is(app: FastAPI, client: httpx2.AsyncClient) -> None:
    @app.put("/test/items/{item_id}")
    async def put_item(item_id: int) -> int:
        return item_id

    router = APIRouter()

    @router.patch("/test/included")
    async def included() -> None:
        """Change something."""

    app.include_router(router)

    for path, methods in (("/test/items/1", "GET, PUT"), ("/test/included", "PATCH")):
        response = await client.delete(path)
        assert (response.status_code, response.headers["allow"]) == (405, methods)


async def test_a_crash_tells_nothing_internal_but_is_logged(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/test/crash")

    assert "hunter2" not in response.text
    assert "hunter2" in caplog.text


async def test_a_client_that_left_is_no_error(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    @app.put("/test/upload")
    async def upload(request: Request) -> int:
        return sum([len(piece) async for piece in request.stream()])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    scope = {"type": "http", "method": "PUT", "path": "/test/upload", "scheme": "http"}
    await app({**scope, "headers": [], "query_string": b""}, receive, send)

    assert sent[0]["status"] == 499
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_unavailable_says_when_to_try_again(client: httpx2.AsyncClient) -> None:
    response = await client.get("/test/unavailable")

    assert response.headers["retry-after"] == "7"
    assert response.json()["detail"] == "The mail server is away."


async def test_a_failure_after_the_start_does_not_look_complete(
    client: httpx2.AsyncClient,
) -> None:
    # The server cuts the connection when the application raises.
    with pytest.raises(RuntimeError, match="halfway"):
        await client.get("/test/half")


async def test_an_invalid_field_is_named_and_its_value_is_not_repeated(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post("/test/items", json={"amount": "secret"})

    assert response.status_code == 422
    fields = [error["field"] for error in response.json()["errors"]]
    assert fields == ["body.name", "body.amount"]
    assert "secret" not in response.text


@pytest.mark.parametrize(
    "body",
    [
        rb'{"name": "\u0000", "amount": 1}',
        rb'{"name": "\ud800", "amount": 1}',
        rb'{"\ud800": 1}',
        b'{"name": "\xff", "amount": 1}',
        b"[" * 10_000,
        b"",
    ],
    ids=["NUL", "surrogate", "surrogate in a key", "not UTF-8", "deep", "empty"],
)
async def test_a_payload_that_can_not_be_stored_is_refused(
    client: httpx2.AsyncClient, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post(
        "/test/items", content=body, headers={"Content-Type": "application/json"}
    )

    assert 400 <= response.status_code < 500
    assert json.loads(response.content)["detail"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_openapi_declares_problems(app: FastAPI) -> None:
    responses = app.openapi()["paths"]["/test/items/{item_id}"]["get"]["responses"]

    assert set(responses) == {"200", "404", "409", "default"}
    assert "$" not in json.dumps(responses)
    assert responses["404"]["description"] == "There is no such item. There is no such thing."
    assert all(
        list(responses[status]["content"]) == ["application/problem+json"]
        for status in ("404", "409", "default")
    )
