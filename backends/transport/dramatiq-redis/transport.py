"""Tasks are carried by dramatiq, through lists in Redis or Valkey."""

import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from queue import SimpleQueue
from typing import Any

from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
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
    """The library's own, with a client that is closed, and trips for several things at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # One thread sends, and another one acknowledges.
        self._trip = threading.local()
        dispatch = self.scripts["dispatch"]
        self.scripts["dispatch"] = lambda keys, args: dispatch(
            keys, args, getattr(self._trip, "pipeline", None)
        )

    @contextmanager
    def one_trip(self) -> Generator[None]:
        """Have done at the end what this thread asks for in the block."""
        with self.client.pipeline(transaction=False) as pipeline:
            self._trip.pipeline = pipeline
            try:
                yield
            finally:
                self._trip.pipeline = None
            pipeline.execute()

    def check(self) -> None:
        """Ask Redis."""
        self.client.ping()

    def enqueue_all(self, messages: Sequence[Message[None]]) -> None:
        """Send messages."""
        with self.one_trip():
            for message in messages:
                self.enqueue(message)

    def open_consumer(self, queue_name: str, prefetch: int) -> Consumer:
        """Receive until it fails."""
        return ListConsumer(self, super().open_consumer(queue_name, prefetch))

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class ListConsumer(Consumer):
    """The library's own, which would wait until Redis knows of each message that it is done."""

    def __init__(self, broker: ListBroker, consumer: Consumer) -> None:
        self._broker = broker
        self._consumer = consumer
        self._done: SimpleQueue[MessageProxy] = SimpleQueue()

    def __next__(self) -> MessageProxy | None:
        """Acknowledge what is done meanwhile, and give what comes."""
        self._acknowledge()
        return next(self._consumer)

    def ack(self, message: MessageProxy) -> None:
        """Have it acknowledged soon."""
        self._done.put(message)

    def close(self) -> None:
        """Acknowledge the last ones."""
        self._acknowledge()

    def _acknowledge(self) -> None:
        done = [self._done.get() for _ in range(self._done.qsize())]
        if done:
            with self._broker.one_trip():
                for message in done:
                    self._consumer.ack(message)


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
