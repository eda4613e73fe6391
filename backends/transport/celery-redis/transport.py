"""Tasks are carried by Celery, through lists in Redis or Valkey."""

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
    options = {
        # The library's own keys have the same names in every service.
        "global_keyprefix": f"{settings.service_name}:",
        "socket_connect_timeout": AWAY_SECONDS,
        # Redis lets a worker wait for a second.
        "socket_timeout": 2 * AWAY_SECONDS,
    }
    transport = CeleryTransport(settings.broker_url, "queue", settings.task_workers, options)
    try:
        yield transport
    finally:
        await transport.shutdown()
