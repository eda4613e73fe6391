"""Who listens to what, and who is told."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Annotated, Literal, TypeAlias

from fastapi import Depends
from fastapi.requests import HTTPConnection

from app.core.live.contract import Packed, Relay
from app.core.live.history import History
from app.core.live.message import Message, reset_after, unpack
from app.core.live.outbox import Outbox
from app.core.live.settings import HubSettings
from app.core.live.subscription import Restarting, Subscription
from app.core.shutdown import Shutdown

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["streams", "sockets"]

# So many messages may arrive at once; then listeners get time to take them.
AT_ONCE = 20
# Between two attempts to reach the relay: at first, and at most.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5


class Hub:
    """Tells all who listen, in this process and in the others."""

    name = "live"
    totals = frozenset({"dropped", "messages", "lost"})

    def __init__(self, settings: HubSettings, relay: Relay) -> None:
        self.settings = settings
        self._relay = relay
        self._outbox = Outbox(relay, settings)
        self._history = History(settings.live_history_messages, settings.live_history_bytes)
        self._listeners: dict[Subscription, Kind] = {}
        self._by_topic: dict[str, dict[Subscription, None]] = {}
        self._is_closing = False
        self._began = asyncio.Event()
        self._delivered = 0
        self._dropped = 0

    @property
    def latest(self) -> str | None:
        """The id of the last message."""
        return self._history.latest

    async def publish(self, event: str, data: str, *, topics: Collection[str]) -> None:
        """Tell all who listen to one of the topics, each once. `data` is JSON.

        Once it is sure, and not before. It never waits; what can't be sent is lost, and logged.
        """
        self._outbox.put(event, topics, data)

    @contextmanager
    def subscribed(
        self, topics: Collection[str], kind: Kind, *, after: str | None = None
    ) -> Generator[Subscription]:
        """Listen: to what was told after a message, then to what is told from now on."""
        missed = self._history.since(after) if after else []
        if missed is None:
            replayed = [reset_after(self.latest or "")]
        else:
            replayed = [message for message in missed if not set(topics).isdisjoint(message.topics)]
        subscription = Subscription(frozenset(), self.settings.live_queue_messages, replayed)
        self._listeners[subscription] = kind
        self.listen(subscription, topics)
        if self._is_closing:
            subscription.end(Restarting())
        try:
            yield subscription
        finally:
            self.listen(subscription, ())
            del self._listeners[subscription]

    def listen(self, subscription: Subscription, topics: Collection[str]) -> None:
        """Listen to these topics from now on, instead of those before."""
        for topic in subscription.topics:
            listeners = self._by_topic[topic]
            listeners.pop(subscription, None)
            if not listeners:
                del self._by_topic[topic]
        subscription.topics = frozenset(topics)
        for topic in subscription.topics:
            self._by_topic.setdefault(topic, {})[subscription] = None

    def begin(self, kept: Sequence[Packed] | None) -> None:
        """Note that messages arrive, and tell everybody if some may have been missed."""
        if kept is not None:
            self._history.start_over(unpack(*packed) for packed in kept)
            reset = reset_after(self.latest or "")
            for subscription in self._listeners:
                self._put(subscription, reset)
        self._began.set()

    async def deliver(self, messages: Sequence[Packed]) -> None:
        """Tell those of this process who listen."""
        for number, packed in enumerate(messages, start=1):
            self._tell(unpack(*packed))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _tell(self, message: Message) -> None:
        self._delivered += 1
        self._history.add(message)
        listeners = [self._by_topic.get(topic, {}) for topic in message.topics]
        # Whoever listens to several of them hears it once.
        told = dict.fromkeys(subscription for those in listeners for subscription in those)
        for subscription in told:
            self._put(subscription, message)

    def _put(self, subscription: Subscription, message: Message) -> None:
        if not subscription.is_ended and not subscription.put(message):
            self._dropped += 1
            logger.info("A listener was let go: it reads too slowly")

    async def ping(self) -> None:
        """Nothing that a request would have to wait for: without a relay it goes on."""

    def stats(self) -> Mapping[str, float]:
        """Count who listens, and what became of messages."""
        kinds = Counter(self._listeners.values())
        return {
            "streams": kinds["streams"],
            "sockets": kinds["sockets"],
            "dropped": self._dropped,
            "messages": self._delivered,
            "kept": len(self._history),
            "lost": self._outbox.lost,
            "is_listening": self._began.is_set(),
        }

    @asynccontextmanager
    async def running(self, shutdown: Shutdown) -> AsyncGenerator[None]:
        """Carry messages until the block ends, then those that are left."""
        tasks = [
            asyncio.create_task(work)
            for work in (self._follow(), self._outbox.send(), self._end_with(shutdown))
        ]
        try:
            # Whoever comes back right after the start should find what was told before it.
            with suppress(TimeoutError):
                async with asyncio.timeout(self.settings.live_relay_timeout_seconds):
                    await self._began.wait()
            yield
        finally:
            self._end_all()
            await self._outbox.drain()
            # What connects may swallow a cancellation.
            while left := [task for task in tasks if not task.done()]:
                for task in left:
                    task.cancel()
                await asyncio.wait(left, timeout=0.1)

    async def _follow(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._relay.follow(self)
            except Exception as error:
                if self._began.is_set():
                    pause = FIRST_PAUSE_SECONDS
                if pause == FIRST_PAUSE_SECONDS:
                    logger.warning("No messages of other processes arrive: %s", error)
            self._began.clear()
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _end_with(self, shutdown: Shutdown) -> None:
        await shutdown.wait_for_close()
        self._end_all()

    def _end_all(self) -> None:
        self._is_closing = True
        for subscription in self._listeners:
            subscription.end(Restarting())


@asynccontextmanager
async def open_hub(settings: HubSettings, relay: Relay, shutdown: Shutdown) -> AsyncGenerator[Hub]:
    """Open the hub, which ends what listens when the service does."""
    hub = Hub(settings, relay)
    async with hub.running(shutdown):
        yield hub


async def get_hub(connection: HTTPConnection) -> Hub:
    """Take the hub from a request or a socket."""
    hub: Hub = connection.state.live
    return hub


HubDep = Annotated[Hub, Depends(get_hub)]
