"""Event streams: `EventSource` in a browser, which comes back by itself and misses nothing."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import suppress
from typing import Annotated

from fastapi import Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from app.core.live.hub import Hub
from app.core.live.subscription import Closed, Subscription

# What a browser says when it comes back.
LastEventId = Annotated[str | None, Header(max_length=100)]

HEADERS = {
    "Cache-Control": "no-store",
    # nginx would collect the events until they fill a buffer.
    "X-Accel-Buffering": "no",
}


class EventStream(StreamingResponse):
    """All that is told of some topics, after the message with that id.

    An event `reset` says that something may have been missed: the client has to load again what
    it shows, and then goes on. The route needs `response_class=EventStream`, and
    `dependencies=[Depends(no_deadline)]`.
    """

    media_type = "text/event-stream"

    # FastAPI looks for a status in the signature, and describes no route without one.
    def __init__(
        self, hub: Hub, topics: Collection[str], after: str | None, status_code: int = 200
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._after = after
        super().__init__((), status_code, headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._hub.subscribed(self._topics, "streams", after=self._after) as subscription:
            self.body_iterator = self._events(subscription)
            with suppress(Closed):
                async with subscription.reading():
                    await super().__call__(scope, receive, send)

    async def _events(self, subscription: Subscription) -> AsyncGenerator[bytes]:
        settings = self._hub.settings
        retry = int(settings.live_retry_seconds * 1000)
        # With an id from the start, so that nothing is missed by whom no event reached yet.
        yield format_sse_event(retry=retry, id=self._after or self._hub.latest)
        while True:
            try:
                async with asyncio.timeout(settings.live_keepalive_seconds):
                    message = await subscription.next()
            except TimeoutError:
                # All of its topics up to here is told: a quiet one isn't forgotten by the history.
                yield format_sse_event(comment="", id=self._hub.latest)
            except Closed:
                yield format_sse_event(comment="", retry=retry)
                return
            else:
                yield message.as_event
