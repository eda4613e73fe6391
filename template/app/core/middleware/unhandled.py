"""The last resort: what nobody caught."""

import logging
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.problem import problem_response

logger = logging.getLogger(__name__)


class UnhandledErrorMiddleware:
    """Log an unknown exception, and answer 500 with the request id and nothing internal.

    An exception handler of the framework would answer from outside all middleware, without
    the headers that they add.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if started:
                # The server cuts the connection, so that the body doesn't look complete.
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            response = problem_response(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "Something went wrong. Ask for help with the request id.",
            )
            await response(scope, receive, send)
