"""Tasks are carried by RQ, through lists in Redis or Valkey."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, RqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""

    def connect() -> Redis:
        return Redis.from_url(
            settings.broker_url,
            socket_connect_timeout=AWAY_SECONDS,
            socket_timeout=AWAY_SECONDS,
            # Who sends has no time for another try, and who receives tries anyway.
            retry=Retry(NoBackoff(), 0),
        )

    transport = RqTransport(connect, f"{settings.service_name}:queue", settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()
