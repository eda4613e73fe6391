"""HTTP over a connection, with limits for what comes before the body."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, ClassVar, Self, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.core.observability.logging import request_id
from app.core.observability.request_id import HEADER, request_id_of
from app.core.problem import problem_response
from app.core.server.draining import EndingState

logger = logging.getLogger(__name__)

TOO_LONG = "The headers are too long."
# How long somebody who was refused may go on talking to nobody.
LINGER_SECONDS = 1


class ServerProtocol(HttpToolsProtocol):
    """uvicorn's, which waits for ever for headers without end, and refuses in plain text."""

    max_head_bytes: ClassVar[int]
    head_timeout_seconds: ClassVar[float]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_refused = False

    @classmethod
    def within(cls, max_head_bytes: int, head_timeout_seconds: float) -> type[Self]:
        """Give one with these limits: uvicorn makes it, and knows nothing of them."""
        limits = {"max_head_bytes": max_head_bytes, "head_timeout_seconds": head_timeout_seconds}
        return type(cls.__name__, (cls,), limits)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, up to the limit."""
        if self._is_refused:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_refused or self.transport.is_closing():
            return
        if self._head_bytes > self.max_head_bytes:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LONG)
        elif self._in_head and self._head_timer is None:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        # What came at once may be longer than its headers are.
        if self._head_bytes > self.max_head_bytes:
            # With the colon, the space and the end of each line.
            lines = (len(name) + len(value) + 4 for name, value in self.headers)
            length = len(self.url) + sum(lines)
            if length > self.max_head_bytes:
                raise ValueError(TOO_LONG)
        self._head_came()
        super().on_headers_complete()
        if cast("EndingState", self.server_state).is_ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which is none of the headers."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; what comes is the next one's."""
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if self._head_bytes > self.max_head_bytes:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LONG)
        else:
            self.refuse(HTTPStatus.BAD_REQUEST, msg)

    def refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer without the application, as it would, and hear no more."""
        self._is_refused = True
        self._head_came()
        if self.cycle is not None and not self.cycle.response_complete:
            # Who works on it is told that nobody waits any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        name = request_id_of({"headers": []})
        token = request_id.set(name.decode())
        try:
            response = problem_response(status, detail)
            logger.warning("%s refused: %s", status, detail)
        finally:
            request_id.reset(token)
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            (HEADER, name),
            (b"connection", b"close"),
        ]
        head = b"".join(key + b": " + value + b"\r\n" for key, value in headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + bytes(response.body))
        # Closed at once it would be reset, if more comes, and the answer be lost.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_seconds, self._give_up)

    def _head_came(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to come.")
