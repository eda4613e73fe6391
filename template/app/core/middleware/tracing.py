"""The span of a request."""

from opentelemetry.semconv.attributes import error_attributes, http_attributes, url_attributes
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.observability.health import PROBES
from app.core.observability.tracing import Tracing

# Those who ask for these do so all day, and want to know nothing more.
UNRECORDED = {*PROBES, "/metrics"}
# From here on it is the service that failed.
SERVER_ERROR = 500


class TracingMiddleware:
    """Record requests, as many as the settings or the caller say.

    No sockets: they last for hours, and a span is sent at its end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNRECORDED:
            await self.app(scope, receive, send)
            return

        tracing: Tracing = scope["state"]["tracing"]
        method = scope["method"]
        with tracing.recording(method, SpanKind.SERVER) as span:
            if not span.is_recording():
                await self.app(scope, receive, send)
                return

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set_attribute(http_attributes.HTTP_RESPONSE_STATUS_CODE, status)
                    if status >= SERVER_ERROR:
                        span.set_status(StatusCode.ERROR)
                        span.set_attribute(error_attributes.ERROR_TYPE, str(status))
                await send(message)

            span.set_attribute(http_attributes.HTTP_REQUEST_METHOD, method)
            span.set_attribute(url_attributes.URL_SCHEME, scope["scheme"])
            span.set_attribute(url_attributes.URL_PATH, scope["path"])
            try:
                await self.app(scope, receive, send_and_note)
            finally:
                # The router puts it there.
                if route := getattr(scope.get("route"), "path_format", None):
                    span.update_name(f"{method} {route}")
                    span.set_attribute(http_attributes.HTTP_ROUTE, route)
