"""How Alembic finds the tables and the database."""

import asyncio
import sys

from alembic import context
from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

import app.api  # noqa: F401 - with the routers come the models
from app.core.database.engine import (
    MIGRATION_OPTIONS,
    MIGRATION_SETTINGS,
    create_engine,
    failure_of,
    migration_lock,
)
from app.core.database.model import Model
from app.core.observability.logging import configure_logging
from app.core.server.entry import explain
from app.settings import Settings


def run_migrations(connection: Connection) -> None:
    """Run what is new, on a connection that is in a transaction."""
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        compare_type=True,
        **MIGRATION_OPTIONS,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Migrate under a lock: several that start at once take turns, and all succeed."""
    settings = Settings().model_copy(update=MIGRATION_SETTINGS)
    configure_logging(settings)
    engine = create_engine(settings)
    try:
        async with engine.connect() as connection, migration_lock(connection):
            await connection.run_sync(run_migrations)
    finally:
        await engine.dispose()


try:
    asyncio.run(main())
except ValidationError as error:
    sys.exit(explain(error))
except DBAPIError as error:
    if failure_of(error) is None:
        raise
    sys.exit(f"error: The database can't be migrated: {error.orig}")
