"""Ask an application in this process, without a socket, and tell what a request costs."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message

REQUESTS = 2000
# A post as the example has it: 250 bytes.
BODY = b'{"id":1,"author":{"id":1,"name":"Ada"},"title":"On ships","body":"%s"}' % (b"word " * 36)


async def ask(app: ASGIApp, path: str, state: Mapping[str, object]) -> bytes:
    """Ask once, as a server would."""
    body = b""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"bench"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": dict(state),
    }
    await app(scope, receive, send)
    return body


async def tell(app: ASGIApp, paths: Mapping[str, str], state: Mapping[str, object]) -> None:
    """For each line that comes in, measure each path, and print the µs of CPU per request."""
    for path in paths.values():
        if await ask(app, path, state) != BODY:
            sys.exit(f"error: {path} doesn't answer as it should")
    while await asyncio.to_thread(sys.stdin.readline):
        costs = {}
        for name, path in paths.items():
            started = time.process_time()
            for _ in range(REQUESTS):
                await ask(app, path, state)
            costs[name] = (time.process_time() - started) / REQUESTS * 1e6
        print(json.dumps(costs), flush=True)
