"""Carries tasks with taskiq: it knows one task, to which it hands ids."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from taskiq import AsyncBroker, BrokerMessage, TaskiqMessage
from taskiq.acks import AckableMessage
from taskiq.receiver import Receiver
from taskiq.utils import maybe_awaitable

from app.core.tasks.contract import Handler

logger = logging.getLogger(__name__)

TASK = "run"
# After a failure nobody tries to receive for so long.
AWAY_SECONDS = 1
# For so long one waits for a server that says nothing, at the start and at the end.
PATIENCE_SECONDS = 5


class SendingBroker(AsyncBroker):
    """To be mixed into one of the library's own: it sends many messages as well."""

    async def kick_all(self, messages: Sequence[BrokerMessage]) -> None:
        """Send messages, or raise what stands in the way."""
        sent = await asyncio.gather(*map(self.kick, messages), return_exceptions=True)
        for outcome in sent:
            if outcome is not None:
                raise outcome


class LastingBroker(AsyncBroker):
    """Makes a broker when somebody needs it, and another one when that fails.

    So it is the same for all libraries what happens when a server is away or comes back empty.
    """

    def __init__(self, make: Callable[[], SendingBroker]) -> None:
        super().__init__()
        self._make = make
        self._sender: SendingBroker | None = None
        self._starting = asyncio.Lock()

    async def kick(self, message: BrokerMessage) -> None:
        """Send a message."""
        await self.kick_all([message])

    async def kick_all(self, messages: Sequence[BrokerMessage]) -> None:
        """Send messages."""
        sender = await self.connect()
        try:
            await sender.kick_all(messages)
        except Exception:
            # Of those who send at the same time, the first one sees to it.
            if sender is self._sender:
                self._sender = None
                await close(sender)
            raise

    async def listen(self) -> AsyncGenerator[bytes]:
        """Give what comes. It is acknowledged, for what a worker has in hand is known elsewhere."""
        while True:
            broker = self._make()
            try:
                await start(broker)
                async with aclosing(broker.listen()) as messages:
                    async for message in messages:
                        yield await acknowledged(message)
                logger.warning("No tasks can be received: the connection ended")
            except Exception as error:
                logger.warning("No tasks can be received: %r", error)
            finally:
                await close(broker)
            await asyncio.sleep(AWAY_SECONDS)

    async def connect(self) -> SendingBroker:
        """Give the broker that sends, or raise what stands in its way."""
        async with self._starting:
            if self._sender is None:
                sender = self._make()
                try:
                    await start(sender)
                except BaseException:
                    await close(sender)
                    raise
                self._sender = sender
            return self._sender

    async def shutdown(self) -> None:
        """Close what sends."""
        if self._sender is not None:
            await close(self._sender)
            self._sender = None


async def start(broker: AsyncBroker) -> None:
    """Connect."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await broker.startup()


async def close(broker: AsyncBroker) -> None:
    """Let go of what is open. It may be broken."""
    with suppress(Exception):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await broker.shutdown()


async def acknowledged(message: bytes | AckableMessage) -> bytes:
    """Tell that a message has come."""
    if isinstance(message, bytes):
        return message
    await maybe_awaitable(message.ack())
    return message.data


class TaskiqTransport:
    """Carries ids with whatever broker of taskiq is made for it."""

    def __init__(self, make: Callable[[], SendingBroker], workers: int) -> None:
        self._broker = LastingBroker(make)
        self._workers = workers
        # It tells of each task, twice.
        logging.getLogger("taskiq").setLevel(logging.WARNING)

    async def send(self, ids: Sequence[str]) -> None:
        """Have each of them come to some worker."""
        await self._broker.kick_all([*map(self._message, ids)])

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        """Hand over what comes until the block ends, and wait for what was handed over."""

        # The library names a function anew, which it can't do to a method.
        async def run(task_id: str) -> None:
            await handle(task_id)

        self._broker.register_task(run, task_name=TASK)
        receiver = Receiver(self._broker, max_async_tasks=self._workers, run_startup=False)
        ended = asyncio.Event()
        listening = asyncio.create_task(receiver.listen(ended))
        try:
            yield
        finally:
            ended.set()
            await asyncio.wait([listening])

    async def ping(self) -> None:
        """Connect, or raise what stands in the way."""
        await self._broker.connect()

    async def shutdown(self) -> None:
        """Close what was opened."""
        await self._broker.shutdown()

    def _message(self, task_id: str) -> BrokerMessage:
        return self._broker.formatter.dumps(
            TaskiqMessage(task_id=task_id, task_name=TASK, labels={}, args=[task_id], kwargs={})
        )
