"""Tasks are carried by taskiq, through a queue in RabbitMQ."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aio_pika import Connection
from aio_pika.abc import AbstractChannel, AbstractQueue
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import TaskiqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

# A connection over which nothing came for three times as long is dead.
HEARTBEAT_SECONDS = 5


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class QueueBroker(AioPikaBroker):
    """The library's own, on one connection, and without a queue of dead letters."""

    async def startup(self) -> None:
        """Connect, and declare the queue."""
        await super().startup()
        self.read_channel = self.write_channel

    async def _declare_queues(
        self, channel: AbstractChannel
    ) -> list[tuple[AbstractQueue, dict[str, Any]]]:
        (queue,) = self._task_queues
        declared = await channel.declare_queue(
            queue.name, durable=True, arguments={"x-queue-type": queue.type.value}
        )
        await declared.bind(self._exchange.name, queue.name)
        return [(declared, {})]

    async def shutdown(self) -> None:
        """Disconnect."""
        if self.write_conn is not None:
            await self.write_conn.close()


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""

    def make() -> QueueBroker:
        return QueueBroker(
            settings.broker_url,
            qos=settings.task_workers,
            exchange=Exchange(name=f"{settings.service_name}:tasks"),
            task_queues=[Queue(name=f"{settings.service_name}:queue")],
            # Not one that connects again by itself: that is done for all libraries alike.
            connection_class=Connection,
            heartbeat=HEARTBEAT_SECONDS,
        )

    transport = TaskiqTransport(make, settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()
