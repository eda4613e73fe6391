"""Asks the service what it says of slow queries."""

from collections.abc import AsyncIterator

from sqlalchemy import literal, select, text

from app.core.database.direct import DirectQuery
from app.core.database.session import DatabaseDep
from tests.review.guards.querying import UNLOGGED
from tests.review.serving import Served

# Whoever waits for a query notices that; a threshold above it is none.
LONGEST_MILLISECONDS = 1000
DIRECT = DirectQuery(select(literal(4711).label("direct")))


async def probe_log_of_slow_queries(served: Served) -> AsyncIterator[str]:
    """Make every query a slow one, run some, and look whether the log tells."""
    settings = served.state["settings"]
    if settings.database_slow_query_milliseconds > LONGEST_MILLISECONDS:
        slow = settings.database_slow_query_milliseconds / 1000
        yield f"a query isn't slow before it has taken {slow:,.0f} s"
    served.state["database"].monitor.slow_seconds = 0

    @served.app.get("/review/queries")
    async def queries(database: DatabaseDep) -> None:
        async with database.read() as session:
            await session.execute(text("SELECT 1 AS reading"))
        async with database.write() as session:
            await session.execute(text("SELECT 1 AS writing"))
        await database.fetch_value(DIRECT)

    await served.client.get("/review/queries")
    for name in ("reading", "writing", "direct"):
        if not served.has_said(name):
            yield f"a slow query isn't logged ({name})"


PROBES = {UNLOGGED: probe_log_of_slow_queries}
