"""Tasks are carried by dramatiq, through lists in Redis or Valkey."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, DramatiqTransport, LastingBroker
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class ListBroker(LastingBroker, RedisBroker):
    """The library's own, with a client that is closed."""

    def check(self) -> None:
        """Ask Redis."""
        self.client.ping()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""
    client = Redis.from_url(
        settings.broker_url,
        socket_connect_timeout=AWAY_SECONDS,
        socket_timeout=AWAY_SECONDS,
        # Who sends has no time for another try, and who receives tries anyway.
        retry=Retry(NoBackoff(), 0),
    )
    # What the library adds to it isn't wanted: repetitions, limits of time, callbacks.
    broker = ListBroker(client=client, middleware=[], namespace=f"{settings.service_name}:tasks")
    transport = DramatiqTransport(broker, "queue", settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()
