"""Tasks are carried by Celery, through a queue in RabbitMQ."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, CeleryTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""
    transport = CeleryTransport(
        settings.broker_url,
        f"{settings.service_name}.queue",
        settings.task_workers,
        {"read_timeout": AWAY_SECONDS, "write_timeout": AWAY_SECONDS},
    )
    try:
        yield transport
    finally:
        await transport.shutdown()
