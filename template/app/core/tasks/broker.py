"""Where tasks are enqueued."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from app.core.breaker import Breaker
from app.core.observability.timing import spending
from app.core.tasks.contract import Ledger, TaskStatus, Transport
from app.core.tasks.message import Message
from app.core.tasks.task import Call
from app.core.tasks.together import Together

logger = logging.getLogger(__name__)

# A transport gets so long to take what is sent at once.
SEND_SECONDS = 5
# If it is away, nobody tries to reach it for so long.
AWAY_SECONDS = 1
# How many tasks are sent at once.
BATCH = 100
# Between two times that something is sent. A trip takes about as long as enqueuing one task does,
# so where one comes after the other, it is made for several.
PAUSE_SECONDS = 0.005


class Broker:
    """Notes tasks, and has them carried to whoever runs them."""

    name = "tasks"
    totals = frozenset({"enqueued"})

    def __init__(self, ledger: Ledger, transport: Transport) -> None:
        self.ledger = ledger
        self.transport = transport
        self._breaker = Breaker(AWAY_SECONDS)
        self._sending = Together(self._send, BATCH, PAUSE_SECONDS)
        self._enqueued = 0

    async def enqueue(
        self,
        call: Call,
        *,
        after_seconds: float = 0,
        key: str | None = None,
    ) -> str:
        """Have a task run: soon, or after a time. Gives its id.

        While a task with the same key is known, another one is not enqueued.
        """
        with spending("enqueue", call.name):
            message = Message.of(call, key)
            await self.enqueue_message(message, after_seconds)
        return message.id

    async def enqueue_message(self, message: Message, after_seconds: float) -> None:
        """Note a task, and have it carried unless it waits for its time."""
        if await self.ledger.add(message, after_seconds) and not after_seconds:
            await self.send_soon(message.id)

    async def status(self, task_id: str) -> TaskStatus | None:
        """Tell how far a task is; `None` if there is none, or if it was done long ago."""
        return await self.ledger.status(task_id)

    async def send_soon(self, task_id: str) -> None:
        """Have a task carried. No request waits for that: it is known, so it can't get lost."""
        self._sending.begin(task_id)

    async def drain(self) -> None:
        """Wait until all is sent that is to be sent soon."""
        await self._sending.settle()

    async def send(self, ids: Sequence[str]) -> None:
        """Have tasks carried. If nobody can be reached, that is done later."""
        self._enqueued += len(ids)
        if self._breaker.allows():
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self.transport.send(ids)
            except Exception as error:
                logger.warning("Tasks wait for their transport: %r", error)
                self._breaker.trip()
            else:
                self._breaker.close()
                return
        await self.ledger.not_sent(ids)

    async def _send(self, ids: Sequence[str]) -> Sequence[None]:
        try:
            await self.send(ids)
        except Exception as error:
            # They are known as sent and not begun, so that is done again.
            logger.warning("Tasks may not have been sent: %r", error)
        return [None] * len(ids)

    async def ping(self) -> None:
        """Ask the ledger: without it nothing can be enqueued. The transport may be away."""
        await self.ledger.ping()

    def stats(self) -> Mapping[str, float]:
        """Count what was sent."""
        return {"enqueued": self._enqueued, "is_away": self._breaker.is_tripped}


@asynccontextmanager
async def open_broker(ledger: Ledger, transport: Transport) -> AsyncGenerator[Broker]:
    """Before what it needs is closed, it sends what is to be sent."""
    broker = Broker(ledger, transport)
    try:
        yield broker
    finally:
        await broker.drain()


async def get_broker(connection: HTTPConnection) -> Broker:
    """Take the broker from a request or a socket."""
    broker: Broker = connection.state.broker
    return broker


BrokerDep = Annotated[Broker, Depends(get_broker)]
