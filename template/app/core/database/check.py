"""What has to be right before anything is served."""

import logging
from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database.engine import check_server, connection_limit
from app.core.resource import Unusable

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[3]

# The rest is for migrations, for people, and for the next version while this one stops.
SHARE = 0.8


async def check_database(connection: AsyncConnection) -> None:
    """Raise `Unusable` if the server is too old, or migrations are missing."""
    await check_server(connection)
    await connection.run_sync(check_revision)


def check_revision(connection: Connection) -> None:
    """Raise `Unusable` if a migration that the code needs hasn't run.

    A revision that the code doesn't know is a later one: an older version of the service runs
    beside a newer one during a deployment, and after it was rolled back.
    """
    scripts = migrations()
    heads = set(scripts.get_heads())
    current = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in scripts.walk_revisions()}
    if current != heads and current <= known:
        found = ", ".join(sorted(current)) or "none"
        raise Unusable(
            f"The database is at revision {found}, not {', '.join(sorted(heads))}:"
            " run `alembic upgrade head` (`just migrate`)."
        )


@cache
def migrations() -> ScriptDirectory:
    """Read the migrations that come with the code."""
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))


async def check_budget(connection: AsyncConnection, per_process: int, processes: int) -> None:
    """Warn if the pools of all processes together want more than the server has."""
    limit = await connection_limit(connection)
    wanted = per_process * processes
    if limit is not None and wanted > limit * SHARE:
        logger.warning(
            "The pools may open %d connections (processes: %d, each: %d), and the server allows %d"
            " to all its clients: lower DATABASE_POOL_SIZE or WORKERS, or put a pooler in between",
            wanted,
            processes,
            per_process,
            limit,
        )
