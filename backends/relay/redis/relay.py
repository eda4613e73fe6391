"""Messages in a stream of Redis or Valkey, which also keeps the last ones for who was away."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from app.core.cache.redis_client import open_redis
from app.core.cache.store import CacheSettings
from app.core.live.contract import Packed, Receiver, Relay
from app.core.live.message import BEGINNING
from app.core.live.settings import HubSettings

# How long Redis waits for a message before it answers that there was none; and how much longer
# that answer may take.
BLOCK_SECONDS = 1
GRACE_SECONDS = 1
AT_ONCE = 100

FIELD = b"message"


class LiveSettings(HubSettings, CacheSettings):
    """What there is to say of live messages."""


class RedisRelay:
    """All processes read the same stream, each at its own pace. Its ids are those of messages."""

    def __init__(self, sender: Redis, reader: Redis, settings: LiveSettings) -> None:
        self._sender: Any = sender
        self._reader: Any = reader
        self._most = settings.live_history_messages
        self._stream = "{" + settings.service_name + "}:live"

    async def send(self, texts: Sequence[str]) -> None:
        """Append messages."""
        async with self._sender.pipeline(transaction=False) as pipeline:
            for text in texts:
                pipeline.xadd(self._stream, {FIELD: text}, maxlen=self._most)
            await pipeline.execute()

    async def follow(self, receiver: Receiver) -> None:
        """Read on where the process was; where the stream has lost that, at its end."""
        # A cluster has to be known before it can be read.
        await self._reader.initialize()
        latest = receiver.latest
        if latest is not None and await self._reader.xrange(self._stream, latest, latest):
            receiver.begin(None)
        else:
            kept = await self._kept()
            receiver.begin(kept)
            latest = kept[-1].id
        while True:
            answer = await self._reader.xread(
                {self._stream: latest}, count=AT_ONCE, block=int(BLOCK_SECONDS * 1000)
            )
            for _, entries in answer:
                messages = [packed(entry) for entry in entries]
                await receiver.deliver(messages)
                latest = messages[-1].id

    async def _kept(self) -> list[Packed]:
        entries = await self._reader.xrevrange(self._stream, count=self._most)
        if not entries:
            await self.send([BEGINNING])
            return await self._kept()
        return [packed(entry) for entry in reversed(entries)]


def packed(entry: tuple[bytes, dict[bytes, bytes]]) -> Packed:
    """Read an entry of the stream."""
    entry_id, fields = entry
    return Packed(entry_id.decode(), fields[FIELD].decode())


@asynccontextmanager
async def open_relay(settings: LiveSettings) -> AsyncGenerator[Relay]:
    """Open the connections: one that waits for messages, and one that sends them."""
    async with (
        open_redis(
            settings.redis_url,
            timeout_seconds=settings.live_relay_timeout_seconds,
            max_connections=1,
        ) as sender,
        open_redis(
            settings.redis_url,
            timeout_seconds=BLOCK_SECONDS + GRACE_SECONDS,
            max_connections=1,
        ) as reader,
    ):
        yield RedisRelay(sender, reader, settings)
