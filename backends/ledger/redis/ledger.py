"""Tasks in Redis or Valkey: the one that carries them, which has to keep what it is told."""

import hashlib
import logging
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.core.errors import Unavailable
from app.core.observability.identity import IdentitySettings
from app.core.pipeline import Lane
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import (
    DeadLetter,
    Ledger,
    Started,
    TaskState,
    TaskStatus,
)
from app.core.tasks.message import Message
from app.core.tasks.redis_scripts import (
    ADD,
    FINISH,
    NOT_SENT,
    RENEW,
    REPLAY,
    START,
    TAKE_DUE,
    WAIT,
)
from app.core.tasks.together import Together
from app.core.tasks.worker_settings import WorkerSettings

logger = logging.getLogger(__name__)

# Redis gets no longer to answer.
TIMEOUT_SECONDS = 2
# So many tasks are noted, started or done in one trip.
TOGETHER = 100
FIELDS = ("message", "state", "attempts", "created_at", "finished_at", "error")


class LedgerSettings(WorkerSettings, BrokerSettings, IdentitySettings):
    """How tasks are kept."""


class RedisLedger:
    """What becomes of the tasks of all processes."""

    def __init__(self, client: Redis, lane: Lane, settings: LedgerSettings) -> None:
        self._client: Any = client
        # What is done for each task goes another way than through the client: that costs more.
        self._lane = lane
        # In braces: all in one slot of a cluster, since a script is about several keys.
        self._prefix = "{" + settings.service_name + "}:tasks:"
        self.renewal_seconds = settings.task_lease_seconds / 3
        self._lease = milliseconds(settings.task_lease_seconds)
        self._resend = milliseconds(settings.task_resend_seconds)
        self._retention = milliseconds(settings.task_retention_seconds)
        self._adding = Together(self._add_all, TOGETHER)
        self._starting = Together(self._start_all, TOGETHER)
        self._succeeding = Together(self._succeed_all, TOGETHER)

    async def add(self, message: Message, after_seconds: float) -> bool:
        """Note a task, unless it is known."""
        noted = (message.id, message.to_json(), milliseconds(after_seconds))
        return bool(await self._adding.do(noted))

    async def _add_all(self, noted: Sequence[tuple[str, str, int]]) -> Sequence[int]:
        return await self._run(ADD, self._resend, *chain.from_iterable(noted))

    async def start(self, task_id: str) -> Started | None:
        """Take a task in hand, unless it is at its end, or in somebody's hands."""
        started = await self._starting.do(task_id)
        if started is None:
            return None
        message, attempt, has_waited = started
        return Started(Message.from_json(message), attempt, bool(has_waited))

    async def _start_all(self, ids: Sequence[str]) -> Sequence[tuple[bytes, int, int] | None]:
        return await self._run(START, self._lease, self._resend // 2, *ids)

    async def renew(self, running: Sequence[Started]) -> None:
        """Go on with what is in hand."""
        await self._run(RENEW, self._lease, *chain.from_iterable(map(key_of, running)))

    async def succeed(self, started: Started) -> None:
        """Note that it is done."""
        await self._succeeding.do(key_of(started))

    async def _succeed_all(self, keys: Sequence[tuple[str, int]]) -> Sequence[None]:
        names = chain.from_iterable(keys)
        await self._run(FINISH, TaskState.SUCCEEDED, self._retention, "", *names)
        return [None] * len(keys)

    async def bury(self, started: Started, error: str) -> None:
        """Make it a dead letter."""
        await self._run(FINISH, TaskState.DEAD, 0, error, *key_of(started))

    async def repeat(self, started: Started, after_seconds: float, error: str) -> None:
        """Have it done again, after a time."""
        after = milliseconds(after_seconds)
        await self._run(WAIT, *key_of(started), after, started.attempt, error)

    async def hand_back(self, started: Started, after_seconds: float) -> None:
        """Have it done by another one, as if it hadn't been started."""
        after = milliseconds(after_seconds)
        await self._run(WAIT, *key_of(started), after, started.attempt - 1, "")

    async def take_due(self, limit: int, *, with_sent: bool = True) -> Sequence[str]:
        """Give the ids to be sent, and note that they were."""
        due = await self._run(TAKE_DUE, limit, self._resend, int(with_sent))
        return [each.decode() for each in due]

    async def not_sent(self, ids: Sequence[str]) -> None:
        """Have them sent a second later."""
        await self._run(NOT_SENT, *ids)

    async def status(self, task_id: str) -> TaskStatus | None:
        """Tell how far a task is."""
        with reaching():
            found = await self._client.hmget(f"{self._prefix}task:{task_id}", FIELDS)
        return None if found[0] is None else TaskStatus.model_validate(described(found))

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """List those that nobody tries any more, the latest first."""
        ids = await self._client.zrange(f"{self._prefix}dead", 0, limit - 1, desc=True)
        async with self._client.pipeline(transaction=False) as pipeline:
            for task_id in ids:
                pipeline.hmget(f"{self._prefix}task:{task_id.decode()}", FIELDS)
            return [DeadLetter.model_validate(described(each)) for each in await pipeline.execute()]

    async def replay(self, task_id: str) -> bool:
        """Have a dead letter tried again."""
        return bool(await self._run(REPLAY, task_id))

    async def counts(self) -> Mapping[TaskState, int]:
        """Count the tasks, by state."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for state in TaskState:
                pipeline.zcard(self._prefix + state)
            return dict(zip(TaskState, await pipeline.execute(), strict=True))

    async def oldest_seconds(self) -> float:
        """Tell for how long the oldest one has been ready, and not begun."""
        oldest = await self._client.zrange(f"{self._prefix}ready", 0, 0, withscores=True)
        return datetime.now(UTC).timestamp() - oldest[0][1] / 1000 if oldest else 0

    def keeps_time(self) -> bool:
        """All processes do: what is scheduled has a key."""
        return True

    async def ping(self) -> None:
        """Ask Redis for an answer."""
        await self._client.ping()

    async def _run(self, script: str, *arguments: object) -> Any:
        given = (1, self._prefix, *arguments)
        with reaching():
            try:
                return await self._lane.ask("EVALSHA", hash_of(script), *given)
            except ResponseError as error:
                if not str(error).startswith("NOSCRIPT"):
                    raise
            # A server that knows none yet knows it from here on.
            return await self._lane.ask("EVAL", script, *given)


@contextmanager
def reaching() -> Generator[None]:
    """Tell a Redis that is away from a mistake of the service."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        logger.warning("The tasks can't be reached: %r", error)
        raise Unavailable("The tasks can't be reached. Try again.") from error


@cache
def hash_of(script: str) -> str:
    """Say how Redis calls a script."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def milliseconds(seconds: float) -> int:
    """Say a time as Redis keeps it."""
    return int(seconds * 1000)


def key_of(started: Started) -> tuple[str, int]:
    """Name what is in hand."""
    return started.message.id, started.attempt


def described(found: Sequence[bytes | None]) -> dict[str, object]:
    """Say what Redis knows of a task."""
    fields: dict[str, Any] = dict(zip(FIELDS, found, strict=True))
    message = Message.from_json(fields["message"])
    for name in ("created_at", "finished_at"):
        if fields[name] is not None:
            fields[name] = datetime.fromtimestamp(int(fields[name]) / 1000, UTC)
    fields.update(id=message.id, name=message.name)
    return {
        name: each.decode() if isinstance(each, bytes) else each for name, each in fields.items()
    }


@asynccontextmanager
async def open_ledger(settings: LedgerSettings) -> AsyncGenerator[Ledger]:
    """Open a pool of connections, and a lane; each connection is made when it is needed."""
    pool: Any = BlockingConnectionPool.from_url(
        settings.broker_url,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        max_connections=20,
        protocol=2,
    )
    client = Redis.from_pool(pool)
    try:
        async with aclosing(Lane(client, TIMEOUT_SECONDS)) as lane:
            yield RedisLedger(client, lane, settings)
    finally:
        await client.aclose()
