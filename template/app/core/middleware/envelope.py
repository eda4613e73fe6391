"""What every answer bears, whatever becomes of the request."""

import logging
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.middleware.security_headers import SecurityHeadersSettings, security_headers
from app.core.middleware.timing import TimingSettings, log_if_slow, timing_headers
from app.core.observability.logging import request_id
from app.core.observability.request_id import HEADER, request_id_of
from app.core.observability.timing import Timing, timing
from app.core.observability.trace_context import trace_context, trace_context_of
from app.core.problem import problem_response

logger = logging.getLogger(__name__)


class EnvelopeSettings(TimingSettings, SecurityHeadersSettings):
    """What is slow, and what browsers are told."""


class EnvelopeMiddleware:
    """Give each request an id, and its answer that id, its timing and the security headers.

    Four in one, since each layer of its own would cost as much as what it does. It is the last
    resort, too: an exception that nobody caught is logged, and becomes a 500 with nothing internal
    in it. A handler of the framework would answer from outside, without the headers.
    """

    def __init__(self, app: ASGIApp, settings: EnvelopeSettings) -> None:
        self.app = app
        self.slow_seconds = settings.slow_request_seconds
        self.hsts_seconds = settings.hsts_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        started = time.perf_counter()
        seconds: float | None = None
        name = request_id_of(scope)
        current = Timing(scope)

        async def send_in_envelope(message: Message) -> None:
            nonlocal seconds
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - started
                headers = message["headers"]
                message["headers"] = [
                    *headers,
                    *security_headers(headers, scope["scheme"], self.hsts_seconds),
                    *timing_headers(current, seconds),
                    (HEADER, name),
                ]
            await send(message)

        id_token, timing_token = request_id.set(name.decode()), timing.set(current)
        trace_token = trace_context.set(trace_context_of(scope))
        try:
            await self.app(scope, receive, send_in_envelope)
        except Exception:
            if seconds is not None or scope["type"] != "http":
                # The server cuts the connection, so that the body doesn't look complete.
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            response = problem_response(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "Something went wrong. Ask for help with the request id.",
            )
            await response(scope, receive, send_in_envelope)
        finally:
            if scope["type"] == "http":
                # A stream may take its time, once it has begun.
                took = time.perf_counter() - started if seconds is None else seconds
                log_if_slow(current, took, self.slow_seconds)
            trace_context.reset(trace_token)
            timing.reset(timing_token)
            request_id.reset(id_token)
