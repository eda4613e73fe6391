"""MySQL and MariaDB, through asyncmy."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from math import ceil
from operator import attrgetter, methodcaller
from ssl import SSLEOFError, SSLError
from typing import Annotated, Any

import asyncmy
from asyncmy.errors import Error, OperationalError
from pydantic import AfterValidator, Field
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.core.database.connections import ConnectionSettings, as_url, engine_options, tls_context
from app.core.database.failure import Failure
from app.core.database.monitor import QuerySettings
from app.core.database.pool import Checks, MeasuredPool
from app.core.observability.identity import IdentitySettings
from app.core.resource import Unusable

logging.getLogger("asyncmy").setLevel(logging.ERROR)  # it repeats what the server warns of


Url = Annotated[str, AfterValidator(partial(as_url, "mysql+asyncmy", "mariadb", 3306))]


class DatabaseSettings(ConnectionSettings, QuerySettings, IdentitySettings):
    """Where the data is, and how long to wait for it."""

    # It holds a password: never log it.
    database_url: Url = Field(default="mysql+asyncmy://root@localhost:3306/service", repr=False)
    # For one statement, by the server (MySQL: a SELECT); the service waits a little longer.
    database_statement_timeout_seconds: float = Field(default=30, gt=0)
    # For a lock that another transaction holds. The server counts whole seconds.
    database_lock_timeout_seconds: float = Field(default=5, gt=0)
    # Between two statements of a transaction, while it holds locks. MySQL knows no such limit.
    database_idle_transaction_timeout_seconds: float = Field(default=30, gt=0)


OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}

# What makes a statement a transaction of its own: nothing, it is one.
alone = nullcontext
# What the driver raises when a row breaks a constraint.
Violation: type[Exception] = asyncmy.errors.IntegrityError

# Alembic has to know nothing, and a migration may take its time.
MIGRATION_OPTIONS: dict[str, Any] = {}
MIGRATION_SETTINGS = {"database_statement_timeout_seconds": 3600}

# By the numbers of both servers; with 0, and from 2000 to 2999, the driver itself speaks.
FAILURES = {
    # Full, stopping, out of its cluster, read-only; a lock that wasn't given back in time (1205).
    Failure.AWAY: {
        *(1021, 1037, 1040, 1041, 1047, 1053, 1114, 1203, 1205, 1226, 1290, 1836, 1927, 4031),
        *(0, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2055),
    },
    # No such user, password or database; no TLS; no way to log in.
    Failure.REFUSED: {1044, 1045, 1049, 1130, 1698, 2026, 2059, 2061, 3159},
    # A deadlock, a commit that failed, what changed since it was read or prepared.
    Failure.CONFLICT: {1020, 1180, 1213, 1412, 1615, 3101},
    # The limit for statements ended it, or somebody did.
    Failure.SLOW: {1317, 1969, 3024},
}


class Driver(asyncmy.Connection):
    """A connection that rolls back only where something has begun: after a read, nothing has."""

    async def rollback(self) -> None:
        """Take back what the transaction did."""
        if self.get_transaction_status():
            await super().rollback()


class AsyncmyPool(MeasuredPool):
    """A pool that knows what to ask its connections."""

    # The second is private, but all else that the driver tells it has from its last query.
    checks = Checks(
        Driver.get_transaction_status, attrgetter("_stream_broken"), methodcaller("ping", False)
    )


def create_engine(settings: DatabaseSettings) -> AsyncEngine:
    """Make the engine that writes: each session is a transaction."""
    engine = create_async_engine(
        settings.database_url,
        poolclass=AsyncmyPool,
        **engine_options(settings),
        connect_args=connect_arguments(settings),
    )
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def create_read_engine(_settings: DatabaseSettings, engine: AsyncEngine) -> AsyncEngine:
    """Make the engine that reads, on the same pool: without BEGIN and ROLLBACK, two trips less."""
    # SQLAlchemy's AUTOCOMMIT would take four, to switch it on and off.
    return engine.execution_options(reads=True)


def begin(connection: Connection) -> None:
    """Begin in words: left alone, connections commit each statement, so a read is one trip."""
    if not connection.get_execution_options().get("reads"):
        connection.exec_driver_sql("BEGIN")


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Say it as asyncmy wants it."""
    return {
        "async_creator_fn": partial(connect, settings),
        "autocommit": True,
        "charset": "utf8mb4",  # whatever the URL says
        # For a server that has gone without a word. One that is there says so itself, before.
        "read_timeout": settings.database_statement_timeout_seconds + 5,
        "ssl": tls_context(settings),
        "program_name": settings.service_name,
        # Prepared statements cost the service half of what texts do, and the server less.
        "stmt_cache_size": 100,
    }


async def connect(settings: DatabaseSettings, **options: Any) -> Driver:
    """Connect, prepare the session, and say plainly what went wrong."""
    connection: Any = Driver(**options)
    try:
        async with asyncio.timeout(settings.database_connect_timeout_seconds):
            await connection.connect()
            await connection.query(session_settings(settings, connection.get_server_info()))
            # Each statement sees what is committed, as on the other databases. The default,
            # REPEATABLE READ, also locks gaps, and its UPDATE sees more than the SELECT before.
            await connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    except (Error, TimeoutError, RuntimeError) as error:
        connection.close()
        raise explained(error, settings) from error.__cause__
    return connection


def explained(error: Exception, settings: DatabaseSettings) -> Exception:
    """Name as the driver would what it doesn't name itself."""
    cause = error.__cause__
    if isinstance(cause, SSLError) and not isinstance(cause, SSLEOFError):
        # A certificate that is wrong, or a server without TLS: waiting won't mend it.
        return OperationalError(2026, f"no TLS (DATABASE_TLS={settings.database_tls}): {cause}")
    if isinstance(error, RuntimeError):  # it can't send the password without TLS
        return OperationalError(2061, f"{error}; or set DATABASE_TLS to required")
    return OperationalError(2003, "no answer in time") if isinstance(error, TimeoutError) else error


def session_settings(settings: DatabaseSettings, version: str) -> str:
    """Write what a session has to know; the two servers don't know the same names."""
    statement = settings.database_statement_timeout_seconds
    lock = ceil(settings.database_lock_timeout_seconds)
    if "MariaDB" in version:
        idle = ceil(settings.database_idle_transaction_timeout_seconds)
        own = f"max_statement_time = {statement}, idle_transaction_timeout = {idle}"
        mode = "TRADITIONAL"
    else:
        own = f"max_execution_time = {ceil(statement * 1000)}"
        mode = "TRADITIONAL,ONLY_FULL_GROUP_BY"
    # Texts in a query compare as those in the tables do. The second lock is that of a table:
    # whoever waits for one makes all others wait behind it.
    return f"""SET SESSION {own}, sql_mode = '{mode}', time_zone = '+00:00',
        collation_connection = @@collation_database,
        innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"""


async def fetch(connection: Driver, sql: str, values: Sequence[object]) -> Sequence[Sequence[Any]]:
    """Run a query on the driver's own connection."""
    cursor = connection.cursor()
    await cursor.execute(sql, values)
    return list(await cursor.fetchall())


async def execute(connection: Driver, sql: str, values: Sequence[object]) -> int:
    """Change rows on the driver's own connection, and tell how many there were."""
    return await connection.cursor().execute(sql, values)


async def insert(connection: Driver, sql: str, values: Sequence[object]) -> int:
    """Run an INSERT on the driver's own connection, and give the `id` of the row."""
    cursor = connection.cursor()
    await cursor.execute(sql, values)
    return cursor.lastrowid


@asynccontextmanager
async def begun(connection: Driver) -> AsyncGenerator[None]:
    """Begin a transaction on the driver's own connection, and commit it."""
    await connection.begin()
    try:
        yield
        await connection.commit()
    except Exception:
        await connection.rollback()
        raise


def failure_of(error: Exception) -> Failure | None:
    """Tell what the database is about to say; `None` if it is about a mistake."""
    original = error.orig if isinstance(error, DBAPIError) else error
    number = original.args[0] if isinstance(original, Error) and original.args else None
    if number == 2013 and "(read timeout)" in str(original):  # the service's own limit
        return Failure.SLOW
    named = (failure for failure, numbers in FAILURES.items() if number in numbers)
    return next(named, Failure.AWAY if getattr(error, "connection_invalidated", False) else None)


async def check_server(connection: AsyncConnection) -> None:
    """Raise `Unusable` if the server is too old, or its database can't keep every text."""
    sql = "SELECT VERSION(), DATABASE(), @@character_set_database"
    version, database, charset = map(str, (await connection.exec_driver_sql(sql)).one())
    server = "MariaDB" if "MariaDB" in version else "MySQL"
    if tuple(map(int, re.findall("[0-9]+", version)[:2])) < OLDEST[server]:
        oldest = ".".join(map(str, OLDEST[server]))
        raise Unusable(f"{server} {version} is too old: the service needs {oldest} or later.")
    if charset != "utf8mb4":
        alter = f"ALTER DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        raise Unusable(f"Its character set is {charset}: before it is migrated, run `{alter}`.")


async def connection_limit(connection: AsyncConnection) -> int | None:
    """Tell how many connections the server allows."""
    return (await connection.exec_driver_sql("SELECT @@max_connections")).scalar_one()


@asynccontextmanager
async def migration_lock(connection: AsyncConnection) -> AsyncGenerator[None]:
    """Hold a lock while no other migration runs; Alembic makes a transaction for each."""
    name = "CONCAT('migrate-', MD5(DATABASE()))"  # all databases share the names
    sql = f"SELECT GET_LOCK({name}, 600)"
    if not (await connection.exec_driver_sql(sql)).scalar_one():
        raise DBAPIError(sql, None, OperationalError(1205, "another migration takes too long"))
    await connection.commit()
    try:
        yield
    finally:
        # It outlives a transaction that failed, or that nobody ended.
        await connection.rollback()
        await connection.exec_driver_sql(f"DO RELEASE_LOCK({name})")
