"""A name for every request, in its answer and in each line that it logs."""

import random
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.observability.logging import request_id

HEADER = b"x-request-id"

# What a proxy may have set. Anything else could forge lines of the log.
ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Accept a sane id, or mint one; bind it to the log and echo it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        current = given if ACCEPTED.fullmatch(given) else b"%032x" % random.getrandbits(128)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, current)]
            await send(message)

        token = request_id.set(current.decode())
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            request_id.reset(token)
