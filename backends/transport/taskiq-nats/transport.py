"""Tasks are carried by taskiq, through a stream of NATS."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from nats.js.api import ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from taskiq_nats import PullBasedJetStreamBroker

from app.core.observability.identity import IdentitySettings
from app.core.tasks.carrier import AWAY_SECONDS, TaskiqTransport
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Transport
from app.core.tasks.ledger import LedgerSettings

CONSUMER = "workers"
# For so long a worker waits for a task at a time.
BLOCK_SECONDS = 1
# As many are taken at a time. Those for which there is no room yet wait until there is, or until
# they are given to another one.
BATCH = 5
# What was taken and not acknowledged after so long is given to another one.
ACKNOWLEDGE_SECONDS = 5
# A connection over which nothing came for twice as long is dead.
PING_SECONDS = 5


class TaskSettings(LedgerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept, carried and run."""


@asynccontextmanager
async def open_transport(settings: TaskSettings) -> AsyncGenerator[Transport]:
    """Open the connections as they are needed."""
    # A name may have no dots, blanks and wildcards in it.
    name = re.sub(r"[^\w-]", "_", settings.service_name, flags=re.ASCII)

    def make() -> PullBasedJetStreamBroker:
        return PullBasedJetStreamBroker(
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

    transport = TaskiqTransport(make, settings.task_workers)
    try:
        yield transport
    finally:
        await transport.shutdown()


async def ignore(_error: Exception) -> None:
    """Leave it to whoever waits for an answer: it is told to them as well."""
