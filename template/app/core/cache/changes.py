"""The channel on which processes tell one another what changed."""

import json
import logging
import secrets
from asyncio import sleep
from typing import Any

from redis.exceptions import RedisError

from app.core.cache.contract import WhenChanged

logger = logging.getLogger(__name__)

# What stands for all that a service keeps.
EVERYTHING = "*"
# How often the channel is asked whether it is there.
HEARTBEAT_SECONDS = 0.5


class Changes:
    """What others say, and in what words to say it to them."""

    def __init__(
        self, client: Any, channel: str, retry_seconds: float, when_changed: WhenChanged
    ) -> None:
        self.channel = channel
        self.is_listening = False
        self._client = client
        self._retry_seconds = retry_seconds
        self._when_changed = when_changed
        self._id = secrets.token_hex(8)

    def message(self, names: tuple[str, ...]) -> str:
        """Say that keys and tags changed."""
        return json.dumps([self._id, *names])

    async def listen(self) -> None:
        """Hear of changes that other processes made, until it is cancelled."""
        while True:
            try:
                # A cluster has to be known before it can be listened to.
                await self._client.initialize()
                async with self._client.pubsub() as channel:
                    await channel.subscribe(self.channel)
                    await self._hear(channel)
            except (RedisError, OSError) as error:
                logger.debug("Not listening: %s", error)
            except Exception:
                logger.exception("Not listening to what other processes change")
            finally:
                # Nobody knows what is said from here on.
                self.is_listening = False
                self._when_changed(None)
            await sleep(self._retry_seconds)

    async def _hear(self, channel: Any) -> None:
        is_asked = False
        while True:
            message = await channel.get_message(timeout=HEARTBEAT_SECONDS)
            if message is None:
                if is_asked:
                    raise TimeoutError("The channel is silent")
                await channel.ping()
                is_asked = True
            elif message["type"] == "message":
                sender, *names = json.loads(message["data"])
                if sender != self._id:
                    self._when_changed(None if EVERYTHING in names else names)
            else:
                # It is subscribed, or it answers.
                is_asked = False
                self.is_listening = True
