"""WebSockets: who may open one, and what ends it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from urllib.parse import urlsplit

from fastapi import WebSocket, WebSocketException, status
from fastapi.websockets import WebSocketDisconnect
from pydantic import ValidationError

from app.core.live.hub import Hub, HubDep
from app.core.live.subscription import FAREWELL_SECONDS, Closed, Subscription

logger = logging.getLogger(__name__)

Hear = Callable[[Subscription, str], Awaitable[None]]


async def check_origin(websocket: WebSocket, hub: HubDep) -> None:
    """Turn away pages of other sites: a browser would send the user's cookies along.

    For `dependencies` of the route: they run before the socket is accepted. Programs, which say
    no origin, have no cookies that they could be tricked with.
    """
    origin = websocket.headers.get("origin")
    allowed = hub.settings.live_origins
    if origin is None or "*" in allowed or origin in allowed:
        return
    if urlsplit(origin).netloc.lower() != websocket.headers.get("host", "").lower():
        raise WebSocketException(status.WS_1008_POLICY_VIOLATION, "Not from this origin.")


async def serve_socket(websocket: WebSocket, hub: Hub, topics: Collection[str], hear: Hear) -> None:
    """Accept a socket, tell it of the topics, and call `hear` with each text that it sends.

    `hear` may change what it listens to, by `hub.listen`. A text that Pydantic refuses there ends
    the socket with 1007, one that is too long with 1009, bytes with 1003. Whoever reads too
    slowly is let go with 1013, and everybody with 1012 when the service ends.
    """
    await websocket.accept()
    with hub.subscribed(topics, "sockets") as subscription:
        try:
            async with subscription.reading():
                most_bytes = hub.settings.live_max_message_bytes
                await first_of(
                    tell_all(websocket, subscription),
                    hear_all(websocket, subscription, hear, most_bytes),
                )
        except WebSocketDisconnect:
            pass
        except Closed as end:
            await close(websocket, end)
        except Exception:
            logger.exception("%s failed", websocket.url.path)
            await close(websocket, Closed(status.WS_1011_INTERNAL_ERROR, "Something went wrong."))


async def tell_all(websocket: WebSocket, subscription: Subscription) -> None:
    """Send what comes."""
    while True:
        message = await subscription.next()
        await websocket.send_text(message.as_text)


async def hear_all(
    websocket: WebSocket, subscription: Subscription, hear: Hear, most_bytes: int
) -> None:
    """Take in what the client sends, as long as it makes sense."""
    while True:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        text = received.get("text")
        if text is None:
            raise Closed(status.WS_1003_UNSUPPORTED_DATA, "Send text.")
        if len(text.encode()) > most_bytes:
            raise Closed(status.WS_1009_MESSAGE_TOO_BIG, f"Send {most_bytes} bytes at most.")
        try:
            await hear(subscription, text)
        except ValidationError as error:
            reason = "That doesn't validate."
            raise Closed(status.WS_1007_INVALID_FRAME_PAYLOAD_DATA, reason) from error


async def first_of(*works: Coroutine[object, object, None]) -> None:
    """Do several things at once until one of them ends, and raise what it raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def close(websocket: WebSocket, end: Closed) -> None:
    """Say goodbye, if the client listens: a stalled one wouldn't let the server."""
    with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(FAREWELL_SECONDS):
            await websocket.close(end.code, end.reason)
