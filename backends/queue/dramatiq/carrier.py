"""Carries tasks with dramatiq: each of its messages is an id."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from dramatiq import Message
from dramatiq.broker import Broker, Consumer, MessageProxy

from app.core.tasks.contract import Handler
from app.core.tasks.threads import SendingThread

logger = logging.getLogger(__name__)

# After a failure nobody tries to receive for so long, and nothing is waited for longer.
AWAY_SECONDS = 1
# The thread that receives looks so often whether there is something to do, or whether it is to end.
IDLE_SECONDS = 0.1


class LastingBroker(Broker):
    """To be mixed into one of the library's own: it may be away at any time."""

    def check(self) -> None:
        """Raise what stands in the way of sending."""
        raise NotImplementedError

    def enqueue_all(self, messages: Sequence[Message[None]]) -> None:
        """Send messages, or raise what stands in the way."""
        self.check()
        for message in messages:
            self.enqueue(message)

    def open_consumer(self, queue_name: str, prefetch: int) -> Consumer:
        """Receive until it fails. Acknowledging what is done waits for nothing."""
        return self.consume(queue_name, prefetch, int(IDLE_SECONDS * 1000))


class Receiver:
    """Takes ids in a thread of its own, and hands them over to the loop, where tasks run.

    The library's worker has a thread for each task, which here would do nothing but wait for the
    loop: waking threads took a third of what running a task did.
    """

    def __init__(self, open_consumer: Callable[[], Consumer], handle: Handler, limit: int) -> None:
        self._open = open_consumer
        self._handle = handle
        self._limit = limit
        self._consumer: Consumer | None = None
        self._free = threading.Semaphore(limit)
        self._ended = threading.Event()
        self._loop = asyncio.get_running_loop()
        # The loop itself doesn't hold on to them.
        self._running: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._receive, name="receive")
        self._thread.start()

    async def end(self) -> None:
        """Take no more, and wait for what was handed over."""
        self._ended.set()
        await asyncio.to_thread(self._thread.join)

    def _receive(self) -> None:
        while not self._ended.is_set():
            if not self._free.acquire(timeout=IDLE_SECONDS):
                continue
            taken = self._take()
            if taken is None:
                self._free.release()
            else:
                self._loop.call_soon_threadsafe(self._begin, *taken)
        for _ in range(self._limit):
            self._free.acquire()
        self._close()

    def _take(self) -> tuple[Consumer, MessageProxy] | None:
        try:
            consumer = self._consumer = self._consumer or self._open()
            message = next(consumer)
        except Exception as error:
            logger.warning("No tasks can be received: %r", error)
            self._close()
            self._ended.wait(AWAY_SECONDS)
            return None
        # With its consumer: another one knows nothing of it.
        return None if message is None else (consumer, message)

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        # It may be broken: that is why it is closed.
        with suppress(Exception):
            if consumer is not None:
                consumer.close()

    def _begin(self, consumer: Consumer, message: MessageProxy) -> None:
        work = self._loop.create_task(self._run(consumer, message))
        self._running.add(work)
        work.add_done_callback(self._running.discard)

    async def _run(self, consumer: Consumer, message: MessageProxy) -> None:
        try:
            await self._handle(message.args[0])
        finally:
            # If that fails it comes again, and is found done.
            with suppress(Exception):
                consumer.ack(message)
            self._free.release()


class DramatiqTransport:
    """A broker of dramatiq. It is connected when somebody needs it: it may be away before that."""

    def __init__(self, broker: LastingBroker, queue_name: str, workers: int) -> None:
        self._broker = broker
        self._queue_name = queue_name
        self._workers = workers
        self._sender = SendingThread()
        broker.declare_queue(queue_name)
        # It tells of each message.
        logging.getLogger("dramatiq").setLevel(logging.ERROR)

    async def send(self, ids: Sequence[str]) -> None:
        """Have each of them come to some worker."""
        await self._sender.run(self._broker.enqueue_all, [*map(self._message, ids)])

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        """Hand over what comes until the block ends, and wait for what was handed over."""
        receiver = Receiver(self._open_consumer, handle, self._workers)
        try:
            yield
        finally:
            await receiver.end()

    async def ping(self) -> None:
        """Raise what stands in the way of sending."""
        await self._sender.run(self._broker.check)

    async def shutdown(self) -> None:
        """Close what was opened, where it was opened."""
        await self._sender.end(self._broker.close)

    def _message(self, task_id: str) -> Message[None]:
        return Message(
            queue_name=self._queue_name, actor_name="run", args=(task_id,), kwargs={}, options={}
        )

    def _open_consumer(self) -> Consumer:
        return self._broker.open_consumer(self._queue_name, self._workers)
