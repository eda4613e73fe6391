"""SQLite: one file, many readers, one writer at a time."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from operator import attrgetter
from typing import Any, TypeAlias

import aiosqlite
from anyio import CancelScope
from pydantic import Field
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.database.failure import Failure
from app.core.database.monitor import QuerySettings
from app.core.database.pool import Checks, MeasuredPool
from app.core.observability.identity import IdentitySettings
from app.core.resource import Unusable


class DatabaseSettings(QuerySettings, IdentitySettings):
    """Where the data is, and how long to wait for it."""

    # A file: in memory, every connection would see a database of its own.
    database_url: str = Field(
        default="sqlite+aiosqlite:///app.db", pattern=r"^sqlite\+aiosqlite:///[^:?]+$"
    )
    # Connections in all: one writes, the others read.
    database_pool_size: int = Field(default=5, ge=2)
    # For a connection of the pool.
    database_pool_timeout_seconds: float = Field(default=5, gt=0)
    # For the lock that the one writer holds.
    database_lock_timeout_seconds: float = Field(default=5, ge=0)


# What the driver raises when a row breaks a constraint.
Violation: type[Exception] = sqlite3.IntegrityError
Driver: TypeAlias = aiosqlite.Connection

# What Alembic has to know: most of a table can't be altered in place, so it is copied; and the
# transaction that holds the lock takes back what a migration did before it failed.
MIGRATION_OPTIONS: dict[str, Any] = {"render_as_batch": True, "transactional_ddl": True}

# The migration before may take longer than any request should.
MIGRATION_SETTINGS = {"database_lock_timeout_seconds": 600}

# What it says when it can't serve at the moment; all else is somebody's mistake.
AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
}

# The oldest with RETURNING.
OLDEST = (3, 35)


class FilePool(MeasuredPool):
    """A pool that knows whether a connection was left in the middle of something."""

    checks = Checks(in_transaction=attrgetter("in_transaction"))

    def _close_connection(self, connection: DBAPIConnection, *, terminate: bool = False) -> None:
        if terminate:
            # Nobody waits for what it does any more, and SQLite would do it to the end.
            self._dialect.get_driver_connection(connection)._conn.interrupt()
        super()._close_connection(connection, terminate=terminate)


def create_engine(settings: DatabaseSettings) -> AsyncEngine:
    """Make the engine that writes: transactions take the write lock when they begin.

    It has one connection, so that writers of this process queue for it in order, rather than
    poll for the lock with a connection each in hand that readers could use.
    """
    engine = connect(settings, pool_size=1)
    event.listen(engine.sync_engine, "begin", begin_immediate)
    return engine


def create_read_engine(settings: DatabaseSettings, _engine: AsyncEngine) -> AsyncEngine:
    """Make the engine that reads: nothing begins, so what it would write is taken back."""
    return connect(settings, pool_size=settings.database_pool_size - 1)


def connect(settings: DatabaseSettings, pool_size: int) -> AsyncEngine:
    """Make a pool of connections that are prepared."""
    engine = create_async_engine(
        settings.database_url,
        poolclass=FilePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        connect_args={
            "async_creator_fn": open_file,
            "timeout": settings.database_lock_timeout_seconds,
        },
        # Errors are logged, and values may be personal.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", prepare_connection)
    return engine


async def open_file(path: str, **options: Any) -> Driver:
    """Open a connection, or leave nothing behind: neither its thread nor an open file."""
    connection = aiosqlite.connect(path, **options)
    # It need not be over when the process is.
    connection._thread.daemon = True
    opening = asyncio.ensure_future(connection)
    try:
        return await asyncio.shield(opening)
    except BaseException:
        with CancelScope(shield=True):
            with suppress(sqlite3.Error):
                await (await opening).close()
            await asyncio.to_thread(connection._thread.join)
        raise


def prepare_connection(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Set what SQLite's defaults leave out, for compatibility with its past."""
    cursor = connection.cursor()
    # Readers and the writer don't wait for one another.
    cursor.execute("PRAGMA journal_mode = WAL")
    # With WAL this never corrupts; a power cut may take the last commits.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def begin_immediate(connection: Connection) -> None:
    """Begin a transaction with the write lock in hand.

    Begun without it, a transaction that reads and then writes fails at once when another
    wrote in between ("database is locked", the timeout doesn't apply), or loses an update.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


async def fetch(connection: Driver, sql: str, values: Sequence[object]) -> Sequence[Sequence[Any]]:
    """Run a query on the driver's own connection."""
    return list(await connection.execute_fetchall(sql, values))


async def execute(connection: Driver, sql: str, values: Sequence[object]) -> int:
    """Change rows on the driver's own connection, and tell how many there were."""
    return (await connection.execute(sql, values)).rowcount


async def insert(connection: Driver, sql: str, values: Sequence[object]) -> int:
    """Run an INSERT on the driver's own connection, and give the `id` of the row."""
    return (await fetch(connection, f"{sql} RETURNING id", values))[0][0]


@asynccontextmanager
async def begun(connection: Driver) -> AsyncGenerator[None]:
    """Begin a transaction on the driver's own connection, and commit it."""
    await connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        await connection.rollback()
        raise
    await connection.commit()


# What makes a statement a transaction of its own: left alone, it would wait for a commit.
alone = begun


def failure_of(error: Exception) -> Failure | None:
    """Tell a file that is locked, full or gone from a statement that is wrong."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code: int = getattr(original, "sqlite_errorcode", 0)
    return Failure.AWAY if code & 0xFF in AWAY else None


async def check_server(_connection: AsyncConnection) -> None:
    """Raise `Unusable` if the library is too old."""
    if sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise Unusable(f"SQLite {sqlite3.sqlite_version} is too old: the service needs {needed}.")


async def connection_limit(_connection: AsyncConnection) -> int | None:
    """Nobody counts connections to a file."""
    return None


@asynccontextmanager
async def migration_lock(connection: AsyncConnection) -> AsyncGenerator[None]:
    """Hold a transaction in which no other migration runs: here, any transaction will do."""
    async with connection.begin():
        yield
