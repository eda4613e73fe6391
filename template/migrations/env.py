"""How Alembic finds the tables and the database."""

import asyncio

from alembic import context
from sqlalchemy import Connection

import app.api  # noqa: F401 - with the routers come the models
from app.core.database.engine import MIGRATION_OPTIONS, create_engine, lock_migrations
from app.core.database.model import Model
from app.core.observability.logging import configure_logging
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
    # The one before may take longer than any request should.
    settings = Settings().model_copy(update={"database_lock_timeout_seconds": 600})
    configure_logging(settings)
    engine = create_engine(settings)
    try:
        async with engine.connect() as connection:
            await lock_migrations(connection)
            await connection.run_sync(run_migrations)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(main())
