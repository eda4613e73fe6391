"""Traces: what a request and its tasks did, sent to whoever shows it (OpenTelemetry, OTLP)."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.semconv.attributes import deployment_attributes, service_attributes
from opentelemetry.trace import Span, SpanKind, use_span
from opentelemetry.util.re import parse_env_headers
from opentelemetry.util.types import Attributes
from pydantic import AfterValidator, Field

from app.core.observability.identity import IdentitySettings
from app.core.observability.spans import TracedTiming, blame, parent_of, told
from app.core.observability.timing import Timing, timing
from app.core.observability.trace_context import trace_context

logger = logging.getLogger(__name__)

# At the end, for what wasn't sent yet.
FLUSH_SECONDS = 2


def check_endpoint(url: str) -> str:
    """Raise a `ValueError` that shows how such a URL looks."""
    if url and not url.startswith(("http://", "https://")):
        raise ValueError("should look like http://collector:4318")
    return url


class TracingSettings(IdentitySettings):
    """Where spans go, and of how many requests."""

    # Without it nothing is recorded, and no thread is started.
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(check_endpoint)] = ""
    # It may hold a key: never log it.
    otel_exporter_otlp_headers: str = Field(default="", repr=False)
    # Of the requests about which no caller has decided.
    tracing_sample_ratio: float = Field(default=0.01, ge=0, le=1)


class CalmExporter(SpanExporter):
    """Sends spans from a thread of its own, and says once that it can't.

    The library's own exporter would log an error for each attempt.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. What can't be sent after some retries is lost."""
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            logger.warning("Spans can't be sent: their collector is away")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        """End the connections."""
        self._exporter.shutdown()


class Tracing:
    """Begins the part that this process has in a trace."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self._tracer = provider.get_tracer("app")

    @contextmanager
    def recording(
        self, name: str, kind: SpanKind, attributes: Attributes = None
    ) -> Generator[Span]:
        """Make a span of the block, below that of who called, and of what it waits for.

        Most aren't recorded: all they have is an id, for logs and for whoever is called.
        """
        span = self._tracer.start_span(name, parent_of(trace_context.get()), kind, attributes)
        # Not taken back: what is logged about it afterwards belongs to it, too.
        trace_context.set(told(span))
        if not span.is_recording():
            yield span
            return
        outer = timing.get() or Timing({})
        token = timing.set(TracedTiming(outer, self._tracer))
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except BaseException as error:
            blame(span, error)
            raise
        finally:
            timing.reset(token)
            span.end()


@asynccontextmanager
async def open_tracing(settings: TracingSettings) -> AsyncGenerator[Tracing | None]:
    """Start the thread that sends spans, if there is anywhere to send them."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if not endpoint:
        yield None
        return
    exporter = OTLPSpanExporter(
        f"{endpoint.rstrip('/')}/v1/traces",
        headers=parse_env_headers(settings.otel_exporter_otlp_headers, liberal=True),
    )
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.tracing_sample_ratio)),
        resource=Resource.create(
            {
                service_attributes.SERVICE_NAME: settings.service_name,
                service_attributes.SERVICE_VERSION: settings.service_version,
                deployment_attributes.DEPLOYMENT_ENVIRONMENT_NAME: settings.environment,
            }
        ),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(CalmExporter(exporter)))
    try:
        yield Tracing(provider)
    finally:
        # The library itself would wait for half a minute.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, FLUSH_SECONDS)
        exporter.shutdown()
