"""Tasks are carried by dramatiq, through a queue in RabbitMQ."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from dramatiq.broker import Consumer
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from pika import URLParameters
from pika.exceptions import AMQPError

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, DramatiqTransport, LastingBroker
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

# So many more ids than there are workers are taken: a task is started while others run. Those for
# which there is no room all the same wait until there is, or until they are sent to another worker.
AHEAD = 5


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class QueueBroker(LastingBroker, RabbitmqBroker):
    """The library's own, which keeps no connection that nobody uses."""

    def open_consumer(self, queue_name: str, prefetch: int) -> Consumer:
        """Receive. For the declaration of the queue the library has a connection of its own."""
        try:
            return super().open_consumer(queue_name, prefetch)
        finally:
            del self.connection

    def check(self) -> None:
        """Connect, or raise what stands in the way: the library would try it six times.

        A connection that was closed is noticed here, and opened again.
        """
        try:
            self.connection.process_data_events(0)
        except AMQPError:
            del self.connection
            self.connection.process_data_events(0)


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""
    parameters = URLParameters(settings.broker_url)
    parameters.socket_timeout = AWAY_SECONDS
    parameters.stack_timeout = AWAY_SECONDS
    # A broker that is short of memory or disk takes nothing: that is as good as away.
    parameters.blocked_connection_timeout = AWAY_SECONDS
    # What the library adds to it isn't wanted: repetitions, limits of time, callbacks.
    broker = QueueBroker(middleware=[])
    broker.parameters = parameters
    # They tell of each failure five times, with tracebacks.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.getLogger("dramatiq.brokers").setLevel(logging.CRITICAL)
    queue_name = f"{settings.service_name}.queue"
    transport = DramatiqTransport(broker, queue_name, settings.task_workers + AHEAD)
    try:
        yield transport
    finally:
        await transport.shutdown()
