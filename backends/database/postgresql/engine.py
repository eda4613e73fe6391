"""PostgreSQL, through asyncpg."""

import ssl
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from math import ceil
from operator import methodcaller
from typing import Annotated, Any, TypeAlias, TypeVar

import asyncpg
from pydantic import AfterValidator, Field
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.core.database.connections import ConnectionSettings, as_url, engine_options, tls_context
from app.core.database.failure import Failure
from app.core.database.monitor import QuerySettings
from app.core.database.pool import Checks, MeasuredPool
from app.core.observability.identity import IdentitySettings
from app.core.resource import Unusable

T = TypeVar("T")


Url = Annotated[str, AfterValidator(partial(as_url, "postgresql+asyncpg", "postgres", 5432))]


class DatabaseSettings(ConnectionSettings, QuerySettings, IdentitySettings):
    """Where the data is, and how long to wait for it."""

    # It holds a password: never log it.
    database_url: Url = Field(
        default="postgresql+asyncpg://postgres@localhost:5432/postgres", repr=False
    )
    # For one statement, by the server; the service itself waits a little longer.
    database_statement_timeout_seconds: float = Field(default=30, gt=0)
    # For a lock that another transaction holds.
    database_lock_timeout_seconds: float = Field(default=5, gt=0)
    # Between two statements of a transaction: meanwhile it holds locks, and dead rows pile up.
    database_idle_transaction_timeout_seconds: float = Field(default=30, gt=0)
    # Behind PgBouncer in transaction mode. It passes none of the three above on: set them with
    # `ALTER ROLE … SET statement_timeout`.
    database_pgbouncer: bool = False


# The oldest that gets security fixes still.
OLDEST = 14

# What makes a statement a transaction of its own: nothing, it is one.
alone = nullcontext
# What the driver raises when a row breaks a constraint.
Violation: type[Exception] = asyncpg.IntegrityConstraintViolationError
Driver: TypeAlias = asyncpg.Connection

# What Alembic has to know: nothing here.
MIGRATION_OPTIONS: dict[str, Any] = {}

# A migration may take its time.
MIGRATION_SETTINGS = {"database_statement_timeout_seconds": 3600}

# Any number that no other program uses for a lock in this database.
MIGRATION_LOCK = 7_401_990_412

# How much longer than the server the service waits for a statement to end.
GRACE_SECONDS = 5
# For a connection that is given up: to cancel what it does, and to say goodbye.
FAREWELL_SECONDS = 1

# SQLSTATEs, or the classes that they begin with.
FAILURES = {
    "08": Failure.AWAY,  # connection exceptions
    "53": Failure.AWAY,  # out of connections, memory or disk
    "57P": Failure.AWAY,  # stopping, or starting
    "58": Failure.AWAY,  # the system below fails
    "25006": Failure.AWAY,  # it became a replica, which only reads
    "25P03": Failure.AWAY,  # the transaction was idle for too long
    "55P03": Failure.AWAY,  # the lock wasn't given back in time
    "28": Failure.REFUSED,
    "3D": Failure.REFUSED,
    "40001": Failure.CONFLICT,
    "40P01": Failure.CONFLICT,
    "57014": Failure.SLOW,
}


class AsyncpgPool(MeasuredPool):
    """A pool that knows what to ask its connections."""

    checks = Checks(Driver.is_in_transaction, Driver.is_closed, methodcaller("fetchrow", ";"))


def create_engine(settings: DatabaseSettings) -> AsyncEngine:
    """Make the engine that writes: each session is a transaction."""
    engine = create_async_engine(
        settings.database_url,
        poolclass=AsyncpgPool,
        **engine_options(settings),
        connect_args=connect_arguments(settings),
    )
    # With a raised error, whoever listens next, such as the monitor, wouldn't hear of it.
    event.listen(engine.sync_engine, "handle_error", name_timeout, retval=True)
    return engine


def create_read_engine(_settings: DatabaseSettings, engine: AsyncEngine) -> AsyncEngine:
    """Make the engine that reads, on the same pool: without BEGIN and ROLLBACK, two trips less."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Say it as asyncpg wants it."""
    timeouts = {
        "statement_timeout": settings.database_statement_timeout_seconds,
        "lock_timeout": settings.database_lock_timeout_seconds,
        "idle_in_transaction_session_timeout": settings.database_idle_transaction_timeout_seconds,
    }
    options: dict[str, Any] = {
        "async_creator_fn": connect,
        "timeout": settings.database_connect_timeout_seconds,
        # For a server that has gone without a word. One that is there says so itself, before.
        "command_timeout": settings.database_statement_timeout_seconds + GRACE_SECONDS,
        "ssl": tls_context(settings) or False,
        "server_settings": {"application_name": settings.service_name},
    }
    if settings.database_pgbouncer:
        # The next statement may run on another connection of the server: nothing is prepared
        # under a name there.
        options["statement_cache_size"] = 0
        options["prepared_statement_cache_size"] = 0
        options["prepared_statement_name_func"] = lambda: ""
    else:
        options["server_settings"] |= {
            name: str(ceil(seconds * 1000)) for name, seconds in timeouts.items()
        }
    return options


async def connect(*arguments: Any, **options: Any) -> asyncpg.Connection:
    """Connect, and name what the network has against it as the server would."""
    try:
        return await asyncpg.connect(*arguments, **options)
    except OSError as error:
        reason = str(error) or "no answer in time"
        # No TLS, or somebody else's certificate: that doesn't mend itself.
        if isinstance(error, ssl.SSLCertVerificationError) or "rejected SSL" in reason:
            raise asyncpg.InvalidAuthorizationSpecificationError(reason) from error
        raise asyncpg.CannotConnectNowError(reason) from error
    except asyncpg.ProtocolViolationError as error:
        if "unsupported startup parameter" not in str(error):
            raise
        reason = "this is PgBouncer, so set DATABASE_PGBOUNCER=True"
        raise asyncpg.InvalidAuthorizationSpecificationError(reason) from error


def name_timeout(context: ExceptionContext) -> Exception | None:
    """Name the service's own time limit for a statement as the server names its."""
    if not isinstance(context.original_exception, TimeoutError):
        return None
    # SQLAlchemy gives up the connection: the answer may come still.
    return asyncpg.QueryCanceledError("no answer in time")


async def in_time(connection: Driver, answer: Awaitable[T]) -> T:
    """Do the same on the driver's own connection, and give it up."""
    try:
        return await answer
    except TimeoutError as error:
        with suppress(Exception):
            await connection.close(timeout=FAREWELL_SECONDS)
        raise asyncpg.QueryCanceledError("no answer in time") from error


async def fetch(connection: Driver, sql: str, values: Sequence[object]) -> Sequence[Sequence[Any]]:
    """Run a query on the driver's own connection."""
    return await in_time(connection, connection.fetch(sql, *values))


async def execute(connection: Driver, sql: str, values: Sequence[object]) -> int:
    """Change rows on the driver's own connection, and tell how many there were."""
    return int((await in_time(connection, connection.execute(sql, *values))).split()[-1])


async def insert(connection: Driver, sql: str, values: Sequence[object]) -> int:
    """Run an INSERT on the driver's own connection, and give the `id` of the row."""
    return (await fetch(connection, f"{sql} RETURNING id", values))[0][0]


@asynccontextmanager
async def begun(connection: Driver) -> AsyncGenerator[None]:
    """Begin a transaction on the driver's own connection, and commit it."""
    transaction = connection.transaction()
    await in_time(connection, transaction.start())
    try:
        yield
    except BaseException:
        # With the connection the transaction is gone, and the reason is worth more than that.
        if not connection.is_closed():
            with suppress(Exception):
                await in_time(connection, transaction.rollback())
        raise
    await in_time(connection, transaction.commit())


def failure_of(error: Exception) -> Failure | None:
    """Tell what the database is about to say; `None` if it is about a mistake."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state: str = getattr(original, "sqlstate", None) or ""
    for length in (5, 3, 2):
        if failure := FAILURES.get(state[:length]):
            return failure
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return Failure.AWAY if is_lost or is_about_an_end(error) else None


def is_about_an_end(error: BaseException) -> bool:
    """Tell a connection that has ended from one that is used in a wrong way."""
    is_about_use = isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)
    return is_about_use and "closed" in str(error)


async def check_server(connection: AsyncConnection) -> None:
    """Raise `Unusable` if the server is too old."""
    version = (await connection.exec_driver_sql("SHOW server_version_num")).scalar_one()
    if int(version) < OLDEST * 10_000:
        major = int(version) // 10_000
        raise Unusable(f"PostgreSQL {major} is too old: the service needs {OLDEST} or later.")


async def connection_limit(connection: AsyncConnection) -> int | None:
    """Tell how many connections the server allows to those who aren't superusers."""
    sql = """SELECT current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int"""
    return (await connection.exec_driver_sql(sql)).scalar_one()


@asynccontextmanager
async def migration_lock(connection: AsyncConnection) -> AsyncGenerator[None]:
    """Hold a transaction in which no other migration runs."""
    async with connection.begin():
        await connection.exec_driver_sql("SET LOCAL lock_timeout = '10min'")
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK}
        )
        # Whoever waits for a table makes all others wait behind it: that must end soon.
        await connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
        yield
