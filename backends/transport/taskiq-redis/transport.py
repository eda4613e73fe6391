"""Tasks are carried by taskiq, through a list in Redis or Valkey."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from redis.asyncio import Redis
from taskiq import BrokerMessage
from taskiq_redis import ListQueueBroker

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, SendingBroker, TaskiqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

# For so long a worker waits for a task at a time.
BLOCK_SECONDS = 1


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class ListBroker(SendingBroker, ListQueueBroker):
    """The library's own, which waits for ever where a server says nothing.

    It makes a client for each message, too: that takes longer than to send it.
    """

    @cached_property
    def _client(self) -> Any:
        return Redis(connection_pool=self.connection_pool)

    async def kick_all(self, messages: Sequence[BrokerMessage]) -> None:
        """Send messages."""
        await self._client.lpush(self.queue_name, *[each.message for each in messages])

    async def listen(self) -> AsyncGenerator[bytes]:
        """Give what comes."""
        while True:
            taken = await self._client.brpop([self.queue_name], timeout=BLOCK_SECONDS)
            if taken is not None:
                yield taken[1]
            elif is_cancelled():
                raise asyncio.CancelledError


def is_cancelled() -> bool:
    """Tell whether somebody wants this to end.

    On Python 3.11 the client swallows a cancellation that comes while it sends: it uses `wait_for`.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""

    def make() -> ListBroker:
        return ListBroker(
            settings.broker_url,
            queue_name=f"{settings.service_name}:queue",
            max_connection_pool_size=4,
            socket_connect_timeout=AWAY_SECONDS,
            socket_timeout=2 * BLOCK_SECONDS,
        )

    transport = TaskiqTransport(make, settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()
