"""One request, one transaction: committed before the answer leaves, or not at all."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.core.database.check import check_budget, check_database
from app.core.database.direct import CheckedOut, DirectConnection, DirectQuery, DirectTransaction
from app.core.database.effects import Effect, run_effects
from app.core.database.engine import (
    DatabaseSettings,
    alone,
    begun,
    create_engine,
    create_read_engine,
    failure_of,
)
from app.core.database.failure import Failure, translated
from app.core.database.monitor import QueryMonitor
from app.core.database.pool import MeasuredPool, Waits
from app.core.resource import Unusable

logger = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

# How often a unit of work is tried when others are in its way.
ATTEMPTS = 4


class WriteSession(AsyncSession):
    """A session whose transaction ends with the block that opened it."""

    def after_commit(self, effect: Effect) -> None:
        """Run an effect once the transaction is committed, and only then."""
        self.info.setdefault("after_commit", []).append(effect)


class Database:
    """The connections, and the ways to use them: to write, to read, and to read fast."""

    name = "database"
    totals = frozenset({"timeouts", "wait_seconds"})

    def __init__(
        self,
        engine: AsyncEngine,
        read_engine: AsyncEngine,
        monitor: QueryMonitor,
        processes: int,
        extra: int = 0,
    ) -> None:
        self.engine = engine
        self.read_engine = read_engine
        self.monitor = monitor
        monitor.watch(engine.sync_engine)
        if read_engine.pool is not engine.pool:
            monitor.watch(read_engine.sync_engine)
        self._write_sessions = async_sessionmaker(
            engine, class_=WriteSession, expire_on_commit=False
        )
        self._read_sessions = async_sessionmaker(read_engine, expire_on_commit=False)
        self.waits = Waits()
        for pool in self._pools():
            pool.waits = self.waits
        self._processes, self._extra = processes, extra
        self._is_checked = False

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[WriteSession]:
        """Open a session that commits when the block ends well, then runs the effects."""
        with translated(failure_of):
            async with self._transaction() as session:
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """Open a session for queries alone: each sees what is committed when it runs."""
        with translated(failure_of):
            async with self._read_sessions() as session:
                yield session

    @asynccontextmanager
    async def direct(self) -> AsyncGenerator[DirectConnection]:
        """Take a connection for queries that go straight to the driver."""
        with translated(failure_of):
            engine = self.read_engine.sync_engine
            async with CheckedOut(engine) as connection:
                yield DirectConnection(connection, engine.dialect, self.monitor)

    async def fetch_value(self, query: DirectQuery, **parameters: object) -> Any:
        """Run one query straight at the driver, and give the first column of its first row."""
        async with self.direct() as connection:
            return await connection.fetch_value(query, **parameters)

    async def insert(self, query: DirectQuery, **parameters: object) -> int:
        """Store a row in a transaction of its own, and give its `id`."""
        return await self.run_single(lambda alone: alone.insert(query, **parameters))

    async def execute(self, query: DirectQuery, **parameters: object) -> int:
        """Change rows in a transaction of its own, and tell how many there were."""
        return await self.run_single(lambda alone: alone.execute(query, **parameters))

    @asynccontextmanager
    async def direct_transaction(self) -> AsyncGenerator[DirectTransaction]:
        """Open a transaction of statements that go straight to the driver."""
        with translated(failure_of):
            async with self._direct_transaction() as transaction:
                yield transaction

    async def run(self, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """Do a unit of work in a transaction; again, if another one was in its way.

        That is for deadlocks and serialization failures, which take everything back. The work
        may run several times, so whatever it does besides belongs into `after_commit`.
        """
        return await self._repeat(lambda: within(self._transaction(), work))

    async def run_direct(self, work: Callable[[DirectTransaction], Awaitable[T]]) -> T:
        """Do the same with statements that go straight to the driver."""
        return await self._repeat(lambda: within(self._direct_transaction(), work))

    async def run_single(self, work: Callable[[DirectTransaction], Awaitable[T]]) -> T:
        """Do what takes a single statement: without BEGIN and COMMIT that is two trips less."""

        async def attempt() -> T:
            engine = self.engine.sync_engine
            async with CheckedOut(engine) as connection, alone(connection):
                return await work(DirectTransaction(connection, engine.dialect, self.monitor))

        return await self._repeat(attempt)

    async def _repeat(self, attempt: Callable[[], Awaitable[T]]) -> T:
        with translated(failure_of):
            for number in range(1, ATTEMPTS):
                try:
                    return await attempt()
                except Exception as error:
                    if failure_of(error) is not Failure.CONFLICT:
                        raise
                    logger.info("Attempt %d of a transaction failed: %s", number, error)
                # Those who got in each other's way don't come back at the same time.
                await asyncio.sleep(random.uniform(0, 0.02 * 2**number))  # noqa: S311 - no secret
            return await attempt()

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[WriteSession]:
        async with self._write_sessions.begin() as session:
            yield session
        await run_effects(session.info.get("after_commit", ()))

    @asynccontextmanager
    async def _direct_transaction(self) -> AsyncGenerator[DirectTransaction]:
        engine = self.engine.sync_engine
        async with CheckedOut(engine) as connection:
            transaction = DirectTransaction(connection, engine.dialect, self.monitor)
            async with begun(connection):
                yield transaction
        await run_effects(transaction.effects)

    async def ping(self) -> None:
        """Make the smallest query; at first, look whether the service can use what is there."""
        try:
            async with self.read_engine.connect() as connection:
                if self._is_checked:
                    await connection.exec_driver_sql("SELECT 1")
                else:
                    await check_database(connection)
                    await check_budget(connection, self.budget, self._processes)
                    self._is_checked = True
        except DBAPIError as error:
            if failure_of(error) is Failure.REFUSED:
                raise Unusable(f"The database refuses the service: {error.orig}") from error
            raise ConnectionError(str(error.orig)) from error

    def stats(self) -> Mapping[str, float]:
        """Count the connections, by what they do."""
        pools = self._pools()
        return {
            "size": sum(pool.size() for pool in pools),
            "limit": self.limit,
            "checked_in": sum(pool.checkedin() for pool in pools),
            "checked_out": sum(pool.checkedout() for pool in pools),
            "overflow": sum(max(pool.overflow(), 0) for pool in pools),
            **self.waits.stats(),
        }

    @property
    def limit(self) -> int:
        """Count the connections that the pools may open."""
        return sum(pool.limit for pool in self._pools())

    @property
    def budget(self) -> int:
        """Count those that the process may open, beside the pools too."""
        return self._extra + self.limit

    def _pools(self) -> set[MeasuredPool]:
        return cast("set[MeasuredPool]", {self.engine.pool, self.read_engine.pool})


async def within(opened: AbstractAsyncContextManager[S], work: Callable[[S], Awaitable[T]]) -> T:
    """Do work in a transaction."""
    async with opened as transaction:
        return await work(transaction)


@asynccontextmanager
async def open_database(settings: DatabaseSettings, extra: int = 0) -> AsyncGenerator[Database]:
    """Open pools, whose connections are made as they are needed; others open `extra` ones."""
    engine = create_engine(settings)
    read_engine = create_read_engine(settings, engine)
    try:
        yield Database(engine, read_engine, QueryMonitor(settings), settings.workers, extra)
    finally:
        await read_engine.dispose()
        await engine.dispose()


async def get_database(connection: HTTPConnection) -> Database:
    """Take the database from a request or a socket."""
    database: Database = connection.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]


# They look the database up by themselves: each dependency less is some 20 µs.
async def get_session(connection: HTTPConnection) -> AsyncGenerator[WriteSession]:
    """Open the transaction of a request."""
    database: Database = connection.state.database
    async with database.write() as session:
        yield session


# `scope="function"`: with the default, the commit comes after the response, and a client
# has its 201 when the commit fails.
SessionDep = Annotated[WriteSession, Depends(get_session, scope="function")]
