"""Tasks are carried by taskiq, through a list in Redis or Valkey."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from taskiq_redis import ListQueueBroker

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, TaskiqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

logger = logging.getLogger(__name__)

# For so long a worker waits for a task at a time.
BLOCK_SECONDS = 1


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class ListBroker(ListQueueBroker):
    """The library's own, which begs for answers without a pause while Redis is away."""

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """Give what comes."""
        while True:
            try:
                async with Redis(connection_pool=self.connection_pool) as client:
                    taken: Any = await client.brpop([self.queue_name], timeout=BLOCK_SECONDS)
            except (RedisError, OSError) as error:
                logger.warning("No tasks can be received: %r", error)
                await asyncio.sleep(AWAY_SECONDS)
                continue
            if taken is not None:
                yield taken[1]


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""
    broker = ListBroker(
        settings.broker_url,
        queue_name=f"{settings.service_name}:queue",
        max_connection_pool_size=20,
        socket_connect_timeout=AWAY_SECONDS,
        socket_timeout=2 * BLOCK_SECONDS,
    )
    transport = TaskiqTransport(broker, settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()
