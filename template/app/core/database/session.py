"""One request, one transaction: committed before the answer leaves, or not at all."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.pool import QueuePool

from app.core.database.engine import (
    DatabaseSettings,
    create_engine,
    create_read_engine,
    is_unavailable,
)
from app.core.errors import Unavailable

logger = logging.getLogger(__name__)

Effect = Callable[[], Awaitable[None]]


class WriteSession(AsyncSession):
    """A session whose transaction ends with the block that opened it."""

    def after_commit(self, effect: Effect) -> None:
        """Run an effect once the transaction is committed, and only then."""
        self.info.setdefault("after_commit", []).append(effect)


class Database:
    """The connections, and the two kinds of session on them."""

    name = "database"

    def __init__(self, engine: AsyncEngine, read_engine: AsyncEngine) -> None:
        self.engine = engine
        self.read_engine = read_engine
        self._write_sessions = async_sessionmaker(
            engine, class_=WriteSession, expire_on_commit=False
        )
        self._read_sessions = async_sessionmaker(read_engine, expire_on_commit=False)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[WriteSession]:
        """Open a session that commits when the block ends well, then runs the effects."""
        with unavailable_if_down():
            async with self._write_sessions.begin() as session:
                yield session
        for effect in session.info.get("after_commit", ()):
            try:
                await effect()
            except Exception:
                # The data is stored: the client is told so, and the log what is missing.
                logger.exception("An effect failed after its commit")

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """Open a session for queries alone: each sees what is committed when it runs."""
        with unavailable_if_down():
            async with self._read_sessions() as session:
                yield session

    async def ping(self) -> None:
        """Make the smallest query."""
        async with self._read_sessions() as session:
            await session.execute(text("SELECT 1"))

    def stats(self) -> Mapping[str, float]:
        """Count the connections, by what they do."""
        pools = cast("set[QueuePool]", {self.engine.pool, self.read_engine.pool})
        return {
            "size": sum(pool.size() for pool in pools),
            "checked_in": sum(pool.checkedin() for pool in pools),
            "checked_out": sum(pool.checkedout() for pool in pools),
            "overflow": sum(max(pool.overflow(), 0) for pool in pools),
        }


@contextmanager
def unavailable_if_down() -> Generator[None]:
    """Tell a database that is away, locked or overrun from a mistake of the service."""
    try:
        yield
    except (PoolTimeoutError, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not is_unavailable(error):
            raise
        logger.warning("The database is unavailable: %s", error)
        raise Unavailable("The database is unavailable. Try again.") from error


@asynccontextmanager
async def open_database(settings: DatabaseSettings) -> AsyncGenerator[Database]:
    """Open the pools; connections are made as they are needed."""
    engine = create_engine(settings)
    read_engine = create_read_engine(settings, engine)
    try:
        yield Database(engine, read_engine)
    finally:
        await read_engine.dispose()
        await engine.dispose()


async def get_database(connection: HTTPConnection) -> Database:
    """Take the database from a request or a socket."""
    database: Database = connection.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]


async def get_session(database: DatabaseDep) -> AsyncGenerator[WriteSession]:
    """Open the transaction of a request."""
    async with database.write() as session:
        yield session


# `scope="function"`: with the default, the commit comes after the response, and a client
# has its 201 when the commit fails.
SessionDep = Annotated[WriteSession, Depends(get_session, scope="function")]
