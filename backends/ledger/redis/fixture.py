"""The ledger that the tests of tasks use."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.core.tasks.contract import Ledger
from app.core.tasks.ledger import open_ledger
from app.settings import Settings


@pytest.fixture
def broker_url(live_broker_url: str) -> str:
    """Where tasks are kept: no test of the application can do without."""
    return live_broker_url


@asynccontextmanager
async def opened_ledger(settings: Settings) -> AsyncGenerator[Ledger]:
    """Open it."""
    async with open_ledger(settings) as ledger:
        yield ledger
