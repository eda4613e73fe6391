"""What is no HTTP, or too much of it, over a real socket: it is refused, and others are served."""

import asyncio
import json
from contextlib import suppress

import httpx2
import pytest

from app.settings import Settings
from tests.fixtures.server import Server

HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"
END = b"\r\n\r\n"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    update = {"max_head_bytes": 8000, "head_timeout_seconds": 0.5, "request_timeout_seconds": 0.5}
    return settings.model_copy(update=update)


async def say(server: Server, *pieces: bytes, pause_seconds: float = 0) -> bytes:
    """Say something, and give what is answered until the connection ends."""
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        # It may have heard enough.
        with suppress(RuntimeError, OSError):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause_seconds)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def test_it_is_refused_as_everything_else_is(server: Server) -> None:
    for said, status in {
        b"nonsense" + END: 400,
        b"GET / HTTP/9.9" + END: 400,
        b"GET /health HTTP/1.1\r\nno colon" + END: 400,
        HEAD + b"Content-Length: -1" + END: 400,
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked" + END: 400,
        b"POST /nowhere HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 400,
        HEAD + b"X: " + b"x" * 9000 + END: 431,
        HEAD + b"X: x\r\n" * 2000 + END: 431,
        HEAD + b"X: " + b"x" * 9000: 431,
        b"GET /" + b"x" * 9000: 431,
    }.items():
        answer = await say(server, said)
        head, _, body = answer.partition(END)
        assert head.startswith(b"HTTP/1.1 %d " % status), said[:60]
        assert b"content-type: application/problem+json" in head
        assert b"connection: close" in head
        problem = json.loads(body)
        assert problem["status"] == status
        assert f"x-request-id: {problem['request_id']}".encode() in head
    assert httpx2.get(f"{server.url}/health").is_success
    assert "Traceback" not in server.stop()


@pytest.mark.slow
async def test_nobody_waits_for_ever_for_a_request(server: Server) -> None:
    many = [asyncio.create_task(say(server, HEAD[:10])) for _ in range(200)]
    answers = await asyncio.gather(
        say(server),
        say(server, HEAD),
        say(server, *(b"%c" % byte for byte in HEAD), pause_seconds=0.05),
        say(server, HEAD + END + HEAD),
        # Who doesn't want the body doesn't wait for it.
        say(server, b"POST /nowhere HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12"),
    )

    assert all(b" 408 " in answer for answer in (*answers[:4], *await asyncio.gather(*many)))
    assert answers[3].startswith(b"HTTP/1.1 200 OK")
    assert answers[4].startswith(b"HTTP/1.1 404")
