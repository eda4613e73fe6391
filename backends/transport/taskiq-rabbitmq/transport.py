"""Tasks are carried by taskiq, through a queue in RabbitMQ."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aio_pika import Connection
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from taskiq import AckableMessage
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue, QueueType

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import SendingBroker, TaskiqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

# A connection over which nothing came for three times as long is dead.
HEARTBEAT_SECONDS = 5


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class QueueBroker(SendingBroker, AioPikaBroker):
    """The library's own, on one connection, and without a queue of dead letters."""

    async def listen(self) -> AsyncGenerator[AckableMessage]:
        """Give what comes, until the connection or the queue is gone.

        The library's own would ask the server to stop at the end, and wait for its answer.
        """
        channel: Any = self.write_channel
        came: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

        def end(*_: object) -> None:
            came.put_nowait(None)

        channel.close_callbacks.add(end)
        wire = await channel.get_underlay_channel()
        wire.on_consumer_cancel_callbacks.add(end)
        await channel.set_qos(prefetch_count=self._qos)
        ((queue, _),) = await self._declare_queues(channel)
        await queue.consume(came.put)
        while message := await came.get():
            yield AckableMessage(data=message.body, ack=message.ack)

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
            # After a crash of its only node, a quorum queue takes nothing for a time, or for ever.
            task_queues=[Queue(name=f"{settings.service_name}:queue", type=QueueType.CLASSIC)],
            # Not one that connects again by itself: that is done for all libraries alike.
            connection_class=Connection,
            heartbeat=HEARTBEAT_SECONDS,
        )

    # It tells of what it raises as well.
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)
    transport = TaskiqTransport(make, settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()
