"""Messages by LISTEN and NOTIFY of PostgreSQL, on a connection of its own in each process."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import Field
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.core.database.engine import DatabaseSettings, Driver, Url, connect_arguments
from app.core.live.contract import Packed, Receiver, Relay
from app.core.live.local import LocalRelay
from app.core.live.message import BEGINNING
from app.core.live.settings import HubSettings

logger = logging.getLogger(__name__)

# A payload has less than 8000 bytes, and a character four at most.
PART_CHARACTERS = 1900
# How often a connection on which nothing comes is asked whether it is there.
HEARTBEAT_SECONDS = 1
# One statement is one transaction: the parts of a message arrive one after the other.
NOTIFY = "SELECT pg_notify($1, part) FROM unnest($2::text[]) AS part"


class LiveSettings(HubSettings, DatabaseSettings):
    """What there is to say of live messages."""

    # Where to listen, should DATABASE_URL lead to PgBouncer, which passes no messages on. It holds
    # a password: never log it.
    live_database_url: Url | None = Field(default=None, repr=False)


class PostgresRelay:
    """PostgreSQL gives all processes the same messages in the same order, and keeps none."""

    def __init__(self, settings: LiveSettings) -> None:
        self._channel = f"live_{settings.service_name}"
        self._timeout_seconds = settings.live_relay_timeout_seconds
        direct = settings.model_copy(update={"database_pgbouncer": False})
        self._engine = create_async_engine(
            settings.live_database_url or settings.database_url,
            poolclass=NullPool,
            connect_args=connect_arguments(direct),
        )
        self._connection: Driver | None = None
        # A connection does one thing at a time.
        self._turn = asyncio.Lock()

    async def send(self, texts: Sequence[str]) -> None:
        """Send messages, in parts where they are long."""
        parts = [part for text in texts for part in split(secrets.token_hex(8), text)]
        await self._execute(NOTIFY, self._channel, parts)

    async def follow(self, receiver: Receiver) -> None:
        """Connect, and listen. What was sent meanwhile is lost."""
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection

            def hear(*notification: Any) -> None:
                arrived.put_nowait(notification[-1])

            def end(_driver: object) -> None:
                arrived.put_nowait(None)

            driver.add_termination_listener(end)
            await driver.add_listener(self._channel, hear)
            self._connection = driver
            try:
                await self._listen(receiver, arrived)
            finally:
                self._connection = None
                driver.terminate()

    async def _listen(self, receiver: Receiver, arrived: asyncio.Queue[str | None]) -> None:
        # From its own beginning on, it knows as much as the others.
        await self.send([BEGINNING])
        beginning = await self._next(arrived)
        receiver.begin([beginning])
        while True:
            await receiver.deliver([await self._next(arrived)])

    async def _next(self, arrived: asyncio.Queue[str | None]) -> Packed:
        parts: list[str] = []
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    payload = await arrived.get()
            except TimeoutError:
                await self._execute("SELECT 1")
                continue
            if payload is None:
                raise ConnectionError("the connection ended")
            message_id, left, part = payload.split(" ", 2)
            parts.append(part)
            if left == "0":
                return Packed(message_id, "".join(parts))

    async def _execute(self, sql: str, *values: object) -> None:
        async with asyncio.timeout(self._timeout_seconds), self._turn:
            if self._connection is None:
                raise ConnectionError("there is no connection")
            await self._connection.execute(sql, *values)

    async def aclose(self) -> None:
        """Forget the server."""
        await self._engine.dispose()


def split(message_id: str, text: str) -> Iterator[str]:
    """Cut a message into payloads, each with the number of those that are to come."""
    starts = range(0, len(text), PART_CHARACTERS)
    for number, start in enumerate(starts, start=1):
        yield f"{message_id} {len(starts) - number} {text[start : start + PART_CHARACTERS]}"


@asynccontextmanager
async def open_relay(settings: LiveSettings) -> AsyncGenerator[Relay]:
    """Make the relay. Behind PgBouncer alone, messages stay in the process."""
    if settings.database_pgbouncer and settings.live_database_url is None:
        logger.warning(
            "PgBouncer passes no messages on, so those of a process stay there:"
            " set LIVE_DATABASE_URL to where PostgreSQL itself is"
        )
        yield LocalRelay()
        return
    relay = PostgresRelay(settings)
    try:
        yield relay
    finally:
        await relay.aclose()
