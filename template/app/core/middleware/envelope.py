"""What every answer bears, whatever becomes of the request."""

import logging
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.middleware.request_log import CLIENT_LEFT, RequestLog, RequestLogSettings
from app.core.middleware.security_headers import SecurityHeadersSettings, security_headers
from app.core.middleware.timing import timing_headers
from app.core.observability.logging import request_id
from app.core.observability.metrics import ERRORS, count_request, traffic
from app.core.observability.request_id import HEADER, request_id_of
from app.core.observability.timing import Timing, timing
from app.core.observability.trace_context import trace_context, trace_context_of
from app.core.problem import problem_response

logger = logging.getLogger(__name__)


class EnvelopeSettings(RequestLogSettings, SecurityHeadersSettings):
    """What is logged, and what browsers are told."""


class EnvelopeMiddleware:
    """Give each request an id, and its answer that id, its timing and the security headers.

    It counts and logs the request, too: all in one, since each layer of its own would cost as much
    as what it does. And it is the last resort: an exception that nobody caught is logged, and
    becomes a 500 with nothing internal in it. A handler of the framework would answer from
    outside, without the headers.
    """

    def __init__(self, app: ASGIApp, settings: EnvelopeSettings) -> None:
        self.app = app
        self.log = RequestLog(settings)
        self.hsts_seconds = settings.hsts_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        started = time.perf_counter()
        seconds: float | None = None
        status, size = CLIENT_LEFT, 0
        name = request_id_of(scope)
        current = Timing(scope)

        async def send_in_envelope(message: Message) -> None:
            nonlocal seconds, status, size
            if message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            elif message["type"] == "http.response.start":
                status = message["status"]
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
        is_request = scope["type"] == "http"
        traffic.in_flight += is_request
        try:
            await self.app(scope, receive, send_in_envelope)
        except Exception as error:
            ERRORS.labels(current.path, type(error).__name__).inc()
            if seconds is not None or not is_request:
                # The server cuts the connection, so that the body doesn't look complete.
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            response = problem_response(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "Something went wrong. Ask for help with the request id.",
            )
            await response(scope, receive, send_in_envelope)
        finally:
            traffic.in_flight -= is_request
            if is_request:
                # A stream may take its time, once it has begun.
                took = time.perf_counter() - started if seconds is None else seconds
                count_request(scope["method"], current.path, status, took, size)
                self.log.note(current, status, took)
            trace_context.reset(trace_token)
            timing.reset(timing_token)
            request_id.reset(id_token)
