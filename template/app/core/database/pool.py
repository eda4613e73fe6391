"""A pool that is fair, says who waits for it, and gives connections to the direct path fast."""

import asyncio
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, NamedTuple, Self, cast

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import (
    AsyncAdaptedQueuePool,
    ConnectionPoolEntry,
    PoolProxiedConnection,
    _ConnectionRecord,
)
from sqlalchemy.util import await_, greenlet_spawn
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

# In seconds: from "there was one" to "the pool is too small".
WAIT_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)


class Waits:
    """How long connections were waited for, since the start."""

    def __init__(self) -> None:
        self.waiting = 0
        self.timeouts = 0
        self.seconds = 0.0
        self._counts = [0] * (len(WAIT_BUCKETS) + 1)

    @contextmanager
    def measured(self) -> Generator[None]:
        """Count one that is waited for."""
        started = time.perf_counter()
        self.waiting += 1
        try:
            yield
        except PoolTimeoutError:
            self.timeouts += 1
            raise
        finally:
            self.waiting -= 1
            self.add(time.perf_counter() - started)

    def add(self, seconds: float) -> None:
        """Count one that was there after a time."""
        self.seconds += seconds
        self._counts[bisect_left(WAIT_BUCKETS, seconds)] += 1

    def stats(self) -> dict[str, float]:
        """Count those who wait, those who did in vain, and how long all waited together."""
        return {"waiting": self.waiting, "timeouts": self.timeouts, "wait_seconds": self.seconds}

    def histogram(self) -> dict[str, int]:
        """Count those that took so many seconds or less."""
        bounds = [*map(str, WAIT_BUCKETS), "+Inf"]
        return dict(zip(bounds, accumulate(self._counts), strict=True))


class FairQueue(AsyncAdaptedQueue[ConnectionPoolEntry]):
    """SQLAlchemy's queue, in which nobody passes those who wait.

    It would give a connection that comes back to whoever asks next. Under load some requests then
    wait for seconds while others don't wait at all.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._waiters: deque[asyncio.Future[ConnectionPoolEntry]] = deque()

    def put_nowait(self, item: ConnectionPoolEntry) -> None:
        """Hand a connection to the first who waits, or lay it to rest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(item)
                return
        super().put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:
        """Take a connection: one at rest, or the next that comes back."""
        return self.get_nowait() if not block or self.qsize() else await_(self.wait(timeout or 0))

    async def wait(self, seconds: float) -> ConnectionPoolEntry:
        """Wait for the next connection that comes back, or raise `Empty`."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[ConnectionPoolEntry] = loop.create_future()
        self._waiters.append(waiter)
        # Half of what `asyncio.timeout` takes, and most requests under load come by here.
        timer = loop.call_later(seconds, give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # It came in the very moment in which this ended.
                self.put_nowait(waiter.result())
            raise
        finally:
            timer.cancel()


def give_up(waiter: asyncio.Future[ConnectionPoolEntry]) -> None:
    """End a wait that took too long."""
    if not waiter.done():
        waiter.set_exception(Empty())


# A connection that was used a moment ago is asked nothing: a ping before every use costs a
# fifth to a third of a small query.
IDLE_SECONDS = 30

# A network that swallows everything says nothing at all.
PING_SECONDS = 2


class Checks(NamedTuple):
    """What to ask the driver's own connection. Only a ping takes time."""

    in_transaction: Callable[[Any], bool] = lambda _connection: True
    # A server may close it at any time.
    is_closed: Callable[[Any], bool] = lambda _connection: False
    ping: Callable[[Any], Awaitable[object]] | None = None


class MeasuredPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool for asyncio: with an eye on its queue, and on what it hands out.

    A connection that the server has closed is replaced before anybody gets it.
    """

    _queue_class = FairQueue
    # Those of SQLAlchemy start at WARNING; from INFO on they say much.
    _sqla_logger_namespace = "sqlalchemy.pool.MeasuredPool"
    checks = Checks()

    def __init__(self, creator: Any, **options: Any) -> None:
        super().__init__(creator, **options)
        self.waits = Waits()

    @property
    def limit(self) -> int:
        """Count the connections that there may be."""
        return self.size() + max(self._max_overflow, 0)

    def recreate(self) -> Self:
        """Make the pool that replaces this one, when all connections were lost."""
        new = cast("Self", super().recreate())
        new.waits = self.waits
        return new

    def connect(self) -> PoolProxiedConnection:
        """Give a connection to SQLAlchemy: one at rest, a new one, or the next that comes back."""
        with self.waits.measured():
            return super().connect()

    def take(self) -> _ConnectionRecord | None:
        """Give a connection to the direct path, if one is at rest and may be used as it is.

        SQLAlchemy's own way, with a proxy, events and two greenlets, takes longer than a query.
        """
        if not self.checkedin():
            return None
        entry = cast("_ConnectionRecord", self._pool.get_nowait())
        if self._is_at_hand(entry):
            self.waits.add(0)
            return entry
        super()._do_return_conn(entry)
        return None

    async def take_next(self) -> _ConnectionRecord:
        """Give it one in any case: the next that comes back, or one that is made or mended."""
        if not self.checkedin() and self._overflow >= self._max_overflow >= 0:
            queue = cast("FairQueue", self._pool)
            with self.waits.measured():
                try:
                    entry = cast("_ConnectionRecord", await queue.wait(self._timeout))
                except Empty as error:
                    raise PoolTimeoutError("All connections are in use") from error
            if self._is_at_hand(entry):
                return entry
            super()._do_return_conn(entry)
        return await greenlet_spawn(self._take_patiently)

    def _take_patiently(self) -> _ConnectionRecord:
        with self.waits.measured():
            entry = self._do_get()
            try:
                entry.get_connection()
            except BaseException:
                self.give_back(entry)
                raise
        return entry

    def is_in_transaction(self, entry: _ConnectionRecord) -> bool:
        """Tell whether a connection was left in the middle of something."""
        connection = entry.driver_connection
        return not self.checks.is_closed(connection) and self.checks.in_transaction(connection)

    def give_back(self, entry: _ConnectionRecord) -> None:
        """Lay a connection to rest, or hand it to the first who waits."""
        entry.checkin(_fairy_was_created=False)

    def throw_away(self, entry: _ConnectionRecord) -> None:
        """Close it; whoever is next gets another in its place. That takes a greenlet."""
        try:
            entry.invalidate()
        finally:
            self.give_back(entry)

    def _do_get(self) -> _ConnectionRecord:
        entry = cast("_ConnectionRecord", super()._do_get())
        try:
            if entry.dbapi_connection is not None and not self._is_alive(entry):
                entry.invalidate()
        except BaseException:
            self.throw_away(entry)
            raise
        return entry

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info["returned"] = time.monotonic()
        super()._do_return_conn(record)

    def _is_at_hand(self, entry: _ConnectionRecord) -> bool:
        if entry.dbapi_connection is None or entry.starttime < self._invalidate_time:
            return False
        if 0 <= self._recycle < time.time() - entry.starttime or self._is_idle(entry):
            return False
        return not self.checks.is_closed(entry.driver_connection)

    def _is_alive(self, entry: _ConnectionRecord) -> bool:
        connection = entry.driver_connection
        if self.checks.is_closed(connection):
            return False
        if self.checks.ping is not None and self._is_idle(entry):
            try:
                await_(asyncio.wait_for(self.checks.ping(connection), PING_SECONDS))
            except Exception:
                return False
        return True

    def _is_idle(self, entry: _ConnectionRecord) -> bool:
        now = time.monotonic()
        return now - entry.info.get("returned", now) > IDLE_SECONDS
