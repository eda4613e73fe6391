import asyncio
import logging
from dataclasses import dataclass
from io import StringIO

import httpx2
import pytest
from fastapi import FastAPI, Request

from app.core.observability.logging import LogSettings, configure_logging, write_what_is_left
from app.core.observability.redaction import Redaction
from app.core.observability.timing import spending
from app.settings import Settings


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "POSTGRES_PASSWORD: hunter2",
        '{"api-key": "hunter2", "name": "Ann"}',
        "{'apikey': 'hunter2'}",
        "Authorization: Bearer hunter2",
        "authorization: basic hunter2==",
        "(b'authorization', b'Bearer hunter2')",
        "Cookie: a=hunter2; b=hunter2",
        "set-cookie: session=hunter2; Path=/",
        "https://ann:hunter2@example.org/orders",
        "ftp://:hunter2@example.org:21/0",
        "it sent Bearer hunter2abc",
        "GET /a?access_token=hunter2&x=1",
        "ssn=hunter2",
    ],
)
def test_what_bears_the_name_of_a_secret_is_hidden(text: str) -> None:
    hidden = Redaction(("ssn",)).text(text)

    assert "hunter2" not in hidden
    assert "***" in hidden


@pytest.mark.parametrize(
    "text",
    ["It rains", "GET /posts/{post_id}: 200 in 3.1 ms", "SELECT id, token_count FROM posts"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redaction().text(text) == text


def test_long_texts_take_no_time() -> None:
    text = "password" * 20_000 + "a:" * 50_000 + "://" + "x" * 100_000
    assert len(Redaction().text(text)) > 100_000


@dataclass
class Sender:
    """What a program may log as it is."""

    password: str
    name: str


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"slow_request_seconds": 0.05})


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.post("/test/leak")
    async def leak(request: Request) -> None:
        body = await request.body()
        headers = dict(request.headers)
        child = logging.getLogger("some.library.child")
        sender = Sender("hunter2", "Ann")
        extra = {"headers": headers, "sender": sender}
        child.warning("It came with %s and %s", headers, body, extra=extra)
        raise RuntimeError(f"It can't take {body!r} from {headers}")

    @app.get("/test/leak/{path}")
    async def leak_slowly(path: str) -> None:
        with spending("mail", "https://ann:hunter2@example.org/"):
            await asyncio.sleep(0.06 if path == "slow" else 0)

    return app


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_no_secret_of_a_request_reaches_the_log(
    client: httpx2.AsyncClient, log_format: str
) -> None:
    """From no logger, in no shape: message, field or traceback."""
    stream = StringIO()
    configure_logging(LogSettings.model_validate({"log_format": log_format}), stream)
    await client.post(
        "/test/leak?token=hunter2",
        headers={"Authorization": "Bearer hunter2", "X-Api-Key": "hunter2", "Cookie": "a=hunter2"},
        json={"password": "hunter2", "name": "Ann"},
    )
    write_what_is_left()

    assert "It came with" in stream.getvalue()
    assert "Ann" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("path", ["token=hunter2", "slow"])
async def test_no_secret_reaches_the_line_of_a_request(
    client: httpx2.AsyncClient, path: str, log_format: str
) -> None:
    stream = StringIO()
    configure_logging(LogSettings.model_validate({"log_format": log_format}), stream)
    await client.get(f"/test/leak/{path}")
    write_what_is_left()

    assert "GET /test/leak/{path}" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
