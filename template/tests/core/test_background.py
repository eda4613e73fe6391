"""FastAPI's `BackgroundTasks`: for a trifle that may get lost, once the answer is sent."""

import pytest
from fastapi import BackgroundTasks, FastAPI
from starlette.types import Message

from app.core.lifespan import State
from app.core.observability.logging import request_id


@pytest.fixture
def happened() -> list[str]:
    """What happened, in order."""
    return []


@pytest.fixture
def app(app: FastAPI, happened: list[str]) -> FastAPI:
    def note(text: str) -> None:
        happened.append(f"{text} of {request_id.get()}")

    @app.get("/test/greeting")
    async def greet(background: BackgroundTasks) -> str:
        background.add_task(note, "a note")
        return "hello"

    return app


async def test_it_comes_after_the_answer_and_knows_the_request(
    app: FastAPI, state: State, happened: list[str]
) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        happened.append(message["type"])

    await app(
        {
            "type": "http",
            "method": "GET",
            "path": "/test/greeting",
            "scheme": "http",
            "query_string": b"",
            "headers": [(b"host", b"test"), (b"x-request-id", b"abc-1")],
            "state": dict(state),
        },
        receive,
        send,
    )

    assert happened == ["http.response.start", "http.response.body", "a note of abc-1"]
