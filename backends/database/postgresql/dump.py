"""Dumps: everything that a query finds, written by PostgreSQL itself (COPY)."""

from collections.abc import Awaitable, Callable
from math import ceil

from app.core.database.direct import AnySelect, CheckedOut
from app.core.database.engine import GRACE_SECONDS, begun, failure_of
from app.core.database.failure import translated
from app.core.database.session import Database


async def dump_csv(
    database: Database,
    statement: AnySelect,
    write: Callable[[bytes], Awaitable[object]],
    *,
    limit_seconds: float = 3600,
) -> int:
    """Write rows as CSV with a header, in pieces of any length, and count them.

    All rows are of one moment. The connection is held until the last piece is written, so this is
    for jobs; what a client downloads goes through `in_batches`. Cells that a spreadsheet would
    take for formulas stay what they are.
    """
    engine = database.read_engine.sync_engine
    with translated(failure_of):
        async with CheckedOut(engine) as connection, begun(connection):
            # COPY takes no parameters. Compiled here, where the dialect has met the server.
            options = {"literal_binds": True}
            sql = statement.compile(dialect=engine.dialect, compile_kwargs=options).string
            await connection.execute(
                f"SET LOCAL statement_timeout = {ceil(limit_seconds * 1000)};"
                "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'"
            )
            # Without a limit of its own the driver applies the one for a single statement.
            status: str = await connection.copy_from_query(
                sql,
                output=write,
                format="csv",
                header=True,
                encoding="utf-8",
                timeout=limit_seconds + GRACE_SECONDS,
            )
    return int(status.removeprefix("COPY "))
