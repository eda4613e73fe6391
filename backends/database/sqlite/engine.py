"""SQLite: one file, many readers, one writer at a time."""

import sqlite3

from pydantic import BaseModel, Field
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry


class DatabaseSettings(BaseModel):
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


# What Alembic has to know: most of a table can't be altered in place, so it is copied; and the
# transaction that holds the lock takes back what a migration did before it failed.
MIGRATION_OPTIONS = {"render_as_batch": True, "transactional_ddl": True}

# What it says when it can't serve at the moment; all else is somebody's mistake.
UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
}


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
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        connect_args={"timeout": settings.database_lock_timeout_seconds},
        # Errors are logged, and values may be personal.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", prepare_connection)
    return engine


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


def is_unavailable(error: DBAPIError) -> bool:
    """Tell a file that is locked, full or gone from a statement that is wrong."""
    code: int = getattr(error.orig, "sqlite_errorcode", 0)
    return code & 0xFF in UNAVAILABLE


async def lock_migrations(connection: AsyncConnection) -> None:
    """Begin a transaction in which no other migration runs: here, any transaction will do."""
    await connection.begin()
