"""SQLite: one file, many readers, one writer at a time."""

from pydantic import BaseModel, Field
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry


class DatabaseSettings(BaseModel):
    """Where the data is, and how long to wait for it."""

    # A file: in memory, every connection would see a database of its own.
    database_url: str = Field(
        default="sqlite+aiosqlite:///app.db", pattern=r"^sqlite\+aiosqlite:///[^:?]+$"
    )
    database_pool_size: int = Field(default=5, ge=1)
    # For a connection of the pool.
    database_pool_timeout_seconds: float = Field(default=5, gt=0)
    # For the lock that the one writer holds.
    database_lock_timeout_seconds: float = Field(default=5, ge=0)


# What Alembic has to know: most of a table can't be altered in place, so it is copied; and the
# transaction that holds the lock takes back what a migration did before it failed.
MIGRATION_OPTIONS = {"render_as_batch": True, "transactional_ddl": True}


def create_engine(settings: DatabaseSettings) -> AsyncEngine:
    """Make an engine whose transactions take the write lock when they begin."""
    engine = create_async_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        connect_args={"timeout": settings.database_lock_timeout_seconds},
        # Errors are logged, and values may be personal.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", prepare_connection)
    event.listen(engine.sync_engine, "begin", begin_immediate)
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
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def reading(engine: AsyncEngine) -> AsyncEngine:
    """Give a view of the engine whose queries take no lock; what it writes is taken back."""
    return engine.execution_options(reading=True)


async def lock_migrations(connection: AsyncConnection) -> None:
    """Begin a transaction in which no other migration runs: here, any transaction will do."""
    await connection.begin()
