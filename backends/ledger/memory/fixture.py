"""The ledger that the tests of tasks use."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

from app.core.tasks.contract import Ledger
from app.core.tasks.ledger import open_ledger
from app.settings import Settings


@asynccontextmanager
async def opened_ledger(settings: Settings) -> AsyncGenerator[Ledger]:
    """Open one of the test's own, which shares no schedule with other processes."""
    settings = settings.model_copy(update={"service_name": f"test-{uuid4().hex}"})
    async with open_ledger(settings) as ledger:
        yield ledger
