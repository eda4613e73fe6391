"""How much a client may send."""

from http import HTTPStatus

from fastapi import HTTPException
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.problem import problem_response


class BodyLimitSettings(BaseModel):
    """What is too much."""

    max_body_bytes: int = Field(default=10_000_000, ge=1)


class BodyTooLarge(HTTPException):
    """The body goes on beyond the limit. Whoever reads it lets it pass, or answers with it."""


class BodyLimitMiddleware:
    """Answer 413: before anything is read where the length is told, else at the limit."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.detail = f"The body is longer than {max_bytes} bytes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        for name, value in scope["headers"]:
            if name == b"content-length":
                if int(value) <= self.max_bytes:
                    await self.app(scope, receive, send)
                    return
                response = problem_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self.detail)
                await response(scope, receive, send)
                return

        left = self.max_bytes

        async def receive_within_limit() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise BodyTooLarge(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self.detail)
            return message

        await self.app(scope, receive_within_limit, send)
