"""Redis or Valkey, behind copies in the memory of each process.

Every key and tag has a version, a random one. An entry is written with the versions that were
there before it was loaded, and is good as long as they are: whoever changes something changes a
version, and so reaches entries that he knows nothing of.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from app.core.breaker import Breaker
from app.core.cache.changes import EVERYTHING, Changes
from app.core.cache.contract import Found, Store, WhenChanged, forget_nothing
from app.core.cache.entry import Entry
from app.core.cache.redis_client import check_redis_url, open_redis
from app.core.observability.identity import IdentitySettings
from app.core.observability.timing import spend
from app.core.pipeline import Lane

logger = logging.getLogger(__name__)

T = TypeVar("T")


class CacheSettings(IdentitySettings):
    """Where it is, how much is kept, and for how long."""

    # It may hold a password: never log it.
    redis_url: Annotated[str, AfterValidator(check_redis_url)] = Field(
        default="redis://localhost:6379/0", repr=False
    )
    # Of the copies in the memory of each process.
    cache_max_bytes: int = Field(default=64 * 1024**2, ge=0)
    # A copy is dropped when another process tells of a change; and after that time, should it not.
    cache_copy_seconds: float = Field(default=1, ge=0)
    # Where `get_or_load` isn't told otherwise.
    cache_ttl_seconds: float = Field(default=60, gt=0)
    # After that, for how long a value is given while a newer one is loaded.
    cache_stale_seconds: float = Field(default=0, ge=0)
    # Redis gets no longer to answer: the source has it, too.
    cache_timeout_seconds: float = Field(default=0.05, gt=0)
    # After a failure nobody asks it for so long.
    cache_retry_seconds: float = Field(default=1, gt=0)
    # One process loads, and the others wait for it so long.
    cache_load_seconds: float = Field(default=10, gt=0)
    # Per process, besides the one for reads.
    cache_max_connections: int = Field(default=20, ge=2)


# One that there never was.
new_version = partial(secrets.token_bytes, 8)
# Longer than anything is kept; an entry whose version ended is loaded again.
VERSION_SECONDS = 7 * 86_400
# Beyond that many names it is simpler to forget everything.
MOST_OWED = 1000

RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


class AwayError(Exception):
    """Redis can't be asked at the moment."""


class RedisStore:
    """What the processes of a service share."""

    def __init__(self, client: Redis, settings: CacheSettings) -> None:
        self.patience_seconds = settings.cache_load_seconds
        self._client: Any = client
        self._settings = settings
        self._lane = Lane(client, settings.cache_timeout_seconds)
        # A cluster says which of its servers to ask: that is the client's business.
        mget: Any = (
            client.mget if isinstance(client, RedisCluster) else partial(self._lane.ask, "MGET")
        )
        self._mget: Callable[..., Awaitable[list[Any]]] = mget
        # In braces: all in one slot of a cluster, so that one question may be about many keys.
        self._prefix = "{" + settings.service_name + "}:cache:"
        channel = self._prefix + "changes"
        self.changes = Changes(client, channel, settings.cache_retry_seconds, self._hear)
        self.when_changed: WhenChanged = forget_nothing
        self._breaker = Breaker(settings.cache_retry_seconds)
        self._owed: dict[str, object] = {}
        self._errors = 0

    @property
    def copy_seconds(self) -> float:
        """How long a copy is good: not at all, while nobody tells of changes."""
        return self._settings.cache_copy_seconds if self.changes.is_listening else 0

    async def read(self, key: str, tags: Collection[str]) -> Found:
        """Look an entry up, in one trip."""
        value_name, names = self._named("value", key), self._versions((key, *tags, EVERYTHING))
        try:
            if self._owed:
                await self._pay()
            value, *versions = await self._ask("MGET", self._mget, value_name, *names)
            if None in versions:
                value, *versions = await self._ask("SET NX", self._read_first, value_name, names)
        except AwayError:
            return Found(None, None)
        known = b"".join(versions)
        if value is None or value[: len(known)] != known:
            return Found(None, known)
        return Found(Entry.unpack(value[len(known) :]), known)

    async def _read_first(self, value_name: str, names: list[str]) -> list[bytes]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.set(name, new_version(), nx=True, ex=VERSION_SECONDS)
            await pipeline.execute()
        return await self._mget(value_name, *names)

    async def write(self, key: str, entry: Entry, found: Found) -> None:
        """Keep what was loaded after that was found."""
        milliseconds = int((entry.kept_until - time.time()) * 1000)
        if found.versions is None or milliseconds <= 0:
            return
        value = found.versions + entry.pack()
        with suppress(AwayError):
            name = self._named("value", key)
            await self._ask("SET", self._client.set, name, value, px=milliseconds)

    async def invalidate(self, names: Collection[str]) -> None:
        """Make entries useless, and tell all processes; later, if Redis is away."""
        self._owed.update((name, object()) for name in names)
        if len(self._owed) > MOST_OWED:
            self._owed = {EVERYTHING: object()}
        with suppress(AwayError):
            await self._pay()

    async def _pay(self) -> None:
        while owed := dict(self._owed):
            await self._ask("PUBLISH", self._announce, tuple(owed))
            # What changed again meanwhile has to be told again.
            self._owed = {name: at for name, at in self._owed.items() if owed.get(name) is not at}

    def _hear(self, names: Collection[str] | None) -> None:
        self.when_changed(names)

    async def _announce(self, names: tuple[str, ...]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for version in self._versions(names):
                pipeline.set(version, new_version(), ex=VERSION_SECONDS)
            await pipeline.execute()
        await self._client.publish(self.changes.channel, self.changes.message(names))

    @asynccontextmanager
    async def lead(self, key: str) -> AsyncGenerator[bool]:
        """Become the one of all processes who loads it, unless another one is."""
        name, token, patience = self._named("lead", key), new_version(), self.patience_seconds
        try:
            px = int(patience * 1000)
            leads = await self._ask("SET NX", self._client.set, name, token, nx=True, px=px)
        except AwayError:
            yield True
            return
        try:
            yield bool(leads)
        finally:
            if leads:
                with suppress(AwayError):
                    await self._ask("EVAL", self._client.eval, RELEASE, 1, name, token)

    async def aclose(self) -> None:
        """End what the store has opened itself."""
        await self._lane.aclose()

    async def ping(self) -> None:
        """Nothing that a request would have to wait for: all is read from its source then."""

    def stats(self) -> Mapping[str, float]:
        """Count what went wrong."""
        return {
            "errors": self._errors,
            "is_away": self._breaker.is_tripped,
            "is_listening": self.changes.is_listening,
        }

    async def _ask(
        self, name: str, command: Callable[..., Awaitable[T]], *args: Any, **options: Any
    ) -> T:
        if not self._breaker.allows():
            raise AwayError
        started = time.perf_counter()
        try:
            answer = await command(*args, **options)
        except (RedisError, RedisClusterException, OSError) as error:
            if not self._breaker.is_tripped:
                logger.warning("The cache is away: %s", error)
            self._errors += 1
            self._breaker.trip()
            raise AwayError from error
        finally:
            spend("cache", time.perf_counter() - started, name)
        if self._breaker.is_tripped:
            logger.info("The cache is back")
        self._breaker.close()
        return answer

    def _named(self, kind: str, key: str) -> str:
        return f"{self._prefix}{kind}:{key}"

    def _versions(self, names: Collection[str]) -> list[str]:
        return [self._named("version", name) for name in names]


@asynccontextmanager
async def open_store(settings: CacheSettings) -> AsyncGenerator[Store]:
    """Open the connections, and listen as long as they are open."""
    async with open_redis(
        settings.redis_url,
        timeout_seconds=settings.cache_timeout_seconds,
        max_connections=settings.cache_max_connections,
    ) as client:
        store = RedisStore(client, settings)
        listener = asyncio.create_task(store.changes.listen())
        try:
            yield store
        finally:
            # The client swallows a cancellation that comes while it connects.
            while not listener.done():
                listener.cancel()
                await asyncio.wait([listener], timeout=0.1)
            await store.aclose()
