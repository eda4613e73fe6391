"""Bodies in the encoding that the client likes best."""

from anyio import to_thread
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.compression.encodable import encoded, is_encodable, length_of, not_modified, vary
from app.core.compression.encodings import LARGE_BYTES, Encoding, Stream
from app.core.compression.negotiation import choose


class CompressionSettings(BaseModel):
    """What is worth it."""

    # A smaller body fits into one packet as it is.
    compression_min_bytes: int = Field(default=1000, ge=0)


class CompressionMiddleware:
    """Encode text: whole bodies at once, streams piece by piece."""

    def __init__(self, app: ASGIApp, settings: CompressionSettings) -> None:
        self.app = app
        self.min_bytes = settings.compression_min_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, Sender(scope, send, self.min_bytes).send)


class Sender:
    """Sends a response, encoded or as it is."""

    __slots__ = ("_encoding", "_min_bytes", "_passes", "_scope", "_send", "_start", "_stream")

    def __init__(self, scope: Scope, send: Send, min_bytes: int) -> None:
        self._scope = scope
        self._send = send
        self._min_bytes = min_bytes
        self._passes = False
        # What is held back until it is known whether its body comes in one piece.
        self._start: Message | None = None
        self._encoding: Encoding | None = None
        self._stream: Stream | None = None

    async def send(self, message: Message) -> None:
        """Take the next message of the response."""
        if self._passes:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._begin(message)
        elif self._start is not None and self._encoding is not None:
            await self._first(self._start, self._encoding, message)
        elif self._stream is not None:
            await self._next(self._stream, message)

    async def _begin(self, message: Message) -> None:
        headers = message["headers"]
        length = length_of(headers)
        if length is None or length >= self._min_bytes:
            if is_encodable(message["status"], dict(headers)):
                self._encoding = choose(self._asked(b"accept-encoding"))
                if self._encoding is None:
                    message["headers"] = vary(headers)
                elif self._scope["method"] == "HEAD":
                    message["headers"] = encoded(headers, self._encoding.name, None)
                elif length is not None:
                    self._start = message
                    return
                else:
                    # A stream begins at once, whenever its first piece comes.
                    self._stream = self._encoding.stream()
                    message["headers"] = encoded(headers, self._encoding.name, None)
            elif message["status"] == 304:
                message["headers"] = not_modified(headers, self._asked(b"if-none-match"))
        self._passes = self._stream is None
        await self._send(message)

    async def _first(self, start: Message, encoding: Encoding, message: Message) -> None:
        """Encode a body whose length is known: at once, if it is all there."""
        self._start = None
        headers, length = start["headers"], None
        if message.get("more_body", False):
            self._stream = encoding.stream()
        else:
            body = message["body"]
            if len(body) < LARGE_BYTES:
                body = encoding.encode(body)
            else:
                body = await to_thread.run_sync(encoding.encode, body)
            message, length, self._passes = {**message, "body": body}, len(body), True
        await self._send({**start, "headers": encoded(headers, encoding.name, length)})
        await self.send(message)

    async def _next(self, stream: Stream, message: Message) -> None:
        piece = message.get("body", b"")
        body = stream.feed(piece) if piece else b""
        is_last = not message.get("more_body", False)
        if is_last:
            body += stream.end()
        # An empty body means nothing, unless it is the last.
        if body or is_last:
            await self._send({**message, "body": body})

    def _asked(self, name: bytes) -> bytes:
        return b",".join(value for each, value in self._scope["headers"] if each == name)
