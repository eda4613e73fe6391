"""Tasks are carried by taskiq, through a stream of NATS."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from nats.js.api import ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from taskiq import BrokerMessage
from taskiq_nats import PullBasedJetStreamBroker

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, SendingBroker, TaskiqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

CONSUMER = "workers"
# For so long a worker waits for a task at a time.
BLOCK_SECONDS = 1
# So many more ids than there are workers are taken: a task is started while others run. Those for
# which there is no room all the same wait until there is, or until they are sent to another worker.
AHEAD = 5
# As many are taken at a time.
BATCH = 5
# What was taken and not acknowledged after so long is given to another one.
ACKNOWLEDGE_SECONDS = 5
# A connection over which nothing came for twice as long is dead.
PING_SECONDS = 5


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


class StreamBroker(SendingBroker, PullBasedJetStreamBroker):
    """The library's own, which waits for an answer to each message."""

    async def kick_all(self, messages: Sequence[BrokerMessage]) -> None:
        """Send messages.

        A stream takes in turn what comes through a connection, so the answer to the last one is
        waited for. Should it have lost another one all the same, that is sent again.
        """
        *others, last = messages
        for message in others:
            await self.client.publish(self.subject, message.message)
        await self.kick(last)


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""
    # A name may have no dots, blanks and wildcards in it.
    name = re.sub(r"[^\w-]", "_", settings.service_name, flags=re.ASCII)

    def make() -> StreamBroker:
        return StreamBroker(
            settings.broker_url,
            subject=f"{name}.tasks",
            durable=CONSUMER,
            stream_config=StreamConfig(
                name=name, retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE
            ),
            consumer_config=ConsumerConfig(durable_name=CONSUMER, ack_wait=ACKNOWLEDGE_SECONDS),
            pull_consume_batch=BATCH,
            pull_consume_timeout=BLOCK_SECONDS,
            # Not one that connects again by itself: that is done for all libraries alike.
            allow_reconnect=False,
            # The first of these attempts isn't counted, and none at all would mean for ever.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=AWAY_SECONDS,
            ping_interval=PING_SECONDS,
            error_cb=ignore,
        )

    transport = TaskiqTransport(make, settings.task_workers + AHEAD)
    try:
        yield transport
    finally:
        await transport.shutdown()


async def ignore(_error: Exception) -> None:
    """Leave it to whoever waits for an answer: it is told to them as well."""
