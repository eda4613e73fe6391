"""A worker that is a process of its own, on the real thing: it goes on with a request's trace."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from opentelemetry.trace import SpanKind

from app.core.observability.tracing import open_tracing
from app.core.tasks.broker import open_broker
from app.core.tasks.transport import open_transport
from app.settings import Settings
from tests.drill import work
from tests.fixtures.broker import BrokerServer
from tests.fixtures.collector import Collector
from tests.fixtures.ledger import opened_ledger
from tests.fixtures.server import serving, variables_of

# It starts processes, and ends them.
pytestmark = pytest.mark.slow


@pytest.fixture
def settings(settings: Settings, own_broker: BrokerServer, collector: Collector) -> Settings:
    return settings.model_copy(
        update={
            "broker_url": own_broker.url,
            "otel_exporter_otlp_endpoint": collector.url,
            "tracing_sample_ratio": 1.0,
        }
    )


async def test_its_task_is_in_the_trace(
    settings: Settings, collector: Collector, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        variables = variables_of(settings)
        await asyncio.to_thread(
            stack.enter_context, serving("tests.drill", "WORKER_PORT", **variables)
        )
        async with (
            opened_ledger(settings) as ledger,
            open_transport(settings) as transport,
            open_broker(ledger, transport) as broker,
            open_tracing(settings) as tracing,
        ):
            assert tracing is not None
            with tracing.recording("POST /drills", SpanKind.SERVER):
                await broker.enqueue(work(str(tmp_path / "notes"), 1))

        worked = await collector.span("task drill")

    enqueued = await collector.span("enqueue drill")
    served = await collector.span("POST /drills")
    assert worked.trace_id == enqueued.trace_id == served.trace_id
    assert (worked.parent_id, enqueued.parent_id) == (enqueued.id, served.id)
