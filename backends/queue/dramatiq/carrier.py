"""Carries tasks with dramatiq: it knows one actor, to which it hands ids."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import dramatiq
from dramatiq.broker import Broker, Consumer, MessageProxy

from app.core.tasks.contract import Handler
from app.core.tasks.threads import HandOver, SendingThread

logger = logging.getLogger(__name__)

# After a failure nobody tries to receive for so long, and nothing is waited for longer.
AWAY_SECONDS = 1
# Threads look so often whether there is something to do, or whether they are to end.
IDLE_MILLISECONDS = 100


class LastingConsumer(Consumer):
    """Opens the library's own when it is needed, and again after a failure.

    The library would try it every three seconds, and not end before it can acknowledge.
    """

    def __init__(self, open_consumer: Callable[[], Consumer], limit: int) -> None:
        self._open = open_consumer
        self._consumer: Consumer | None = None
        # A semaphore, because the library only looks now and then whether it may take more.
        self._free = threading.Semaphore(limit)

    def __next__(self) -> MessageProxy | None:
        """Give what comes, as soon as there is somebody to do it."""
        if not self._free.acquire(timeout=IDLE_MILLISECONDS / 1000):
            return None
        message = self._take()
        if message is None:
            self._free.release()
        return message

    def ack(self, message: MessageProxy) -> None:
        """Tell that it is done. If that fails it comes again, and is found done."""
        with suppress(Exception):
            if self._consumer is not None:
                self._consumer.ack(message)
        # Before, the library would still count it, take no other one, and sleep a while.
        self._free.release()

    def nack(self, message: MessageProxy) -> None:
        """Tell the same: what becomes of a task is known elsewhere."""
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Leave to others what wasn't begun. If that fails, the ledger sends it again."""
        with suppress(Exception):
            if self._consumer is not None:
                self._consumer.requeue(messages)

    def close(self) -> None:
        """Close the library's own, which may be broken: that is why it is closed."""
        consumer, self._consumer = self._consumer, None
        with suppress(Exception):
            if consumer is not None:
                consumer.close()

    def _take(self) -> MessageProxy | None:
        try:
            if self._consumer is None:
                self._consumer = self._open()
            return next(self._consumer)
        except Exception as error:
            logger.warning("No tasks can be received: %r", error)
            self.close()
            time.sleep(AWAY_SECONDS)
            return None


class LastingBroker(Broker):
    """To be mixed into one of the library's own: it may be away at any time."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        """Receive, however often the broker is away."""
        return LastingConsumer(partial(self.open_consumer, queue_name, prefetch, timeout), prefetch)

    def open_consumer(self, queue_name: str, prefetch: int, timeout: int) -> Consumer:
        """Receive until it fails."""
        return super().consume(queue_name, prefetch, timeout)

    def check(self) -> None:
        """Raise what stands in the way of sending."""
        raise NotImplementedError


class DramatiqTransport:
    """A broker of dramatiq. It is connected when somebody needs it: it may be away before that."""

    def __init__(self, broker: LastingBroker, queue_name: str, workers: int) -> None:
        self._broker = broker
        self._workers = workers
        declare = dramatiq.actor(actor_name="run", queue_name=queue_name, broker=broker)
        self._actor = declare(self._run)
        # Nothing is delayed here, so nobody has to look for what is due.
        broker.delay_queues.clear()
        self._sender = SendingThread()
        self._hand_over: HandOver | None = None
        # It tells of each start and end.
        logging.getLogger("dramatiq").setLevel(logging.ERROR)

    async def send(self, ids: Sequence[str]) -> None:
        """Have each of them come to some worker."""
        await self._sender.run(self._send, ids)

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        """Hand over what comes until the block ends, and wait for what was handed over."""
        self._hand_over = HandOver(handle)
        worker = dramatiq.Worker(
            self._broker, worker_timeout=IDLE_MILLISECONDS, worker_threads=self._workers
        )
        # It takes twice as much, which would wait here while others have time.
        worker.queue_prefetch = self._workers
        worker.start()
        try:
            yield
        finally:
            # They would go on to take tasks until the last one in hand is done.
            for consumer in worker.consumers.values():
                consumer.stop()
            await asyncio.to_thread(worker.stop)

    async def ping(self) -> None:
        """Raise what stands in the way of sending."""
        await self._sender.run(self._broker.check)

    async def shutdown(self) -> None:
        """Close what was opened, where it was opened."""
        await self._sender.end(self._broker.close)

    def _send(self, ids: Sequence[str]) -> None:
        self._broker.check()
        for task_id in ids:
            self._actor.send(task_id)

    def _run(self, task_id: str) -> None:
        if self._hand_over is not None:
            self._hand_over(task_id)
